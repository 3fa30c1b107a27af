package nodecount

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/proxy/envoy"
	"github.com/gatemend/gatemend/internal/proxy/nginx"
	"github.com/gatemend/gatemend/internal/signal/relay"
)

var (
	start = time.Date(2026, 5, 4, 8, 30, 0, 0, time.UTC)
	pod   = model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "edge", Name: "edge-1"}
)

func ok(path string) []byte {
	return fmt.Appendf(nil, `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET %s HTTP/1.1" 200 12 "-" "x" 5 0.001 [shop-web-80] [] 10.1.0.5:80 12 0.001 200 id`, path)
}

func refused(path string) []byte {
	return fmt.Appendf(nil, `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET %s HTTP/1.1" 502 12 "-" "x" 5 0.001 [shop-web-80] [] 10.1.0.5:80 12 0.001 502 id`, path)
}

const errorLine = `2026/05/04 08:30:15 [error] 29#29: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: shop.test, request: "GET /buy?token=geheim HTTP/1.1", upstream: "http://10.1.0.5:80/buy", host: "shop.test"`

// values are the counters of the only gateway.
func values(r relay.Report, into map[relay.Series]uint64) map[relay.Series]uint64 {
	for _, g := range r.Gateways {
		for _, p := range g.Points {
			into[p.Series] = p.Value
		}
	}
	return into
}

func TestReports(t *testing.T) {
	b := NewBook("n1", "a1", start)
	l := b.Open(pod, nginx.NewParser())
	stamp := start.Add(15 * time.Second)
	for range 10 {
		l.Take(ok("/a"), stamp)
	}
	for range 7 {
		l.Take(refused("/buy?token=geheim"), stamp.Add(time.Second))
	}
	l.Take([]byte(errorLine), stamp)
	l.Take([]byte("no line of any proxy"), stamp)
	r := b.Report(stamp)
	good := relay.Series{Proxy: "nginx", RouteNamespace: "shop", Service: "web", ServicePort: "80", Status: 200}
	bad := good
	bad.Status = 502
	got := values(r, map[relay.Series]uint64{})
	bad.Failure = r.Gateways[0].Points[1].Series.Failure
	if d := cmp.Diff(map[relay.Series]uint64{good: 10, bad: 7}, got); d != "" {
		t.Error(d)
	}
	g := r.Gateways[0]
	if r.Number != 1 || r.Node != "n1" || r.Instance != "a1" || !g.Read.Equal(stamp.Add(time.Second)) || g.Pod != pod || len(g.Errors) != 1 || r.Omitted != 2 {
		t.Errorf("got %+v", r)
	}
	if n, m := len(g.Points[0].Samples), len(g.Points[1].Samples); n != successes || m != failures {
		t.Errorf("%d and %d samples", n, m)
	}
	for _, s := range append(g.Points[1].Samples, g.Errors...) {
		if s.Raw == "" || strings.Contains(s.Raw, "geheim") || s.Gateway != pod || s.At.IsZero() {
			t.Errorf("got %+v", s)
		}
	}
	if r = b.Report(stamp); r.Changed() || r.Number != 2 || len(r.Gateways) != 1 {
		t.Errorf("nothing is new: %+v", r)
	}
	l.Take(ok("/b"), stamp)
	if d := cmp.Diff(map[relay.Series]uint64{good: 11}, values(b.Report(stamp), map[relay.Series]uint64{})); d != "" {
		t.Error(d)
	}
}

// A container that is started anew has another log; the pod's counters go on. Without a log there is nothing to report.
func TestLogs(t *testing.T) {
	b := NewBook("n1", "a1", start)
	first := b.Open(pod, nginx.NewParser())
	first.Take(ok("/a"), start)
	second := b.Open(pod, nginx.NewParser())
	first.Close()
	first.Close()
	second.Take(ok("/a"), start)
	for _, v := range values(b.Report(start), map[relay.Series]uint64{}) {
		if v != 2 {
			t.Errorf("got %d", v)
		}
	}
	second.Close()
	if r := b.Report(start); len(r.Gateways) != 0 {
		t.Errorf("got %+v", r.Gateways)
	}
}

// Paths that have no end are few series, and no request is left out.
func TestBookIsBounded(t *testing.T) {
	b := NewBook("n1", "a1", start)
	l := b.Open(pod, envoy.NewParser())
	const lines = 3 * mostPaths
	for i := range lines {
		l.Take(fmt.Appendf(nil, `[2026-05-04T08:30:15.123Z] "GET /a/%s/x HTTP/1.1" 503 UF 0 12 1 - "192.0.2.1" "curl/8" "0af1" "h%d.test" "10.1.0.5:8080"`, letters(i), i), start)
	}
	r := b.Report(start)
	var sum uint64
	samples := 0
	for _, p := range r.Gateways[0].Points {
		sum += p.Value
		samples += len(p.Samples)
	}
	if n := len(r.Gateways[0].Points); sum != lines || n > mostSeries || samples > mostSamples || uint64(samples)+r.Omitted != lines {
		t.Errorf("%d requests in %d series, %d samples and %d omitted", sum, n, samples, r.Omitted)
	}
}

// letters writes a number without digits.
func letters(i int) string {
	return strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprint(i))
}

func TestGeneral(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "": "", "/cart": "/cart", "/v1/api/2024": "/v1/api/*", "/v1/orders/81723/items?x=1": "/v1/orders/*/items",
		"/o/550e8400-e29b-41d4-a716-446655440000": "/o/*", "/a/b/c/d/e/f/g/h": "/a/b/c/d/e/f", "/assets/main.4f2a9c01.js": "/assets/*", "/team-2/x": "/team-2/x",
		"/" + strings.Repeat("x", 500): "/",
	} {
		if got := general(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

// parsed counts as somebody who reads every line in full.
func parsed(p proxy.Parser, text []byte) map[relay.Series]uint64 {
	out := map[relay.Series]uint64{}
	var s model.Signal
	for line := range bytes.Lines(text) {
		if p.Parse(bytes.TrimRight(line, "\r\n"), &s) == proxy.Access {
			out[seriesOf(&s)]++
		}
	}
	return out
}

func counted(p proxy.Parser, text []byte) map[relay.Series]uint64 {
	b := NewBook("n1", "a1", start)
	l := b.Open(pod, p)
	out := map[relay.Series]uint64{}
	for line := range bytes.Lines(text) {
		l.Take(bytes.TrimRight(line, "\r\n"), start)
	}
	return values(b.Report(start), out)
}

// Lines that are skimmed count as if they had been read in full, in real logs of all proxies.
func TestSkimmedLikeParsed(t *testing.T) {
	files, err := filepath.Glob("../../proxy/all/testdata/*.log")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d logs: %v", len(files), err)
	}
	requests := uint64(0)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Repeat(text, 3)
		for _, p := range all.Proxies() {
			got := counted(p.NewParser(), text)
			if d := cmp.Diff(parsed(p.NewParser(), text), got); d != "" {
				t.Errorf("%s as %s: %s", f, p.Name, d)
			}
			for _, n := range got {
				requests += n
			}
		}
	}
	if requests == 0 {
		t.Error("no request was counted")
	}
}

func FuzzCount(f *testing.F) {
	f.Add(ok("/a"), uint8(0))
	f.Add([]byte(errorLine), uint8(0))
	f.Add([]byte(`[2026-05-04T08:30:15.123Z] "GET /buy HTTP/1.1" 503 UF 0 12 1 - "192.0.2.1" "curl/8" "0af1" "shop.test" "10.1.0.5:8080"`), uint8(1))
	f.Fuzz(func(t *testing.T, text []byte, which uint8) {
		proxies := all.Proxies()
		p := proxies[int(which)%len(proxies)]
		text = bytes.Join([][]byte{text, text, text}, []byte("\n"))
		if d := cmp.Diff(parsed(p.NewParser(), text), counted(p.NewParser(), text)); d != "" {
			t.Error(d)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	book := NewBook("n1", "a1", start)
	l := book.Open(pod, nginx.NewParser())
	lines := make([][]byte, 64)
	for i := range lines {
		lines[i] = ok("/" + letters(i))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.Take(lines[i%len(lines)], start)
		i++
	}
}
