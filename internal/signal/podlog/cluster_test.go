package podlog

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// cluster is an API server that knows pods and their logs, and nothing else.
type cluster struct {
	*httptest.Server
	client kubernetes.Interface

	mu       sync.Mutex
	cond     *sync.Cond
	pods     []corev1.Pod
	events   []metav1.WatchEvent
	lines    map[string][]string // by pod name, with stamps
	previous map[string][]string // of the container before
	cut      map[string]int      // how often the connections of a log were to be broken
	opened   map[string][]string // the sinceTime of each request for a log
	asked    map[string][]string // the same for the log of the container before
	forbid   bool                // reading logs
	away     bool                // logs and single pods
	noList   bool                // listing pods
	finished bool
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{
		lines: map[string][]string{}, previous: map[string][]string{}, cut: map[string]int{},
		opened: map[string][]string{}, asked: map[string][]string{},
	}
	c.cond = sync.NewCond(&c.mu)
	c.Server = httptest.NewServer(http.HandlerFunc(c.serve))
	transport := &http.Transport{}
	client, err := kubernetes.NewForConfig(&rest.Config{Host: c.URL, Transport: transport, QPS: 1000, Burst: 1000})
	if err != nil {
		t.Fatal(err)
	}
	c.client = client
	t.Cleanup(func() {
		c.change(func() { c.finished = true })
		transport.CloseIdleConnections()
		c.Close()
	})
	return c
}

func (c *cluster) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.cond.Broadcast()
}

// write appends to a pod's log.
func (c *cluster) write(pod string, lines ...string) {
	c.change(func() { c.lines[pod] = append(c.lines[pod], lines...) })
}

func (c *cluster) breakLog(pod string) { c.change(func() { c.cut[pod]++ }) }

// restart puts a new container in the place of that of lb-1, whose log got more lines after connections broke.
// The pod's status tells of it only if told is set: the API's may lag behind the kubelet's.
func (c *cluster) restart(told bool, unheard ...string) {
	const pod = "lb-1"
	c.change(func() {
		c.cut[pod]++
		c.previous[pod], c.lines[pod] = append(c.lines[pod], unheard...), nil
		for i := range c.pods {
			if s := c.pods[i].Status.ContainerStatuses; told && c.pods[i].Name == pod {
				s[0].RestartCount++
				s[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
					ContainerID: fmt.Sprint("containerd://", s[0].RestartCount), FinishedAt: metav1.NewTime(time.Date(2026, 5, 4, 8, 30, 19, 0, time.UTC)),
				}
			}
		}
	})
}

// offline lets something happen while nobody can read.
func (c *cluster) offline(happens func()) {
	c.change(func() {
		c.away = true
		for i := range c.pods {
			c.cut[c.pods[i].Name]++
		}
	})
	happens()
	c.change(func() { c.away = false })
}

// rotate begins the log anew.
func (c *cluster) rotate(pod string) {
	c.change(func() { c.cut[pod]++; c.lines[pod] = nil })
}

// reopened waits until a log was opened so often.
func (c *cluster) reopened(t *testing.T, pod string, times int) {
	t.Helper()
	await(t, "the log to be opened again", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.opened[pod]) == times })
}

func (c *cluster) event(kind string, pod corev1.Pod) {
	c.change(func() {
		raw, _ := json.Marshal(pod)
		e := metav1.WatchEvent{Type: kind}
		e.Object.Raw = raw
		c.events = append(c.events, e)
	})
}

func gateway(name string) corev1.Pod {
	return corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "edge", Name: name, UID: types.UID("uid-" + name), ResourceVersion: "5"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "controller", Image: "registry.test/ingress-nginx/controller:v1"}}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name: "controller", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		}}},
	}
}

func (c *cluster) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/log"):
		c.serveLog(w, r)
	case !strings.HasSuffix(r.URL.Path, "/pods"):
		c.mu.Lock()
		defer c.mu.Unlock()
		for i := range c.pods {
			if !c.away && strings.HasSuffix(r.URL.Path, "/"+c.pods[i].Name) {
				answer(w, c.pods[i])
				return
			}
		}
		if c.away {
			refuse(w, metav1.StatusReasonInternalError, http.StatusInternalServerError)
			return
		}
		refuse(w, metav1.StatusReasonNotFound, http.StatusNotFound)
	case r.URL.Query().Get("sendInitialEvents") == "true":
		refuse(w, metav1.StatusReasonInvalid, http.StatusUnprocessableEntity)
	case r.URL.Query().Get("watch") == "true" || r.URL.Query().Get("watch") == "1":
		c.serveWatch(w, r)
	default:
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.noList {
			refuse(w, metav1.StatusReasonForbidden, http.StatusForbidden)
			return
		}
		answer(w, corev1.PodList{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, ListMeta: metav1.ListMeta{ResourceVersion: "5"}, Items: c.pods,
		})
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, reason metav1.StatusReason, code int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: reason, Code: int32(code), Message: string(reason),
	})
}

func (c *cluster) serveWatch(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.(http.Flusher).Flush()
	stop := c.wakeWhenGone(r)
	defer stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for sent := 0; r.Context().Err() == nil && !c.finished; {
		for ; sent < len(c.events); sent++ {
			_ = json.NewEncoder(w).Encode(c.events[sent])
		}
		w.(http.Flusher).Flush()
		c.cond.Wait()
	}
}

func (c *cluster) serveLog(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	pod := parts[len(parts)-2]
	stop := c.wakeWhenGone(r)
	defer stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forbid {
		refuse(w, metav1.StatusReasonForbidden, http.StatusForbidden)
		return
	}
	if c.away {
		refuse(w, metav1.StatusReasonInternalError, http.StatusInternalServerError)
		return
	}
	since := r.URL.Query().Get("sinceTime")
	if r.URL.Query().Get("previous") == "true" {
		c.asked[pod] = append(c.asked[pod], since)
		if c.previous[pod] == nil {
			refuse(w, metav1.StatusReasonBadRequest, http.StatusBadRequest)
			return
		}
		send(w, c.previous[pod], since)
		return
	}
	c.opened[pod] = append(c.opened[pod], since)
	cut := c.cut[pod]
	w.(http.Flusher).Flush()
	for sent := 0; r.Context().Err() == nil && !c.finished; {
		if c.cut[pod] > cut {
			fmt.Fprint(w, "2026-05-04T08:59:59.0Z 192.0.2.1 - - half a li")
			return
		}
		send(w, c.lines[pod][sent:], since)
		sent = len(c.lines[pod])
		w.(http.Flusher).Flush()
		c.cond.Wait()
	}
}

func send(w http.ResponseWriter, lines []string, since string) {
	for _, line := range lines {
		// Stamps of equal length compare as text; the API compares whole seconds.
		if since == "" || line[:19] >= since[:19] {
			fmt.Fprintln(w, line)
		}
	}
}

// wakeWhenGone wakes the handlers once a client went away, so that they look at their context.
func (c *cluster) wakeWhenGone(r *http.Request) (stop func()) {
	done := make(chan struct{})
	go func() {
		select {
		case <-r.Context().Done():
			c.change(func() {})
		case <-done:
		}
	}()
	return func() { close(done) }
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
