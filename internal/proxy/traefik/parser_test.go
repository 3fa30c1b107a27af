package traefik

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

func TestLines(t *testing.T) {
	at := time.Date(2026, 5, 4, 8, 30, 15, 0, time.UTC)
	get := model.Request{Method: "GET", Path: "/buy"}
	tests := map[string]struct {
		line  string
		class proxy.Class
		want  model.Signal
	}{
		"common, a success with quotes in the query": {
			`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /buy?a="b" HTTP/1.1" 200 12 "-" "a \"b\" HTTP/1.1\" 502 1" 7 "shop-front-shop-test@kubernetes" "http://10.1.0.5:8080" 4ms`, proxy.Access,
			model.Signal{
				At: at, Proxy: "traefik", Client: "192.0.2.1", Request: get, RouteName: "shop-front-shop-test@kubernetes", Status: 200, Duration: 4 * time.Millisecond,
				Tries: []model.Try{{Address: "10.1.0.5:8080", Status: 200, Duration: 4 * time.Millisecond}},
			},
		},
		"no server": {
			`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /buy HTTP/1.1" 503 20 "-" "-" 7 "r@kubernetes" "-" 0ms`, proxy.Access,
			model.Signal{At: at, Proxy: "traefik", Client: "192.0.2.1", Request: get, RouteName: "r@kubernetes", Status: 503, Failure: model.NoEndpoints, Reason: "no available server"},
		},
		"Traefik's own 502": {
			`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /buy HTTP/1.1" 502 11 "-" "-" 7 "r@kubernetes" "http://10.1.0.5:8080" 0ms`, proxy.Access,
			model.Signal{
				At: at, Proxy: "traefik", Client: "192.0.2.1", Request: get, RouteName: "r@kubernetes", Status: 502, Failure: model.OtherFailure, Reason: "Bad Gateway",
				Tries: []model.Try{{Address: "10.1.0.5:8080", Status: 502}},
			},
		},
		"the application's own 502": {
			`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /buy HTTP/1.1" 502 77 "-" "-" 7 "r@kubernetes" "http://10.1.0.5:8080" 0ms`, proxy.Access,
			model.Signal{
				At: at, Proxy: "traefik", Client: "192.0.2.1", Request: get, RouteName: "r@kubernetes", Status: 502, Failure: model.UpstreamStatus,
				Tries: []model.Try{{Address: "10.1.0.5:8080", Status: 502}},
			},
		},
		"a dial that timed out": {
			`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /buy HTTP/1.1" 504 15 "-" "-" 7 "r@kubernetes" "http://10.1.0.5:8080" 30001ms`, proxy.Access,
			model.Signal{
				At: at, Proxy: "traefik", Client: "192.0.2.1", Request: get, RouteName: "r@kubernetes", Status: 504, Failure: model.ConnectTimeout, Reason: "Gateway Timeout",
				Duration: 30001 * time.Millisecond, Tries: []model.Try{{Address: "10.1.0.5:8080", Status: 504, Duration: 30001 * time.Millisecond}},
			},
		},
		"no router": {
			`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /buy HTTP/1.1" 404 19 "-" "-" 7 "-" "-" 0ms`, proxy.Access,
			model.Signal{At: at, Proxy: "traefik", Client: "192.0.2.1", Request: get, Status: 404, Failure: model.NoRoute, Reason: "404 page not found"},
		},
		"generic": {
			`192.0.2.1 - bob [04/May/2026:08:30:15 +0000] "GET /buy HTTP/1.1" 200 19 "-" "-"`, proxy.Access,
			model.Signal{At: at, Proxy: "traefik", Client: "192.0.2.1", Request: get, Status: 200},
		},
		"JSON": {
			`{"ClientHost":"192.0.2.1","DownstreamStatus":502,"DownstreamContentSize":11,"Duration":2000000,"KubernetesIngressName":"front","KubernetesIngressNamespace":"shop",` +
				`"KubernetesServiceName":"cart","KubernetesServicePort":"80","RequestHost":"shop.test","RequestMethod":"GET","RequestPath":"/buy?x=y","RequestScheme":"https",` +
				`"ServiceAddr":"10.1.0.5:8080","StartUTC":"2026-05-04T08:30:15Z","level":"info","msg":""}`, proxy.Access,
			model.Signal{
				At: at, Proxy: "traefik", Client: "192.0.2.1", Request: model.Request{Scheme: "https", Method: "GET", Host: "shop.test", Path: "/buy"},
				RouteNamespace: "shop", RouteName: "front", Service: "cart", ServicePort: "80", Status: 502, Failure: model.OtherFailure, Reason: "Bad Gateway",
				Duration: 2 * time.Millisecond, Tries: []model.Try{{Address: "10.1.0.5:8080", Status: 502, Duration: 2 * time.Millisecond}},
			},
		},
		"process log, coloured": {
			"\x1b[90m2026-05-04T08:30:15Z\x1b[0m DBG \x1b[1mproxy.go:190\x1b[0m\x1b[36m >\x1b[0m 502 Bad Gateway \x1b[36merror=\x1b[0m\x1b[31m\x1b[1m\"dial tcp 10.1.0.5:8080: connect: connection refused\"\x1b[0m\x1b[0m", proxy.ErrorLine,
			model.Signal{
				At: at, Proxy: "traefik", Status: 502, Failure: model.Refused, ErrorLog: true,
				Reason: "dial tcp 10.1.0.5:8080: connect: connection refused", Tries: []model.Try{{Address: "10.1.0.5:8080"}},
			},
		},
		"process log, JSON": {
			`{"level":"debug","error":"read tcp 10.2.0.1:4->10.1.0.5:8080: read: connection reset by peer","time":"2026-05-04T08:30:15Z","message":"502 Bad Gateway"}`, proxy.ErrorLine,
			model.Signal{
				At: at, Proxy: "traefik", Status: 502, Failure: model.Reset, ErrorLog: true,
				Reason: "read tcp 10.2.0.1:4->10.1.0.5:8080: read: connection reset by peer", Tries: []model.Try{{Address: "10.1.0.5:8080"}},
			},
		},
		"process log, another matter": {`2026-05-04T08:30:15Z ERR Skipping service: no endpoints found ingress=front namespace=shop`, proxy.Event, model.Signal{}},
		"the client gave up":          {`2026-05-04T08:30:15Z DBG 499 Client Closed Request error="context canceled"`, proxy.Event, model.Signal{}},
		"two lines in one": {
			`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /a HTTP/1.1" 200 1 "-" "-" 7 "r" "-" 0ms192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /b HTTP/1.1" 200 1 "-" "-" 8 "r" "-" 0ms`, proxy.Foreign, model.Signal{},
		},
		"no address":                  {"\x00\x00" + `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /a HTTP/1.1" 200 1 "-" "-"`, proxy.Foreign, model.Signal{}},
		"no number where one must be": {`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /a HTTP/1.1" 503 20 "-" "-" 7 "r" "-" NaNms`, proxy.Foreign, model.Signal{}},
		"an empty object":             {`{}`, proxy.Foreign, model.Signal{}},
		"an array":                    {`[1,2]`, proxy.Foreign, model.Signal{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got model.Signal
			if class := NewParser().Parse([]byte(test.line), &got); class != test.class {
				t.Fatalf("class %v, want %v", class, test.class)
			}
			if got.Failed() == (got.Raw == "") {
				t.Errorf("Raw %q must be there for failures, and for them alone", got.Raw)
			}
			got.Raw = ""
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("signal (-want +got)\n%s", d)
			}
		})
	}
}

func TestGoErrors(t *testing.T) {
	tests := map[string]model.FailureKind{
		"dial tcp 10.1.0.5:80: i/o timeout":                    model.ConnectTimeout,
		"dial tcp 10.1.0.5:80: connect: no route to host":      model.ConnectTimeout,
		"dial tcp: lookup cart on 10.96.0.10:53: no such host": model.OtherFailure,
		"EOF":                                 model.ClosedEarly,
		"http: server closed idle connection": model.ClosedEarly,
		"net/http: timeout awaiting response headers":                           model.ResponseTimeout,
		"net/http: TLS handshake timeout":                                       model.TLS,
		"tls: failed to verify certificate: x509: certificate has expired":      model.TLS,
		"net/http: server response headers exceeded 1048576 bytes; aborted":     model.HeaderTooBig,
		"net/http: HTTP/1.x transport connection broken: malformed HTTP status": model.Protocol,
		"http2: frame too large":                                                model.Protocol,
		"write tcp 10.2.0.1:4->10.1.0.5:80: write: broken pipe":                 model.Reset,
	}
	for text, want := range tests {
		if got := failureOf([]byte(text)); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

var success = []byte(`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /buy HTTP/1.1" 200 12 "-" "-" 7 "shop-front-shop-test@kubernetes" "http://10.1.0.5:8080" 4ms`)

func TestSuccessDoesNotAllocate(t *testing.T) {
	for _, line := range [][]byte{
		success,
		[]byte(`{"ClientHost":"192.0.2.1","DownstreamStatus":200,"DownstreamContentSize":11,"Duration":2000000,"RequestHost":"shop.test","RequestMethod":"GET","RequestPath":"/buy?x=y","ServiceAddr":"10.1.0.5:8080","StartUTC":"2026-05-04T08:30:15Z"}`),
	} {
		p := NewParser()
		var s model.Signal
		if n := testing.AllocsPerRun(1000, func() { p.Parse(line, &s) }); n != 0 || s.Status != 200 {
			t.Errorf("a line costs %v allocations, want 0; %+v", n, s)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(success)))
	p := NewParser()
	var s model.Signal
	for b.Loop() {
		p.Parse(success, &s)
	}
}
