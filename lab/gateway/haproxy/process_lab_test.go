//go:build lab

package haproxy_test

import (
	"bytes"
	"context"
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
	"github.com/gatemend/gatemend/lab/gateway/haproxy"
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

func TestRealHAProxyAnswersAndLogsAsItsController(t *testing.T) {
	binary, err := exec.LookPath("haproxy")
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
	p := haproxy.Process(binary, folder, &stdout, &stderr)
	options := haproxy.Options{Listen: address, Health: freeAddress(t), Folder: folder}
	if _, err := p.Load(t.Context(), haproxy.Render(table, options)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(5 * time.Second); err != nil {
			t.Error(err)
		}
	})
	const start = `127\.0\.0\.1:\d+ \[[^]]+\] http `
	cases := []struct {
		host, access string
		want         int
	}{
		{"good.test", start + `shop_svc_good_80/SRV_1 0/0/\d+/\d+/\d+ 200 \d+ - - ---- [\d/]+ 0/0 "GET good\.test/ HTTP/1\.1"`, 200},
		{"empty.test", start + `shop_svc_empty_80/<NOSRV> 0/-1/-1/-1/\d+ 503 \d+ - - SC-- `, 503},
		{"refused.test", start + `shop_svc_refused_80/SRV_\d 0/0/-1/-1/3\d\d\d 503 \d+ - - SC-- \d+/\d+/\d+/\d+/3 `, 503},
		{"closing.test", start + `shop_svc_closing_80/SRV_1 0/0/\d+/-1/\d+ 502 \d+ - - SH-- `, 502},
		{"failing.test", start + `shop_svc_failing_80/SRV_1 0/0/\d+/\d+/\d+ 502 \d+ - - ---- `, 502},
		{"big.test", start + `shop_svc_big_80/SRV_1 0/0/\d+/-1/\d+ 502 \d+ - - PH-- `, 502},
		{"nobody.test", start + `haproxy-controller_svc_default-local-service_http/<NOSRV> 0/-1/-1/-1/0 404 \d+ - - LR-- `, 404},
	}
	for _, c := range cases {
		if got := get(t, address, c.host); got != c.want {
			t.Errorf("%s: got status %d, want %d", c.host, got, c.want)
		}
		waitFor(t, &stdout, c.access)
	}

	t.Run("a refused configuration leaves the running one alone", func(t *testing.T) {
		if _, err := p.Load(t.Context(), "nonsense;"); err == nil {
			t.Fatal("got no error for a configuration that haproxy refuses")
		}
		if got := get(t, address, "good.test"); got != 200 {
			t.Errorf("got status %d, want 200", got)
		}
	})
	t.Run("a reload changes the answer", func(t *testing.T) {
		table.Hosts = table.Hosts[:1]
		if changed, err := p.Load(context.Background(), haproxy.Render(table, options)); err != nil || !changed {
			t.Fatalf("got changed %v, error %v", changed, err)
		}
		for deadline := time.Now().Add(5 * time.Second); get(t, address, "good.test") != 404; {
			if time.Now().After(deadline) {
				t.Fatal("the old configuration still answers")
			}
		}
	})
}
