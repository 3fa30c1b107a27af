package kong

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

const (
	head  = `{"client_ip":"192.0.2.1","started_at":1777883415250,"latencies":{"kong":1,"proxy":7,"request":9,"receive":1},"request":{"method":"GET","uri":"\/buy?x=1","url":"https:\/\/shop.test:8443\/buy?x=1","headers":{"host":"shop.test:8443"}},`
	named = `,"route":{"name":"my-shop.front.cart.shop.test.80"},"service":{"name":"my-shop.cart.80","host":"cart.my-shop.80.svc"}}`
	first = `{"ip":"10.1.0.5","port":8080,"state":"failed","code":502}`
)

func TestPlugin(t *testing.T) {
	base := model.Signal{
		At: time.UnixMilli(1777883415250).UTC(), Proxy: "kong", Client: "192.0.2.1", Duration: 9 * time.Millisecond,
		Request:        model.Request{Scheme: "https", Method: "GET", Host: "shop.test", Path: "/buy"},
		RouteNamespace: "my-shop", RouteName: "front", Service: "cart", ServicePort: "80",
	}
	with := func(status int, failure model.FailureKind, tries ...model.Try) model.Signal {
		s := base
		s.Status, s.Failure, s.Tries = status, failure, tries
		return s
	}
	unnamed := with(404, model.NoRoute)
	unnamed.RouteNamespace, unnamed.RouteName, unnamed.Service, unnamed.ServicePort = "", "", "", ""
	unnamed.Reason = "no Route matched with those values"
	gateway := with(500, model.NoEndpoints)
	gateway.RouteNamespace, gateway.RouteName, gateway.Service = "shop", "missing.v1", "missing"
	tests := map[string]struct {
		line string
		want model.Signal
	}{
		"a success": {
			head + `"response":{"status":200},"source":"service","tries":[{"ip":"fd00::9","port":8080}],"upstream_status":"200"` + named,
			with(200, model.NoFailure, model.Try{Address: "[fd00::9]:8080", Status: 200, Duration: 7 * time.Millisecond}),
		},
		"a second try": {
			head + `"response":{"status":200},"source":"service","tries":[` + first + `,{"ip":"10.1.0.6","port":8080}],"upstream_status":"502, 200"` + named,
			with(200, model.NoFailure, model.Try{Address: "10.1.0.5:8080", Status: 502}, model.Try{Address: "10.1.0.6:8080", Status: 200}),
		},
		"the application's answer": {
			head + `"response":{"status":503},"source":"service","tries":[{"ip":"10.1.0.5","port":8080}],"upstream_status":"503"` + named,
			with(503, model.UpstreamStatus, model.Try{Address: "10.1.0.5:8080", Status: 503, Duration: 7 * time.Millisecond}),
		},
		"all refused": {
			head + `"response":{"status":502},"source":"kong","tries":[` + first + `,` + first + `],"upstream_status":"502, 502"` + named,
			with(502, model.Refused, model.Try{Address: "10.1.0.5:8080", Status: 502}, model.Try{Address: "10.1.0.5:8080", Status: 502}),
		},
		"no target": {head + `"response":{"status":503},"source":"kong","tries":[]` + named, with(503, model.NoEndpoints)},
		"the application's, of a Kong that does not say whose": {
			head + `"response":{"status":503,"headers":{"x-kong-upstream-latency":"4"}},"tries":[{"ip":"10.1.0.5","port":8080}],"upstream_status":"503"` + named,
			with(503, model.UpstreamStatus, model.Try{Address: "10.1.0.5:8080", Status: 503, Duration: 7 * time.Millisecond}),
		},
		"rate limited": {head + `"response":{"status":429},"source":"kong","tries":[]` + named, with(429, model.NoFailure)},
		"no route":     {head + `"response":{"status":404},"source":"kong","tries":[]}`, unnamed},
		"a rule of the Gateway API without a backend": {
			head + `"response":{"status":500},"source":"kong","tries":[],"route":{"name":"httproute.shop.missing.v1.0.0"},"service":{"name":"httproute.shop.svc.shop.missing.80"}}`,
			func() model.Signal { g := gateway; g.ServicePort = "80"; return g }(),
		},
	}
	for name, test := range tests {
		var got model.Signal
		if class := NewParser().Parse([]byte(test.line), &got); class != proxy.Access {
			t.Errorf("%s: class %v, want Access", name, class)
		}
		got.Raw = ""
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s: signal (-want +got)\n%s", name, d)
		}
	}
}

func TestOtherLines(t *testing.T) {
	const trailer = `, client: 192.0.2.1, server: kong, request: "GET /x HTTP/1.1", host: "shop.test", request_id: "0af1"`
	tests := map[string]struct {
		line    string
		class   proxy.Class
		status  int
		failure model.FailureKind
	}{
		"access":                     {`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 5 "-" "x" kong_request_id: "0af1"`, proxy.Access, 200, ""},
		"access, the id is forged":   {`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 5 "-" "x kong_request_id: \x221" kong_request_id: "0af1"`, proxy.Access, 502, model.OtherFailure},
		"access, without its id":     {`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 5 "-" "x" kong_request_id: "`, proxy.Foreign, 0, ""},
		"access, more after its id":  {`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 5 "-" "x" kong_request_id: "0af1" "y"`, proxy.Foreign, 0, ""},
		"no peer":                    {`2026/05/04 08:30:15 [error] 7#0: *5 [kong] init.lua:371 [balancer] failure to get a peer from the ring-balancer` + trailer, proxy.ErrorLine, 0, model.NoEndpoints},
		"no such name":               {`2026/05/04 08:30:15 [error] 7#0: *5 [lua] init.lua:382: execute(): DNS resolution failed: dns server error: 3 name error. Tried: []` + trailer, proxy.ErrorLine, 0, model.NoEndpoints},
		"nginx's own words":          {`2026/05/04 08:30:15 [error] 7#0: *5 connect() failed (111: Connection refused) while connecting to upstream` + trailer, proxy.ErrorLine, 0, model.Refused},
		"a reload":                   {`2026/05/04 08:30:15 [notice] 7#0: *6 [kong] init.lua:540 [kong] declarative config is reloaded in 0.01s, client: unix:, server: kong_admin`, proxy.Event, 0, ""},
		"JSON of something else":     {`{"latencies":{},"request":{},"response":{"status":"502"},"started_at":1}`, proxy.Foreign, 0, ""},
		"JSON that ends too soon":    {head, proxy.Foreign, 0, ""},
		"JSON without a time of day": {`{"latencies":{},"request":{},"response":{"status":502}}`, proxy.Foreign, 0, ""},
	}
	for name, test := range tests {
		var s model.Signal
		if class := NewParser().Parse([]byte(test.line), &s); class != test.class || s.Status != test.status || s.Failure != test.failure {
			t.Errorf("%s: class %v, %+v", name, class, s)
		}
		if (test.class == proxy.Access || test.class == proxy.ErrorLine) && s.Proxy != "kong" {
			t.Errorf("%s: proxy %q", name, s.Proxy)
		}
	}
}

func TestSuccessDoesNotAllocate(t *testing.T) {
	for _, line := range []string{
		head + `"response":{"status":200},"source":"service","tries":[{"ip":"10.1.0.5","port":8080}],"upstream_status":"200"` + named,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 200 5 "-" "x" kong_request_id: "0af1"`,
	} {
		p := NewParser()
		var s model.Signal
		b := []byte(line)
		if n := testing.AllocsPerRun(1000, func() { p.Parse(b, &s) }); n != 0 {
			t.Errorf("a line costs %v allocations, want 0: %s", n, line)
		}
	}
}
