package gatewaytest

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/gateway"
)

// patience bounds the wait for a proxy.
const patience = 5 * time.Second

// Program is the path of a proxy's program. What is missing is installed, as it is for a cluster; that
// needs root.
func Program(t *testing.T, name string) string {
	t.Helper()
	store, err := binary.Open("", ".", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Install(t.Context(), binary.ProxyPackages()); err != nil {
		t.Fatal(err)
	}
	path, err := binary.LookHost(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Proxy is a real proxy on loopback.
type Proxy struct {
	Process        *gateway.Process
	Render         func(gateway.Table) string
	Address        string // where it listens
	Stdout, Stderr Stream // give these to Process
}

// Load starts the proxy with a table; it is stopped when the test ends.
func (p *Proxy) Load(t *testing.T, table gateway.Table) {
	t.Helper()
	if _, err := p.Process.Load(t.Context(), p.Render(table)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Process.Stop(patience); err != nil {
			t.Error(err)
		}
	})
}

// Get is the status of the answer to a host. It waits until the proxy listens.
func (p *Proxy) Get(t *testing.T, host string) int {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.Address+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host, req.Close = host, true
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body) // what it says is not looked at
			resp.Body.Close()
			return resp.StatusCode
		}
		if time.Now().After(deadline) {
			t.Fatalf("get %s: %v", host, err)
		}
	}
}

// TestReloads tests what every proxy must do with another configuration, on one that was given the
// table of [Failing].
func (p *Proxy) TestReloads(t *testing.T, table gateway.Table) {
	t.Run("a refused configuration leaves the running one alone", func(t *testing.T) {
		if _, err := p.Process.Load(t.Context(), "nonsense;"); err == nil {
			t.Fatal("got no error for a configuration that the proxy refuses")
		}
		if got := p.Get(t, "good.test"); got != http.StatusOK {
			t.Errorf("got status %d, want 200", got)
		}
	})
	t.Run("a reload changes the answer", func(t *testing.T) {
		table.Hosts = table.Hosts[:1]
		if changed, err := p.Process.Load(t.Context(), p.Render(table)); err != nil || !changed {
			t.Fatalf("got changed %v, error %v", changed, err)
		}
		for deadline := time.Now().Add(patience); p.Get(t, "good.test") != http.StatusNotFound; {
			if time.Now().After(deadline) {
				t.Fatal("the old configuration still answers")
			}
		}
	})
}

// Stream collects what a process writes.
type Stream struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to the stream; it never fails.
func (s *Stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String is all that was written.
func (s *Stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Await waits for text that matches a pattern.
func (s *Stream) Await(t *testing.T, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(patience); !re.MatchString(s.String()); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no line matches %s in:\n%s", pattern, s.String())
		}
	}
}
