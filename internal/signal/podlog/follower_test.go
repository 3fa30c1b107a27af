package podlog

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// access is an access line of ingress-nginx with the stamp that the API puts before it.
func access(stamp, path string, status int) string {
	at, _ := time.Parse(time.RFC3339Nano, stamp)
	return fmt.Sprintf(`%s 192.0.2.1 - - [%s] "GET %s HTTP/1.1" %d 12 "-" "x" 5 0.001 [shop-web-80] [] 10.1.0.5:80 12 0.001 %d id`,
		stamp, at.UTC().Format("02/Jan/2006:15:04:05 -0700"), path, status, status)
}

func start(t *testing.T, c *cluster, o Options) (*Follower, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	if o.Retry == 0 {
		o.Retry = time.Millisecond
	}
	f := Stream(ctx, c.client, o)
	t.Cleanup(func() {
		cancel()
		for range f.Signals() {
		}
	})
	return f, cancel
}

func receive(t *testing.T, f *Follower) model.Signal {
	t.Helper()
	select {
	case s := <-f.Signals():
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("waited in vain for a signal")
		return model.Signal{}
	}
}

func TestFollowsGatewaysOnly(t *testing.T) {
	c := newCluster(t)
	app := gateway("app")
	app.Spec.Containers[0].Image = "shop.test/app:v1"
	c.pods = []corev1.Pod{gateway("lb-1"), app}
	c.write("lb-1", access("2026-05-04T08:30:15.250000000Z", "/a", 200))
	f, cancel := start(t, c, Options{})

	got := receive(t, f)
	if got.Request.Path != "/a" || got.Source != "edge/lb-1/controller" || got.Gateway.Name != "lb-1" {
		t.Errorf("got %+v", got)
	}
	if want := time.Date(2026, 5, 4, 8, 30, 15, 250e6, time.UTC); !got.At.Equal(want) {
		t.Errorf("at %v, want the finer time of the stamp, %v", got.At, want)
	}
	c.write("lb-1", access("2026-05-04T08:30:16.000000000Z", "/b", 502))
	if got := receive(t, f); got.Request.Path != "/b" || got.Status != 502 {
		t.Errorf("got %+v", got)
	}
	<-f.Listed()
	if pods := f.Pods(); len(pods) != 1 || pods[0].String() != "Pod edge/lb-1" {
		t.Errorf("follows %v", pods)
	}
	cancel()
	if _, open := <-f.Signals(); open {
		t.Error("the channel is open after the end")
	}
}

func TestFollowsPodsThatAppearLater(t *testing.T) {
	c := newCluster(t)
	f, _ := start(t, c, Options{})
	<-f.Listed()
	waiting := gateway("lb-2")
	waiting.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{}}
	c.event("ADDED", waiting)
	running := gateway("lb-2")
	running.ResourceVersion = "6"
	c.write("lb-2", access("2026-05-04T08:30:15.250000000Z", "/a", 200))
	c.event("MODIFIED", running)
	if got := receive(t, f); got.Gateway.Name != "lb-2" {
		t.Errorf("got %+v", got)
	}
	c.event("DELETED", running)
	await(t, "the deleted pod to be let go", func() bool { return len(f.Pods()) == 0 && f.Counts().Open == 0 })
}

// A broken connection neither loses nor repeats lines, not even lines of the same instant.
func TestReconnects(t *testing.T) {
	c := newCluster(t)
	c.pods = []corev1.Pod{gateway("lb-1")}
	c.write("lb-1",
		access("2026-05-04T08:30:15.000000000Z", "/0", 200),
		access("2026-05-04T08:30:16.100000000Z", "/1", 200),
		access("2026-05-04T08:30:16.100000000Z", "/1", 200), // the same again: two requests
		access("2026-05-04T08:30:16.100000000Z", "/2", 200),
	)
	f, _ := start(t, c, Options{})
	var paths []string
	for range 4 {
		paths = append(paths, receive(t, f).Request.Path)
	}
	for i := range 3 {
		c.breakLog("lb-1")
		c.reopened(t, "lb-1", i+2)
		c.write("lb-1", access("2026-05-04T08:30:16.100000000Z", fmt.Sprintf("/same-%d", i), 200))
		c.write("lb-1", access(fmt.Sprintf("2026-05-04T08:30:16.%d00000000Z", i+2), fmt.Sprintf("/later-%d", i), 200))
		paths = append(paths, receive(t, f).Request.Path, receive(t, f).Request.Path)
	}
	want := []string{"/0", "/1", "/1", "/2", "/same-0", "/later-0", "/same-1", "/later-1", "/same-2", "/later-2"}
	if d := cmp.Diff(want, paths); d != "" {
		t.Errorf("paths (-want +got)\n%s", d)
	}
	if n := f.Counts(); n.Requests != 10 || n.Reopened != 3 || n.Dropped != 0 || n.Foreign != 0 {
		t.Errorf("counts %+v", n)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, since := range c.opened["lb-1"] {
		if (i == 0) != (since == "") || i > 0 && !strings.HasPrefix(since, "2026-05-04T08:30:16") {
			t.Errorf("request %d asks for lines since %q", i, since)
		}
	}
}

func TestSlowReaderLosesSignals(t *testing.T) {
	c := newCluster(t)
	c.pods = []corev1.Pod{gateway("lb-1")}
	for i := range 50 {
		c.write("lb-1", access(fmt.Sprintf("2026-05-04T08:30:15.%09dZ", i), "/", 200))
	}
	c.write("lb-1", "2026-05-04T08:30:16.000000000Z what is this")
	f, _ := start(t, c, Options{Buffer: 10})
	await(t, "all lines to be read", func() bool { return f.Counts().Lines == 51 })
	if n := f.Counts(); n.Dropped != 40 || n.Requests != 50 || n.Foreign != 1 {
		t.Errorf("counts %+v, want 40 dropped, 50 requests, 1 foreign", n)
	}
}

func TestSaysWhatCannotBeSeen(t *testing.T) {
	c := newCluster(t)
	c.pods = []corev1.Pod{gateway("lb-1")}
	c.forbid = true
	f, _ := start(t, c, Options{})
	want := []model.Unseen{{What: "edge/lb-1/controller", Why: "reading the pod's log is forbidden"}}
	await(t, "the note", func() bool { return cmp.Equal(f.Unseen(), want) })
	c.change(func() { c.forbid = false })
	await(t, "the note to be taken back", func() bool { return len(f.Unseen()) == 0 })
}

func TestSaysThatPodsCannotBeListed(t *testing.T) {
	c := newCluster(t)
	c.noList = true
	f, _ := start(t, c, Options{})
	want := []model.Unseen{{What: "gateway pods", Why: "listing pods is forbidden"}}
	await(t, "the note", func() bool { return cmp.Equal(f.Unseen(), want) })
}

func TestShrinkKeepsWhatGatewaysNeed(t *testing.T) {
	pod := gateway("lb-1")
	pod.Annotations = map[string]string{"big": strings.Repeat("x", 1000)}
	o, err := shrink(&pod)
	small, ok := o.(*corev1.Pod)
	if err != nil || !ok || small.Annotations != nil || !started(small, "controller") {
		t.Errorf("got %+v, %v", o, err)
	}
	app := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "app"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "nginx"}}}}
	o, _ = shrink(&app)
	if small := o.(*corev1.Pod); len(small.Spec.Containers) != 0 || small.Name != "app" {
		t.Errorf("got %+v", small)
	}
}

// What was told of a gateway's log is how it is read.
func TestFollowsToldFormats(t *testing.T) {
	formats, err := all.ParseFormats([]string{"edge/lb=nginx:$status $request_uri"})
	if err != nil {
		t.Fatal(err)
	}
	c := newCluster(t)
	c.pods = []corev1.Pod{gateway("lb-1")}
	c.write("lb-1", "2026-05-04T08:30:15.250000000Z 502 /own")
	f, _ := start(t, c, Options{Formats: formats})
	if got := receive(t, f); got.Request.Path != "/own" || got.Status != 502 {
		t.Errorf("got %+v", got)
	}
}
