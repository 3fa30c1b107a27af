package haproxy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

func TestAccess(t *testing.T) {
	at := time.Date(2026, 5, 4, 8, 30, 15, 123e6, time.UTC)
	tests := map[string]struct {
		line string
		want model.Signal
	}{
		"the ingress controller's format, a success over TLS": {
			line: `192.0.2.1:50000 [04/May/2026:08:30:15.123] https~ my-shop_svc_web_http/SRV_1 0/0/1/3/4 200 512 - - ---- 1/1/0/0/0 0/0 "GET shop.test/list HTTP/2.0"`,
			want: model.Signal{
				At: at, Proxy: "haproxy", Client: "192.0.2.1", Request: model.Request{Scheme: "https", Method: "GET", Host: "shop.test", Path: "/list"},
				RouteNamespace: "my-shop", Service: "web", ServicePort: "http", Status: 200, Duration: 4 * time.Millisecond,
			},
		},
		"refused, IPv6, behind a syslog header": {
			line: `<134>May  4 08:30:15 lb-1 haproxy[31]: 2001:db8::1:50000 [04/May/2026:08:30:15.123] http shop_svc_cart_80/SRV_1 0/0/-1/-1/3004 503 217 - - SC-- 1/1/0/0/3 0/0 "GET shop.test/buy HTTP/1.1"`,
			want: model.Signal{
				At: at, Proxy: "haproxy", Client: "2001:db8::1", Request: model.Request{Scheme: "http", Method: "GET", Host: "shop.test", Path: "/buy"},
				RouteNamespace: "shop", Service: "cart", ServicePort: "80", Status: 503, Failure: model.Refused, Reason: "SC--", Duration: 3004 * time.Millisecond,
			},
		},
		"standard format with captures and a query": {
			line: `192.0.2.1:50000 [04/May/2026:08:30:15.123] http shop_cart_8080/SRV_1 0/0/0/-1/+9 502 217 - - SH-- 1/1/0/0/0 0/0 {shop.test|curl #22x#22} {} "POST /buy?token=abc HTTP/1.1"`,
			want: model.Signal{
				At: at, Proxy: "haproxy", Client: "192.0.2.1", Request: model.Request{Scheme: "http", Method: "POST", Path: "/buy"},
				RouteNamespace: "shop", Service: "cart", ServicePort: "8080", Status: 502, Failure: model.ClosedEarly, Reason: "SH--", Duration: 9 * time.Millisecond,
			},
		},
		"the standard HTTPS format": {
			line: `192.0.2.1:50000 [04/May/2026:08:30:15.123] https~ shop_cart_8080/SRV_1 0/0/0/-1/9 502 217 - - SH-- 1/1/0/0/0 0/0 {shop.test} "POST /buy?token=abc HTTP/1.1" 0/0000000000000000/0/0/1 shop.test/TLSv1.3/TLS_AES_256_GCM_SHA384`,
			want: model.Signal{
				At: at, Proxy: "haproxy", Client: "192.0.2.1", Request: model.Request{Scheme: "https", Method: "POST", Path: "/buy"},
				RouteNamespace: "shop", Service: "cart", ServicePort: "8080", Status: 502, Failure: model.ClosedEarly, Reason: "SH--", Duration: 9 * time.Millisecond,
			},
		},
		"behind a header of RFC 5424": {
			line: `<134>1 2026-05-04T08:30:15.123456+00:00 lb-1 haproxy 31 - - 192.0.2.1:50000 [04/May/2026:08:30:15.123] http shop_cart_8080/SRV_1 0/0/0/-1/9 502 217 - - SH-- 1/1/0/0/0 0/0 "POST /buy HTTP/1.1"`,
			want: model.Signal{
				At: at, Proxy: "haproxy", Client: "192.0.2.1", Request: model.Request{Scheme: "http", Method: "POST", Path: "/buy"},
				RouteNamespace: "shop", Service: "cart", ServicePort: "8080", Status: 502, Failure: model.ClosedEarly, Reason: "SH--", Duration: 9 * time.Millisecond,
			},
		},
		"a backend of one Ingress alone": {
			line: `192.0.2.1:50000 [04/May/2026:08:30:15.123] http shop_front_svc_cart_80/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 1/1/0/0/0 0/0 "GET shop.test:8080/ HTTP/1.1"`,
			want: model.Signal{
				At: at, Proxy: "haproxy", Client: "192.0.2.1", Request: model.Request{Scheme: "http", Method: "GET", Host: "shop.test", Path: "/"},
				RouteNamespace: "shop", RouteName: "front", Service: "cart", ServicePort: "80", Status: 503, Failure: model.NoEndpoints, Reason: "SC-- <NOSRV>",
			},
		},
		"the client gave up before an answer": {
			line: `192.0.2.1:50000 [04/May/2026:08:30:15.123] http shop_svc_cart_80/SRV_1 0/0/0/-1/900 -1 0 - - CH-- 1/1/0/0/0 0/0 "GET shop.test/buy HTTP/1.1"`,
			want: model.Signal{
				At: at, Proxy: "haproxy", Client: "192.0.2.1", Request: model.Request{Scheme: "http", Method: "GET", Host: "shop.test", Path: "/buy"},
				RouteNamespace: "shop", Service: "cart", ServicePort: "80", Duration: 900 * time.Millisecond,
			},
		},
		"no HTTP at all": {
			line: `192.0.2.1:50000 [04/May/2026:08:30:15.123] http http/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ> - <BADREQ>"`,
			want: model.Signal{At: at, Proxy: "haproxy", Client: "192.0.2.1", Request: model.Request{Scheme: "http"}, Status: 400},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got model.Signal
			if class := NewParser().Parse([]byte(test.line), &got); class != proxy.Access {
				t.Fatalf("class %v, want Access", class)
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

func TestTerminationStates(t *testing.T) {
	tests := []struct {
		state, server, timers, status, backend string
		want                                   model.FailureKind
	}{
		{"SC--", "SRV_1", "0/0/-1/-1/3", "503", "a_svc_b_1", model.Refused},
		{"SC--", "<NOSRV>", "0/-1/-1/-1/0", "503", "a_svc_b_1", model.NoEndpoints},
		{"sC--", "SRV_1", "0/0/-1/-1/5000", "503", "a_svc_b_1", model.ConnectTimeout},
		{"SH--", "SRV_1", "0/0/0/-1/5", "502", "a_svc_b_1", model.ClosedEarly},
		{"sH--", "SRV_1", "0/0/0/-1/50000", "504", "a_svc_b_1", model.ResponseTimeout},
		{"PH--", "SRV_1", "0/0/0/-1/5", "502", "a_svc_b_1", model.Protocol},
		{"SD--", "SRV_1", "0/0/0/2/5", "200", "a_svc_b_1", model.ClosedEarly},
		{"sD--", "SRV_1", "0/0/0/2/5", "200", "a_svc_b_1", model.ResponseTimeout},
		{"sQ--", "<NOSRV>", "0/5000/-1/-1/5000", "503", "a_svc_b_1", model.Overload},
		{"RC--", "SRV_1", "0/0/-1/-1/5", "503", "a_svc_b_1", model.Overload},
		{"DH--", "SRV_1", "0/0/0/-1/5", "502", "a_svc_b_1", model.Reset},
		{"LR--", "<NOSRV>", "0/-1/-1/-1/0", "404", "x_svc_default-local-service_http", model.NoRoute},
		{"LR--", "<NOSRV>", "0/-1/-1/-1/0", "503", "a_svc_b_1", model.OtherFailure},
		{"PR--", "<NOSRV>", "0/-1/-1/-1/0", "403", "a_svc_b_1", model.Denied},
		{"PR--", "<NOSRV>", "0/-1/-1/-1/0", "429", "a_svc_b_1", model.NoFailure},
		{"CD--", "SRV_1", "0/0/0/2/5", "200", "a_svc_b_1", model.NoFailure},
		{"cR--", "<NOSRV>", "-1/-1/-1/-1/5", "408", "a_svc_b_1", model.NoFailure},
		{"----", "SRV_1", "0/0/0/2/5", "503", "a_svc_b_1", model.UpstreamStatus},
		{"----", "SRV_1", "0/0/0/2/5", "404", "a_svc_b_1", model.NoFailure},
		{"IH--", "SRV_1", "0/0/0/-1/5", "500", "a_svc_b_1", model.OtherFailure},
	}
	for _, test := range tests {
		line := "192.0.2.1:1 [04/May/2026:08:30:15.123] http " + test.backend + "/" + test.server + " " + test.timers + " " + test.status +
			` 0 - - ` + test.state + ` 1/1/0/0/0 0/0 "GET a.test/ HTTP/1.1"`
		var s model.Signal
		if class := NewParser().Parse([]byte(line), &s); class != proxy.Access || s.Failure != test.want {
			t.Errorf("%s %s: class %v, failure %q, want %q", test.state, test.status, class, s.Failure, test.want)
		}
	}
}

func TestOtherLines(t *testing.T) {
	whole := `192.0.2.1:1 [04/May/2026:08:30:15.123] http a_svc_b_1/SRV_1 0/0/0/2/5 200 0 - - ---- 1/1/0/0/0 0/0 "GET a.test/ HTTP/1.1"`
	tests := map[string]proxy.Class{
		`Server shop_svc_cart_80/SRV_1 is DOWN, reason: Layer4 connection problem, info: "Connection refused", check duration: 0ms.`: proxy.Event,
		`backend shop_svc_cart_80 has no server available!`:                                                                          proxy.Event,
		`[NOTICE]   (1) : New worker (31) forked`:                                                                                    proxy.Event,
		`2026/05/04 08:30:15 INFO    controller/controller.go:88 HAProxy reloaded`:                                                   proxy.Event,
		`192.0.2.1:1 [04/May/2026:08:30:15.123] https/1: SSL handshake failure`:                                                      proxy.Event,
		`192.0.2.1:1 [04/Mai/2026:08:30:15.123] https/1: SSL handshake failure`:                                                      proxy.Foreign,
		`192.0.2.1:1 [04/May/2026:08:30:15.123] tcp db/SRV_1 0/0/5 212 -- 1/1/0/0/0 0/0`:                                             proxy.Event,
		whole + whole: proxy.Foreign,
		whole[:70]:    proxy.Foreign,
		`192.0.2.1:1 [04/May/2026:08:30:15.123] http a_svc_b_1/SRV_1 0/0/0/2/5 2O0 0 - - ---- 1/1/0/0/0 0/0 "GET a.test/ HTTP/1.1"`: proxy.Foreign,
		`192.0.2.1:1 [04/05/2026:08:30:15.123] http a_svc_b_1/SRV_1 0/0/0/2/5 200 0 - - ---- 1/1/0/0/0 0/0 "GET a.test/ HTTP/1.1"`:  proxy.Foreign,
		`192.0.2.1:1 [04/May/2026:08:30:15.123] http a_svc_b_1/SRV_1 0/0/0/2/5 200 0 - - --- 1/1/0/0/0 0/0 "GET a.test/ HTTP/1.1"`:  proxy.Foreign,
		`some application text`: proxy.Foreign,
	}
	for line, want := range tests {
		var s model.Signal
		if got := NewParser().Parse([]byte(line), &s); got != want {
			t.Errorf("class %v, want %v: %s", got, want, line)
		}
	}
}

var success = []byte(`192.0.2.1:50000 [04/May/2026:08:30:15.123] https~ my-shop_svc_web_http/SRV_1 0/0/1/3/4 200 512 - - ---- 1/1/0/0/0 0/0 "GET shop.test/list HTTP/2.0"`)

func TestSuccessDoesNotAllocate(t *testing.T) {
	p := NewParser()
	var s model.Signal
	if n := testing.AllocsPerRun(1000, func() { p.Parse(success, &s) }); n != 0 {
		t.Errorf("a line costs %v allocations, want 0", n)
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
