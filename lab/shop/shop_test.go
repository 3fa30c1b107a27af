package shop_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatemend/gatemend/lab/shop"
)

type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// process is a running shop.
type process struct {
	address string
	term    chan struct{}
	exit    chan int
	out     *output
}

func start(t *testing.T, change func(*shop.Options)) *process {
	t.Helper()
	o := shop.Defaults()
	o.Listen, o.Pod = "127.0.0.1:0", "web-1"
	change(&o)
	p := &process{term: make(chan struct{}), exit: make(chan int, 1), out: &output{}}
	s := shop.New(o, p.out)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.exit <- s.Run(ctx, p.term)
	}()
	t.Cleanup(func() { cancel(); <-done })
	select {
	case a := <-s.Listening():
		p.address = a.String()
	case code := <-p.exit:
		p.exit <- code
	case <-time.After(10 * time.Second):
		t.Fatal("does not listen")
	}
	return p
}

// reply is a response, read to its end.
type reply struct {
	status int
	major  int // of the protocol's version
	header http.Header
	body   []byte
}

func (p *process) get(client *http.Client, path string) (reply, error) {
	resp, err := client.Get("http://" + p.address + path)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.ProtoMajor, resp.Header, body}, err
}

func (p *process) code(t *testing.T) int {
	t.Helper()
	select {
	case code := <-p.exit:
		p.exit <- code
		return code
	case <-time.After(10 * time.Second):
		t.Fatal("does not exit")
		return -1
	}
}

func fresh() *http.Client { return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} }

func TestAnswersWithItsName(t *testing.T) {
	p := start(t, func(o *shop.Options) { o.Role, o.Version = "cart", "v2" })
	resp, err := p.get(fresh(), "/cart/list")
	if err != nil {
		t.Fatal(err)
	}
	var got shop.Answer
	if err := json.Unmarshal(resp.body, &got); err != nil {
		t.Fatal(err)
	}
	if want := (shop.Answer{Role: "cart", Version: "v2", Pod: "web-1", Path: "/cart/list"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !strings.Contains(p.out.String(), "shop cart v2 listening on 127.0.0.1:0\n") {
		t.Errorf("got log %q", p.out.String())
	}
}

func TestStatuses(t *testing.T) {
	cases := []struct {
		name   string
		change func(*shop.Options)
		path   string
		want   int
	}{
		{"alive", func(*shop.Options) {}, "/healthz", 200},
		{"ready", func(*shop.Options) {}, "/readyz", 200},
		{"a page that it does not have", func(*shop.Options) {}, "/ready", 404},
		{"told to be unready", func(o *shop.Options) { o.Unready = true }, "/readyz", 503},
		{"unready is still alive", func(o *shop.Options) { o.Unready = true }, "/healthz", 200},
		{"told to fail", func(o *shop.Options) { o.ErrorShare = 1 }, "/", 502},
		{"told to fail elsewhere", func(o *shop.Options) { o.ErrorShare, o.ErrorPath = 1, "/pay" }, "/", 200},
		{"probes do not fail with it", func(o *shop.Options) { o.ErrorShare, o.CloseShare = 1, 1 }, "/readyz", 200},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			resp, err := start(t, c.change).get(fresh(), c.path)
			if err != nil {
				t.Fatal(err)
			}
			if resp.status != c.want {
				t.Errorf("got %d, want %d", resp.status, c.want)
			}
		})
	}
}

func TestSharesAreCounted(t *testing.T) {
	p := start(t, func(o *shop.Options) { o.ErrorShare, o.CloseShare = 0.25, 0.5 })
	closed, failed := 0, 0
	for range 40 {
		resp, err := p.get(fresh(), "/")
		switch {
		case err != nil:
			closed++
		case resp.status == 502:
			failed++
		}
	}
	// Half are closed; of the other 20 a quarter fails.
	if closed != 20 || failed != 5 {
		t.Errorf("got %d closed and %d failed of 40, want 20 and 5", closed, failed)
	}
}

func TestHeadersOfSixteenKilobytes(t *testing.T) {
	resp, err := start(t, func(o *shop.Options) { o.HeaderBytes = 16 << 10 }).get(fresh(), "/")
	if err != nil {
		t.Fatal(err)
	}
	if got := len(resp.header.Get("X-Shop-Padding")); got != 16<<10 {
		t.Errorf("got %d bytes", got)
	}
}

func TestClosesIdleConnections(t *testing.T) {
	p := start(t, func(o *shop.Options) { o.IdleTimeout = 50 * time.Millisecond })
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	// Reads to the end only if the server closes first; keep-alive was not refused.
	if all, err := io.ReadAll(conn); err != nil || !strings.Contains(string(all), "200 OK") {
		t.Errorf("got %q, %v", all, err)
	}
}

func TestExits(t *testing.T) {
	t.Run("before it listens", func(t *testing.T) {
		p := start(t, func(o *shop.Options) { o.ExitAtOnce, o.ExitCode = true, 3 })
		if got := p.code(t); got != 3 || p.address != "" {
			t.Errorf("got code %d, address %q", got, p.address)
		}
	})
	t.Run("after a while", func(t *testing.T) {
		p := start(t, func(o *shop.Options) { o.ExitAfter = 20 * time.Millisecond })
		if got := p.code(t); got != 1 {
			t.Errorf("got code %d, want 1", got)
		}
	})
	t.Run("when it cannot hold its working set", func(t *testing.T) {
		p := start(t, func(o *shop.Options) { o.Memory = 1 << 40 })
		if got := p.code(t); got != 1 {
			t.Errorf("got code %d, want 1", got)
		}
	})
}

func TestOnTerm(t *testing.T) {
	slow := func(p *process) chan error {
		answered := make(chan error, 1)
		go func() {
			_, err := p.get(fresh(), "/")
			answered <- err
		}()
		return answered
	}
	t.Run("drain serves on and finishes what is in flight", func(t *testing.T) {
		p := start(t, func(o *shop.Options) { o.Drain, o.ResponseDelay = 200*time.Millisecond, 300*time.Millisecond })
		p.term <- struct{}{}
		if err := <-slow(p); err != nil {
			t.Errorf("a request during the drain: %v", err)
		}
		if got := p.code(t); got != 0 {
			t.Errorf("got code %d, want 0", got)
		}
	})
	t.Run("exit cuts what is in flight", func(t *testing.T) {
		p := start(t, func(o *shop.Options) { o.OnTerm, o.ResponseDelay = shop.TermExit, time.Minute })
		answered := slow(p)
		time.Sleep(50 * time.Millisecond) // let the request arrive; too early only makes it a refused one
		p.term <- struct{}{}
		if err := <-answered; err == nil {
			t.Error("got an answer")
		}
		if got := p.code(t); got != 0 {
			t.Errorf("got code %d, want 0", got)
		}
	})
	t.Run("ignore serves on", func(t *testing.T) {
		p := start(t, func(o *shop.Options) { o.OnTerm = shop.TermIgnore })
		p.term <- struct{}{}
		p.term <- struct{}{} // the second is taken only when the first was dealt with
		if _, err := p.get(fresh(), "/"); err != nil {
			t.Error(err)
		}
	})
}

func TestProtocols(t *testing.T) {
	t.Run("tls", func(t *testing.T) {
		p := start(t, func(o *shop.Options) { o.Protocol = shop.ProtocolTLS })
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		resp, err := client.Get("https://" + p.address + "/")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("got %d", resp.StatusCode)
		}
	})
	h2c := func() *http.Client {
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(true)
		return &http.Client{Transport: &http.Transport{Protocols: protocols}}
	}
	t.Run("h2c", func(t *testing.T) {
		p := start(t, func(o *shop.Options) { o.Protocol = shop.ProtocolH2C })
		resp, err := p.get(h2c(), "/")
		if err != nil {
			t.Fatal(err)
		}
		if resp.major != 2 {
			t.Errorf("got HTTP/%d", resp.major)
		}
		if _, err := p.get(fresh(), "/"); err == nil {
			t.Error("HTTP/1.1 got an answer")
		}
	})
	t.Run("grpc", func(t *testing.T) {
		p := start(t, func(o *shop.Options) { o.Protocol = shop.ProtocolGRPC })
		resp, err := h2c().Post("http://"+p.address+"/grpc.health.v1.Health/Check", "application/grpc", bytes.NewReader(make([]byte, 5)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(body, []byte{0, 0, 0, 0, 2, 8, 1}) || resp.Trailer.Get("Grpc-Status") != "0" {
			t.Errorf("got %v, trailer %v", body, resp.Trailer)
		}
	})
}

func TestProbe(t *testing.T) {
	p := start(t, func(o *shop.Options) { o.Unready = true })
	if err := shop.Probe(t.Context(), "http://"+p.address+"/healthz"); err != nil {
		t.Error(err)
	}
	if err := shop.Probe(t.Context(), "http://"+p.address+"/readyz"); err == nil {
		t.Error("got no error for status 503")
	}
}

func TestParse(t *testing.T) {
	env := map[string]string{"SHOP_ROLE": "cart", "SHOP_MEMORY": "48Mi", "SHOP_START_DELAY": "2s", "SHOP_UNREADY": "true"}
	o, err := shop.Parse([]string{"--role", "api"}, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	if o.Role != "api" || o.Memory != 48<<20 || o.StartDelay != 2*time.Second || !o.Unready {
		t.Errorf("got %+v", o)
	}
	for _, args := range [][]string{
		{"--listen", "8080"}, {"--protocol", "quic"}, {"--on-term", "maybe"}, {"--error-share", "2"}, {"--memory", "-1Mi"}, {"--memory", "much"},
	} {
		if _, err := shop.Parse(args, func(string) string { return "" }); err == nil {
			t.Errorf("%v: got no error", args)
		}
	}
	if _, err := shop.Parse(nil, func(name string) string { return map[string]string{"SHOP_EXIT_CODE": "x"}[name] }); err == nil {
		t.Error("a bad variable: got no error")
	}
}
