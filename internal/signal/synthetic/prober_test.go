package synthetic

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gatemend/gatemend/internal/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// raw is a server that does as it likes with each connection.
func raw(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			serve(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func says(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = c.Write([]byte(text)) }
}

func TestWhatAProbeTells(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Host != "shop.test", r.UserAgent() != userAgent, r.Header.Get("X-Tenant") != "a", r.RequestURI != "/cart?x=1":
			w.WriteHeader(http.StatusTeapot)
		default:
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}
	}))
	defer plain.Close()
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	defer failing.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	defer secure.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, test := range []struct {
		name, url, address string
		insecure           bool
		status             int
		failure            model.FailureKind
	}{
		{"host, agent, header, query; no redirect is followed", "http://shop.test/cart?x=1", plain.Listener.Addr().String(), false, 302, ""},
		{"a 502", "http://shop.test/", failing.Listener.Addr().String(), false, 502, model.OtherFailure},
		{"nobody listens", "http://shop.test/", gone.Listener.Addr().String(), false, 0, model.Refused},
		{"an unknown authority", "https://example.com/", secure.Listener.Addr().String(), false, 0, model.TLS},
		{"an unknown authority is taken", "https://shop.test/", secure.Listener.Addr().String(), true, 404, ""},
		{"no TLS there", "https://shop.test/", plain.Listener.Addr().String(), false, 0, model.TLS},
		{"closed before the answer", "http://shop.test/", raw(t, says("")), false, 0, model.ClosedEarly},
		{"closed amid the answer", "http://shop.test/", raw(t, says("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")), false, 200, model.ClosedEarly},
		{"no HTTP", "http://shop.test/", raw(t, says("220 mail\r\n")), false, 0, model.Protocol},
		{"reset", "http://shop.test/", raw(t, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }), false, 0, model.Reset},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := url.Parse(test.url)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			p := Start(ctx, Options{
				URLs: []*url.URL{u}, Every: time.Millisecond, Insecure: test.insecure, Headers: http.Header{"X-Tenant": {"a"}},
				Address: func(*url.URL) string { return test.address }, Now: time.Now,
			})
			sig := <-p.Signals()
			cancel()
			for range p.Signals() {
			}
			if sig.Status != test.status || sig.Failure != test.failure {
				t.Errorf("status %d, failure %q (%s); want %d, %q", sig.Status, sig.Failure, sig.Reason, test.status, test.failure)
			}
			if sig.Request.Host != u.Hostname() || sig.Request.Path != u.Path || sig.At.IsZero() || sig.Duration < 0 {
				t.Errorf("signal %+v", sig)
			}
		})
	}
}

func TestFailureOfTimeouts(t *testing.T) {
	for at, want := range map[stage]model.FailureKind{dialling: model.ConnectTimeout, connected: model.ResponseTimeout, shaking: model.TLS} {
		if got := failureOf(context.DeadlineExceeded, at, 0); got != want {
			t.Errorf("stage %d: %s, want %s", at, got, want)
		}
	}
	if got := failureOf(errors.New("what"), connected, 0); got != model.OtherFailure {
		t.Errorf("%s", got)
	}
	if !ours(&net.DNSError{Name: "shop.test"}) || ours(context.DeadlineExceeded) {
		t.Error("what is on this side is told wrongly")
	}
}

// A URL is asked once a period, and each time tells something, a failure to dial too.
func TestPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &url.URL{Scheme: "http", Host: "shop.test", Path: "/"}
		tries := 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p := Start(ctx, Options{URLs: []*url.URL{u}, Every: 5 * time.Second, Now: time.Now, Address: func(*url.URL) string {
			tries++
			return "no-port" // an address that cannot be dialled
		}})
		n := 0
		for range p.Signals() {
			n++
		}
		if tries < 10 || tries > 14 {
			t.Errorf("%d probes in a minute, want about 12", tries)
		}
		if n != tries {
			t.Errorf("%d signals of %d probes", n, tries)
		}
	})
}
