//go:build lab

package signals

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/nodefile"
	"github.com/gatemend/gatemend/internal/signal/podlog"
	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/manifest"
)

const (
	kubeletCluster = "kubelet"
	logSize        = "64Ki" // so that every look of the kubelet rotates
	half           = 5000   // requests of each gateway before and after its container is killed
	workers        = 4
	pace           = 8 * time.Millisecond // of each worker: half a thousand requests a second make the half last some rotations
)

// edge is a gateway whose log is followed while it is rotated and its container dies.
type edge struct {
	manifest.Gateway
	role, address, pod, id string
}

// heard counts numbered requests by gateway and number.
type heard struct {
	mu    sync.Mutex
	times map[string]int
}

var numbered = regexp.MustCompile(`/(web|cart|api)/([0-9]+)[ "?]`)

func (h *heard) listen(signals <-chan model.Signal) {
	for s := range signals {
		if m := numbered.FindString(s.Request.Path + " "); m != "" && !s.ErrorLog {
			h.mu.Lock()
			h.times[strings.TrimSpace(m)]++
			h.mu.Unlock()
		}
	}
}

func (h *heard) all() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.times)
}

// leftOut is of how many lines one may be left out by the API; see TestRealKubelet.
const leftOut = 1000

// TestRealKubelet follows the logs of real gateways by the API server and on the node while the kubelet rotates and
// compresses them and while their containers are killed. What the files hold in the end must have been heard on the
// node, once, and by the API nothing twice.
//
// The kubelet that follows a log for the API goes on in the new file when it sees that there is one, without
// looking once more at the end of the old (kubernetes/kubernetes, pkg/kubelet/kuberuntime/logs/logs.go: ReadLogs): now
// and then it leaves out lines that were written in that moment, and nobody downstream can know. Few are allowed.
func TestRealKubelet(t *testing.T) {
	lab := labtest.Open(t, kubeletCluster, cluster.Options{Name: kubeletCluster, LogSize: logSize})
	lab.Install(t)
	root := lab.Nodes()[0].PodLogs()
	edges := gateways(t, lab)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pods := podlog.Stream(ctx, lab.Client.Kube, podlog.Options{Since: time.Now()})
	files := nodefile.Follow(ctx, nodefile.Options{Root: root, Now: time.Now, Want: wanted(edges)})
	api, node := &heard{times: map[string]int{}}, &heard{times: map[string]int{}}
	var listening sync.WaitGroup
	listening.Go(func() { api.listen(pods.Signals()) })
	listening.Go(func() { node.listen(files.Signals()) })
	<-pods.Listed()

	for _, e := range edges {
		answers(t, lab, e, 0)
	}
	send(t, lab, edges, 0, half)
	for _, e := range edges {
		if err := lab.Kill(ctx, 1, e.id); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range edges {
		answers(t, lab, e, 1)
	}
	send(t, lab, edges, half, 2*half)

	var wrote map[string]int
	within, done := context.WithTimeout(ctx, time.Minute)
	defer done()
	err := manifest.Until(within, "both followers to have heard what was written", func(context.Context) (string, error) {
		wrote = written(t, root, edges)
		byAPI, byNode := differences(wrote, api.all()), differences(wrote, node.all())
		if len(wrote) < 2*half*len(edges)*9/10 || len(byNode) > 0 || twice(byAPI) || len(byAPI) > len(wrote)/leftOut {
			return fmt.Sprintf("%d written; by the API %d differ, as %v; on the node %d differ, as %v", len(wrote), len(byAPI), some(byAPI), len(byNode), some(byNode)), nil
		}
		return "", nil
	})
	t.Logf("written: %d requests, by the API %d left out, rotated files: %d; by the API %+v %q; on the node %+v %q",
		len(wrote), len(differences(wrote, api.all())), rotated(t, root), pods.Counts(), pods.Notices(), files.Counts(), files.Notices())
	if err != nil {
		t.Error(err)
	}
	if n := rotated(t, root); n < len(edges) {
		t.Errorf("the kubelet rotated %d logs; that proves nothing", n)
	}
	cancel()
	listening.Wait()
}

// gateways are those whose pods are killed, with what is to be killed.
func gateways(t *testing.T, lab *labtest.Lab) []edge {
	t.Helper()
	var out []edge
	for _, g := range manifest.Gateways() {
		if g.Name == "envoy-json" {
			continue // the same proxy once more
		}
		d, err := lab.Client.Kube.AppsV1().Deployments(g.Namespace).Get(t.Context(), g.Service, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		pods, err := lab.Client.Pods(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if len(pods) != 1 {
			t.Fatalf("%s has %d pods; which of them takes requests is not known", g.Name, len(pods))
		}
		e := edge{Gateway: g, role: strings.TrimSuffix(g.Hosts[0], ".shop.test"), address: lab.Address(t, g.Name), pod: pods[0].Name}
		for _, s := range pods[0].Status.ContainerStatuses {
			if s.Name == g.Container {
				e.id = s.ContainerID
			}
		}
		out = append(out, e)
	}
	return out
}

// wanted knows the containers that are followed by their names.
func wanted(edges []edge) func(nodefile.Container) (nodefile.Gateway, bool) {
	return func(c nodefile.Container) (nodefile.Gateway, bool) {
		ok := slices.ContainsFunc(edges, func(e edge) bool {
			return c.Namespace == e.Namespace && c.Pod == e.pod && c.Name == e.Container
		})
		return nodefile.Gateway{Parser: all.NewAuto()}, ok
	}
}

func page(t *testing.T, client *http.Client, e edge, path string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+e.address+path, http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Host = e.Hosts[0]
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, errors.Join(err, resp.Body.Close())
}

// send asks every gateway for the pages from one number up to another.
func send(t *testing.T, lab *labtest.Lab, edges []edge, from, to int) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: lab.DialContext, MaxIdleConnsPerHost: workers}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	var sending sync.WaitGroup
	for _, e := range edges {
		for w := range workers {
			sending.Go(func() {
				tick := time.NewTicker(pace)
				defer tick.Stop()
				for n := from + w; n < to; n += workers {
					<-tick.C
					if status, err := page(t, client, e, fmt.Sprintf("/%s/%d", e.role, n)); err != nil || status != http.StatusOK {
						t.Errorf("%s, page %d: %d, %v", e.Name, n, status, err)
						return
					}
				}
			})
		}
	}
	sending.Wait()
}

// answers waits until a gateway serves whose container was killed so often.
func answers(t *testing.T, lab *labtest.Lab, e edge, restarts int32) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: lab.DialContext, DisableKeepAlives: true}, Timeout: 2 * time.Second}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := manifest.Until(ctx, e.Name+" to serve", func(ctx context.Context) (string, error) {
		pod, err := lab.Client.Kube.CoreV1().Pods(e.Namespace).Get(ctx, e.pod, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		for _, s := range pod.Status.ContainerStatuses {
			if s.Name == e.Container && (s.RestartCount < restarts || !s.Ready) {
				return fmt.Sprintf("%d restarts, ready: %v", s.RestartCount, s.Ready), nil
			}
		}
		if status, err := page(t, client, e, "/"); err != nil || status != http.StatusOK {
			return fmt.Sprintf("it answers %d, %v", status, err), nil
		}
		return "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// written reads, the plain way, what all files of the gateways' logs hold.
func written(t *testing.T, root string, edges []edge) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, e := range edges {
		paths, err := filepath.Glob(filepath.Join(root, e.Namespace+"_"+e.pod+"_*", e.Container, "*.log*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			count(t, path, out)
		}
	}
	return out
}

func count(t *testing.T, path string, into map[string]int) {
	t.Helper()
	f, err := os.Open(path) //nolint:gosec // a log of the lab
	if os.IsNotExist(err) || strings.HasSuffix(path, ".tmp") {
		return // it was renamed or compressed since it was listed, and will be counted the next time
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // only read
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return // as above
		}
	}
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if m := numbered.FindString(lines.Text()); m != "" && !strings.Contains(lines.Text(), "[error]") {
			into[m[:len(m)-1]]++
		}
	}
}

// differences are the requests that were heard more or less often than they were written.
func differences(wrote, heard map[string]int) map[string]int {
	out := map[string]int{}
	for what, n := range wrote {
		if heard[what] != n {
			out[what] = heard[what] - n
		}
	}
	for what, n := range heard {
		if wrote[what] == 0 {
			out[what] = n
		}
	}
	return out
}

// twice reports whether anything was heard more often than it was written.
func twice(differences map[string]int) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(differences)), func(n int) bool { return n > 0 })
}

func some(m map[string]int) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m))[:min(5, len(m))] {
		out = append(out, fmt.Sprintf("%s %+d", k, m[k]))
	}
	return out
}

// rotated is how many files the kubelet has put aside.
func rotated(t *testing.T, root string) int {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "*", "*", "*.log.*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(paths)
}
