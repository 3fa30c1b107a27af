//go:build lab

package signals

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/caddy"
	"github.com/gatemend/gatemend/internal/signal/prom"
	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/gateway"
	"github.com/gatemend/gatemend/lab/gateway/gatewaytest"
)

// caddyfile is Caddy's configuration: a site for each backend, with its log on stdout, and metrics by host.
func caddyfile(address, admin string, table gateway.Table) string {
	_, port, _ := strings.Cut(address, ":")
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\tadmin %s\n\tauto_https off\n\tmetrics {\n\t\tper_host\n\t}\n}\n", admin)
	for _, backend := range table.Backends {
		fmt.Fprintf(&b, "http://%s.test:%s {\n\tbind 127.0.0.1\n\tlog {\n\t\toutput stdout\n\t\tformat json\n\t}\n\treverse_proxy %s {\n\t\tlb_try_duration 0\n\t}\n}\n",
			backend.Key.Service, port, strings.Join(backend.Endpoints, " "))
	}
	return b.String()
}

// startCaddy runs Caddy until the test ends.
func startCaddy(t *testing.T, config string) *gatewaytest.Stream {
	t.Helper()
	store, err := binary.Open("", "..", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	programs, err := store.Ensure(t.Context(), "caddy")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, programs["caddy"], "run", "--adapter", "caddyfile", "--config", file)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	out := &gatewaytest.Stream{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	return out
}

// scrapeCaddy counts what Caddy's metrics say was answered, by host and status, until the test ends.
func scrapeCaddy(t *testing.T, admin string) func() map[string]uint64 {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "edge", Name: "caddy", UID: "1"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "caddy", Image: "caddy/ingress:latest"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "127.0.0.1"},
	}
	s := prom.NewScraper(prom.ScrapeOptions{
		Every: 100 * time.Millisecond, Now: time.Now, Pods: func() []*corev1.Pod { return []*corev1.Pod{pod} },
		Get: func(ctx context.Context, _ *corev1.Pod, _ int32, path string) (io.ReadCloser, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+admin+path, http.NoBody)
			if err != nil {
				return nil, err
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return nil, err
			}
			return resp.Body, nil
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	counts, ended := make(chan []model.Count), make(chan error, 1)
	go func() { ended <- s.Run(ctx, counts) }()
	var mu sync.Mutex
	sum := map[string]uint64{}
	var adding sync.WaitGroup
	adding.Go(func() {
		for {
			select {
			case all := <-counts:
				mu.Lock()
				for _, c := range all {
					sum[fmt.Sprint(c.Host, " ", c.Status)] += c.Requests
				}
				mu.Unlock()
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() {
		if unseen := s.Unseen(); t.Failed() {
			t.Logf("what the scraper does not see: %+v", unseen)
		}
		cancel()
		adding.Wait()
		<-ended
	})
	return func() map[string]uint64 {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(sum)
	}
}

// What a real Caddy logs and counts is what its clients got, failure by failure.
func TestCaddyIsUnderstood(t *testing.T) {
	table, _ := gatewaytest.Failing(t)
	address, admin := gatewaytest.FreeAddress(t), gatewaytest.FreeAddress(t)
	out := startCaddy(t, caddyfile(address, admin, table))
	get(t, address, "good.test") // it answers
	counted := scrapeCaddy(t, admin)
	want := map[string]uint64{}
	for deadline := time.Now().Add(10 * time.Second); counted()["good.test 404"] == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is counted")
		}
		get(t, address, "good.test") // asks for a path that is not there
	}
	for _, b := range table.Backends {
		for range requests {
			want[fmt.Sprint(b.Key.Service, ".test ", status(t, address, b.Key.Service+".test"))]++
		}
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		got := counted()
		delete(got, "good.test 404")
		if maps.Equal(got, want) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("its metrics count %v, its clients got %v", got, want)
		}
	}

	var signals []model.Signal
	parser := caddy.NewParser()
	for line := range bytes.Lines([]byte(out.String())) {
		var s model.Signal
		switch parser.Parse(bytes.TrimSpace(line), &s) {
		case proxy.Access, proxy.ErrorLine:
			signals = append(signals, s)
		case proxy.Foreign, proxy.Event: // of itself
		}
	}
	logged, failures := map[string]uint64{}, map[string]model.FailureKind{}
	joiner := detect.NewJoiner(func(s *model.Signal) {
		if s.ErrorLog {
			t.Errorf("nobody's error: %+v", s)
			return
		}
		logged[fmt.Sprint(s.Request.Host, " ", s.Status)]++
		failures[s.Request.Host] = s.Failure
	})
	for i := range signals {
		joiner.Add(&signals[i])
	}
	joiner.Flush()
	delete(logged, "good.test 404") // by get
	if !maps.Equal(logged, want) {
		t.Errorf("its log has %v, its clients got %v", logged, want)
	}
	for host, kind := range map[string]model.FailureKind{
		"good.test": model.NoFailure, "refused.test": model.Refused, "closing.test": model.ClosedEarly, "failing.test": model.UpstreamStatus, "empty.test": model.NoEndpoints,
	} {
		if failures[host] != kind {
			t.Errorf("%s fails by %q, want %q", host, failures[host], kind)
		}
	}
}

// status asks once, and says what was answered.
func status(t *testing.T, address, host string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host, req.Close = host, true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body) // what it says is not looked at
	resp.Body.Close()
	return resp.StatusCode
}
