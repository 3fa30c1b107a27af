package linkerd

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

const (
	apacheLine = `10.2.0.3:51160 web.shop.serviceaccount.identity.linkerd.cluster.local - [2026-05-04T08:30:15.123456789Z] "GET http://cart:7000/buy?x=1 HTTP/2.0" 200 12`
	jsonLine   = `{"client.addr":"10.2.0.3:51160","client.id":"-","host":"cart:7000","method":"GET","processing_ns":"39826","request_bytes":"","response_bytes":"12","status":200,"timestamp":"2026-05-04T08:30:15.123456789Z","total_ns":"18527","trace_id":"","uri":"/buy?x=1","user_agent":"x","version":"HTTP/1.1"}`
)

func TestParse(t *testing.T) {
	at := time.Date(2026, 5, 4, 8, 30, 15, 123456789, time.UTC)
	signal := func(status int, failure model.FailureKind, took time.Duration) model.Signal {
		return model.Signal{
			At: at, Proxy: "linkerd", Client: "10.2.0.3", Request: model.Request{Method: "GET", Host: "cart", Path: "/buy"},
			Status: status, Failure: failure, Duration: took,
		}
	}
	tests := map[string]struct {
		line  string
		class proxy.Class
		want  model.Signal
	}{
		"apache":                  {apacheLine, proxy.Access, signal(200, "", 0)},
		"apache without a length": {`[fd00::3]:51160 - - [2026-05-04T08:30:15.123456789Z] "GET http://cart:7000/buy HTTP/2.0" 502 `, proxy.Access, func() model.Signal { s := signal(502, model.OtherFailure, 0); s.Client = "fd00::3"; return s }()},
		"json":                    {jsonLine, proxy.Access, signal(200, "", 18527)},
		"its own log":             {`[   12.345678s]  WARN ThreadId(01) outbound:proxy{addr=10.96.0.10:80}: linkerd_reconnect: Failed to connect error=Connection refused (os error 111)`, proxy.Event, model.Signal{}},
		"nginx's combined":        {`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 5 "-" "x"`, proxy.Foreign, model.Signal{}},
		"cut":                     {apacheLine[:100], proxy.Foreign, model.Signal{}},
		"two in one":              {apacheLine + apacheLine, proxy.Foreign, model.Signal{}},
		"a status that is none":   {`{"client.addr":"10.2.0.3:51160","status":"200","timestamp":"2026-05-04T08:30:15Z"}`, proxy.Foreign, model.Signal{}},
		"other JSON":              {`{"time":"2026-05-04T08:30:15Z","msg":"x"}`, proxy.Foreign, model.Signal{}},
	}
	for name, test := range tests {
		var got model.Signal
		if class := NewParser().Parse([]byte(test.line), &got); class != test.class {
			t.Errorf("%s: class %v, want %v", name, class, test.class)
		}
		if got.Failed() == (got.Raw == "") {
			t.Errorf("%s: Raw %q must be there for failures, and for them alone", name, got.Raw)
		}
		got.Raw = ""
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s: signal (-want +got)\n%s", name, d)
		}
	}
}

func TestSuccessDoesNotAllocate(t *testing.T) {
	for _, line := range []string{apacheLine, jsonLine} {
		p := NewParser()
		var s model.Signal
		b := []byte(line)
		if n := testing.AllocsPerRun(1000, func() { p.Parse(b, &s) }); n != 0 {
			t.Errorf("a line costs %v allocations, want 0: %s", n, line)
		}
	}
}
