//go:build lab

package nginx_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"sync"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/lab/gateway"
	"github.com/gatemend/gatemend/lab/gateway/nginx"
	"github.com/gatemend/gatemend/lab/shop"
)

// stream collects what a process writes.
type stream struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func upstream(t *testing.T, change func(*shop.Options)) string {
	t.Helper()
	o := shop.Defaults()
	change(&o)
	srv := httptest.NewServer(o.Handler())
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

func get(t *testing.T, address, host string) int {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host, req.Close = host, true
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			return resp.StatusCode
		}
		if time.Now().After(deadline) {
			t.Fatalf("get %s: %v", host, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func waitFor(t *testing.T, s *stream, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(5 * time.Second); !re.MatchString(s.String()); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no line matches %s in:\n%s", pattern, s.String())
		}
	}
}

func TestRealNginxAnswersAndLogsAsIngressNginx(t *testing.T) {
	binary, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal(err)
	}
	good := upstream(t, func(*shop.Options) {})
	big := upstream(t, func(o *shop.Options) { o.HeaderBytes = 16 << 10 })
	closing := upstream(t, func(o *shop.Options) { o.CloseShare = 1 })
	failing := upstream(t, func(o *shop.Options) { o.ErrorShare = 1 })
	refused1, refused2 := freeAddress(t), freeAddress(t)
	backends := []gateway.Backend{
		backend("big", "80", gateway.Found, big), backend("closing", "80", gateway.Found, closing), backend("empty", "80", gateway.Found),
		backend("failing", "80", gateway.Found, failing), backend("good", "80", gateway.Found, good),
		backend("refused", "80", gateway.Found, refused1, refused2),
	}
	table := gateway.Table{Backends: backends}
	for _, b := range backends {
		table.Hosts = append(table.Hosts, gateway.Host{Name: b.Key.Service + ".test", Rules: []gateway.Rule{rule("/", networkingv1.PathTypePrefix, b, nil)}})
	}
	address, folder := freeAddress(t), t.TempDir()
	var stdout, stderr stream
	p := nginx.Process(binary, folder, &stdout, &stderr)
	options := nginx.Options{Listen: address, Folder: folder}
	if _, err := p.Load(t.Context(), nginx.Render(table, options)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(5 * time.Second); err != nil {
			t.Error(err)
		}
	})
	const anyTime = `\[[^]]+\]`
	cases := []struct {
		host, access, errors string
		want                 int
	}{
		{"good.test", fmt.Sprintf(`127\.0\.0\.1 - - %s "GET / HTTP/1\.1" 200 \d+ "-" "Go-http-client/1\.1" \d+ [\d.]+ \[shop-good-80\] \[\] %s \d+ [\d.]+ 200 [0-9a-f]{32}\n`, anyTime, regexp.QuoteMeta(good)), "", 200},
		{"empty.test", `" 503 190 "-" "Go-http-client/1\.1" \d+ [\d.]+ \[shop-empty-80\] \[\] - - - - [0-9a-f]{32}\n`, "", 503},
		{"refused.test", `" 502 150 .* \[shop-refused-80\] \[\] 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+ 0, 0 [\d.]+, [\d.]+ 502, 502 [0-9a-f]{32}\n`,
			`\[error\] \d+#\d+: \*\d+ connect\(\) failed \(111: Connection refused\) while connecting to upstream, client: 127\.0\.0\.1, server: refused\.test, request: "GET / HTTP/1\.1", upstream: "http://127`, 502},
		{"big.test", `" 502 150 .* \[shop-big-80\]`, `upstream sent too big header while reading response header from upstream`, 502},
		{"closing.test", `" 502 150 .* \[shop-closing-80\]`, `upstream prematurely closed connection while reading response header from upstream`, 502},
		{"failing.test", `" 502 \d+ .* \[shop-failing-80\] \[\] \S+ [1-9]\d* [\d.]+ 502 `, "", 502},
		{"nobody.test", `" 404 146 .* \[upstream-default-backend\] \[\] - - - - `, "", 404},
	}
	for _, c := range cases {
		if got := get(t, address, c.host); got != c.want {
			t.Errorf("%s: got status %d, want %d", c.host, got, c.want)
		}
		waitFor(t, &stdout, c.access)
		waitFor(t, &stderr, c.errors)
	}

	t.Run("a refused configuration leaves the running one alone", func(t *testing.T) {
		if _, err := p.Load(t.Context(), "nonsense;"); err == nil {
			t.Fatal("got no error for a configuration that nginx refuses")
		}
		if got := get(t, address, "good.test"); got != 200 {
			t.Errorf("got status %d, want 200", got)
		}
	})
	t.Run("a reload changes the answer", func(t *testing.T) {
		table.Hosts = table.Hosts[:1]
		if changed, err := p.Load(context.Background(), nginx.Render(table, options)); err != nil || !changed {
			t.Fatalf("got changed %v, error %v", changed, err)
		}
		for deadline := time.Now().Add(5 * time.Second); get(t, address, "good.test") != 404; {
			if time.Now().After(deadline) {
				t.Fatal("the old configuration still answers")
			}
		}
	})
}
