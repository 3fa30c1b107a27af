package nginx

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

func TestAccess(t *testing.T) {
	at := time.Date(2026, 5, 4, 8, 30, 15, 0, time.UTC)
	tests := map[string]struct {
		line string
		want model.Signal
	}{
		"a success": {
			line: `192.0.2.1 - - [04/May/2026:10:30:15 +0200] "GET /list?page=2 HTTP/1.1" 200 512 "-" "curl/8" 80 0.012 [shop-web-http] [] 10.1.0.5:8080 512 0.011 200 0af1`,
			want: model.Signal{
				At: at, Proxy: "nginx", Client: "192.0.2.1",
				Request:        model.Request{Method: "GET", Path: "/list"},
				RouteNamespace: "shop", Service: "web", ServicePort: "http",
				Status: 200, Duration: 12 * time.Millisecond,
				Tries: []model.Try{{Address: "10.1.0.5:8080", Status: 200, Duration: 11 * time.Millisecond}},
			},
		},
		"through syslog": {
			line: `<190>May  4 10:30:15 lb-1 nginx: 192.0.2.1 - - [04/May/2026:10:30:15 +0200] "GET /list?page=2 HTTP/1.1" 200 512 "-" "curl/8"`,
			want: model.Signal{At: at, Proxy: "nginx", Client: "192.0.2.1", Request: model.Request{Method: "GET", Path: "/list"}, Status: 200},
		},
		"three tries that failed, in a namespace with a dash": {
			line: `2001:db8::7 - - [04/May/2026:08:30:15 +0000] "GET /buy HTTP/2.0" 502 150 "-" "x" 80 0.004 [my-shop-cart-80] [] 10.1.0.5:8080, 10.1.0.6:8080, 10.1.0.5:8080 0, 0, 0 0.001, 0.002, 0.001 502, 502, 502 0af1`,
			want: model.Signal{
				At: at, Proxy: "nginx", Client: "2001:db8::7",
				Request: model.Request{Method: "GET", Path: "/buy"},
				Service: "my-shop-cart-80",
				Status:  502, Failure: model.OtherFailure, Duration: 4 * time.Millisecond,
				Tries: []model.Try{
					{Address: "10.1.0.5:8080", Status: 502, Duration: time.Millisecond},
					{Address: "10.1.0.6:8080", Status: 502, Duration: 2 * time.Millisecond},
					{Address: "10.1.0.5:8080", Status: 502, Duration: time.Millisecond},
				},
			},
		},
		"no endpoints": {
			line: `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 503 190 "-" "x" 80 0.000 [shop-cart-80] [] - - - - 0af1`,
			want: model.Signal{
				At: at, Proxy: "nginx", Client: "192.0.2.1", Request: model.Request{Method: "GET", Path: "/"},
				RouteNamespace: "shop", Service: "cart", ServicePort: "80", Status: 503, Failure: model.NoEndpoints,
			},
		},
		"the application's own 503": {
			line: `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 503 33 "-" "x" 80 0.002 [shop-cart-80] [] 10.1.0.5:80 33 0.002 503 0af1`,
			want: model.Signal{
				At: at, Proxy: "nginx", Client: "192.0.2.1", Request: model.Request{Method: "GET", Path: "/"},
				RouteNamespace: "shop", Service: "cart", ServicePort: "80", Status: 503, Failure: model.UpstreamStatus, Duration: 2 * time.Millisecond,
				Tries: []model.Try{{Address: "10.1.0.5:80", Status: 503, Duration: 2 * time.Millisecond}},
			},
		},
		"the error page was fetched from elsewhere": {
			line: `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 503 20 "-" "x" 80 0.001 [upstream-default-backend] [] 10.1.0.5:80 : 10.1.0.9:80 0 : 20 0.001 : 0.000 504 : 503 0af1`,
			want: model.Signal{
				At: at, Proxy: "nginx", Client: "192.0.2.1", Request: model.Request{Method: "GET", Path: "/"},
				Status: 503, Failure: model.ResponseTimeout, Duration: time.Millisecond,
				Tries: []model.Try{{Address: "10.1.0.5:80", Status: 504, Duration: time.Millisecond}, {Address: "10.1.0.9:80", Status: 503}},
			},
		},
		"all tries took the connect timeout": {
			line: `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 504 160 "-" "x" 80 10.002 [shop-cart-80] [] 10.1.0.5:80, 10.1.0.6:80 0, 0 5.000, 5.001 504, 504 0af1`,
			want: model.Signal{
				At: at, Proxy: "nginx", Client: "192.0.2.1", Request: model.Request{Method: "GET", Path: "/"},
				RouteNamespace: "shop", Service: "cart", ServicePort: "80", Status: 504, Failure: model.ConnectTimeout, Duration: 10002 * time.Millisecond,
				Tries: []model.Try{{Address: "10.1.0.5:80", Status: 504, Duration: 5 * time.Second}, {Address: "10.1.0.6:80", Status: 504, Duration: 5001 * time.Millisecond}},
			},
		},
		"the client gave up": {
			line: `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 499 0 "-" "x" 80 1.500 [shop-cart-80] [] 10.1.0.5:80 0 1.500 - 0af1`,
			want: model.Signal{
				At: at, Proxy: "nginx", Client: "192.0.2.1", Request: model.Request{Method: "GET", Path: "/"},
				RouteNamespace: "shop", Service: "cart", ServicePort: "80", Status: 499, Duration: 1500 * time.Millisecond,
				Tries: []model.Try{{Address: "10.1.0.5:80", Duration: 1500 * time.Millisecond}},
			},
		},
		"the answer was no HTTP": {
			line: `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 009 7 "-" "x" 80 0.001 [shop-pay-443] [] 10.1.0.5:80 7 0.001 200 0af1`,
			want: model.Signal{
				At: at, Proxy: "nginx", Client: "192.0.2.1", Request: model.Request{Method: "GET", Path: "/"},
				RouteNamespace: "shop", Service: "pay", ServicePort: "443", Status: 9, Failure: model.Protocol, Duration: time.Millisecond,
				Tries: []model.Try{{Address: "10.1.0.5:80", Status: 200, Duration: time.Millisecond}},
			},
		},
		"a user with brackets in the name, combined": {
			line: `192.0.2.1 - a [b] c [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 401 10 "-" "x"`,
			want: model.Signal{At: at, Proxy: "nginx", Client: "192.0.2.1", Request: model.Request{Method: "GET", Path: "/"}, Status: 401},
		},
		"combined with X-Forwarded-For": {
			line: `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 10 "-" "x" "198.51.100.1"`,
			want: model.Signal{At: at, Proxy: "nginx", Client: "192.0.2.1", Request: model.Request{Method: "GET", Path: "/"}, Status: 502, Failure: model.OtherFailure},
		},
		"names with values, of which the host counts and the one that asked nobody": {
			line: `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /r/0 HTTP/2.0" 503 190 "-" "okhttp/5.0" host=a.example:443 upstream=unix:/var/run/nginx/nginx-503-server.sock rt=0.002 urt=0.001`,
			want: model.Signal{
				At: at, Proxy: "nginx", Client: "192.0.2.1", Request: model.Request{Method: "GET", Host: "a.example", Path: "/r/0"}, Status: 503, Failure: model.NoEndpoints,
				Duration: 2 * time.Millisecond, Tries: []model.Try{{Address: "unix:/var/run/nginx/nginx-503-server.sock", Duration: time.Millisecond}},
			},
		},
		"names with values, quoted and in lists": {
			line: `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 504 0 "-" "x" rt=2.000 uct="-, 0.001" upstream_addr=10.0.0.1:80, 10.0.0.2:80 us="502, 504" urt="1.000, 1.000"`,
			want: model.Signal{
				At: at, Proxy: "nginx", Client: "192.0.2.1", Request: model.Request{Method: "GET", Path: "/"}, Status: 504, Failure: model.ResponseTimeout, Duration: 2 * time.Second,
				Tries: []model.Try{{Address: "10.0.0.1:80", Status: 502, Duration: time.Second}, {Address: "10.0.0.2:80", Status: 504, Duration: time.Second}},
			},
		},
		"bytes that are no request": {
			line: `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "\x16\x03\x01" 400 150 "-" "-" 0 0.000 [] [] - - - - 0af1`,
			want: model.Signal{At: at, Proxy: "nginx", Client: "192.0.2.1", Status: 400},
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

func TestErrorLog(t *testing.T) {
	const trailer = `, client: 192.0.2.1, server: shop.test, request: "GET /pay?card=4111 HTTP/1.1", upstream: "http://10.1.0.5:8080/pay?card=4111", host: "shop.test:443"`
	tests := map[string]model.FailureKind{
		"connect() failed (111: Connection refused) while connecting to upstream":                                              model.Refused,
		"connect() to 10.1.0.5:8080 failed (111: Connection refused) while connecting to upstream":                             model.Refused,
		"connect() failed (113: Host is unreachable) while connecting to upstream":                                             model.ConnectTimeout,
		"upstream timed out (110: Operation timed out) while connecting to upstream":                                           model.ConnectTimeout,
		"upstream timed out (110: Connection timed out) while reading response header from upstream":                           model.ResponseTimeout,
		"upstream timed out (110: Connection timed out) while SSL handshaking to upstream":                                     model.TLS,
		"upstream prematurely closed connection while reading response header from upstream":                                   model.ClosedEarly,
		"recv() failed (104: Connection reset by peer) while reading response header from upstream":                            model.Reset,
		"writev() failed (32: Broken pipe) while sending request to upstream":                                                  model.ClosedEarly,
		"upstream sent too big header while reading response header from upstream":                                             model.HeaderTooBig,
		"upstream sent no valid HTTP/1.0 header while reading response header from upstream":                                   model.Protocol,
		"upstream sent too large http2 frame: 4740180 while reading response header from upstream":                             model.Protocol,
		"SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::wrong version number) while SSL handshaking to upstream": model.TLS,
		"upstream SSL certificate verify error: (10:certificate has expired) while SSL handshaking to upstream":                model.TLS,
		"no live upstreams while connecting to upstream":                                                                       model.NoEndpoints,
		"[lua] balancer.lua:383: balance(): no peer was returned, balancer: ewma while connecting to upstream":                 model.NoEndpoints,
		`limiting requests, excess: 20.4 by zone "rps"`:                                                                        model.Overload,
		"cart.test could not be resolved (3: Host not found)":                                                                  model.OtherFailure,
		"access forbidden by rule": model.Denied,
		"upstream server temporarily disabled while connecting to upstream":                                                                       model.NoFailure,
		"epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too while sending request to upstream": model.NoFailure,
		"a client request body is buffered to a temporary file /tmp/x":                                                                            model.NoFailure,
		"SSL_do_handshake() failed (SSL: error:0A000416:SSL routines::sslv3 alert certificate unknown:SSL alert number 46) while SSL handshaking": model.NoFailure,
	}
	for message, want := range tests {
		var s model.Signal
		line := "2026/05/04 08:30:15 [error] 31#31: *77 " + message + trailer
		class := NewParser().Parse([]byte(line), &s)
		if want == model.NoFailure {
			if class != proxy.Event || s.Failed() {
				t.Errorf("%s: class %v, failure %q; want an event", message, class, s.Failure)
			}
			continue
		}
		wantSignal := model.Signal{
			At: time.Date(2026, 5, 4, 8, 30, 15, 0, time.UTC), Proxy: "nginx", Client: "192.0.2.1",
			Request: model.Request{Method: "GET", Host: "shop.test", Path: "/pay"},
			Failure: want, Reason: message, ErrorLog: true, Tries: []model.Try{{Address: "10.1.0.5:8080"}},
			Raw: `2026/05/04 08:30:15 [error] 31#31: *77 ` + message +
				`, client: 192.0.2.1, server: shop.test, request: "GET /pay?card=*** HTTP/1.1", upstream: "http://10.1.0.5:8080/pay?card=***", host: "shop.test:443"`,
		}
		if class != proxy.ErrorLine {
			t.Errorf("%s: class %v, want ErrorLine", message, class)
		}
		if d := cmp.Diff(wantSignal, s); d != "" {
			t.Errorf("%s: signal (-want +got)\n%s", message, d)
		}
	}
}

// A client can write quotes and commas into its request; the true upstream and host stand last.
func TestErrorLogForgedTrailer(t *testing.T) {
	line := `2026/05/04 08:30:15 [error] 31#31: *77 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: shop.test, ` +
		`request: "GET /x", upstream: "http://203.0.113.1/", host: "evil HTTP/1.1", upstream: "http://10.1.0.5:8080/x", host: "shop.test"`
	var s model.Signal
	NewParser().Parse([]byte(line), &s)
	if s.Request.Host != "shop.test" || len(s.Tries) != 1 || s.Tries[0].Address != "10.1.0.5:8080" || s.Client != "192.0.2.1" {
		t.Errorf("got host %q, tries %v, client %q", s.Request.Host, s.Tries, s.Client)
	}
}

func TestOtherLines(t *testing.T) {
	tests := map[string]proxy.Class{
		`W0504 08:30:15.926154       7 controller.go:1241] Service "shop/cart" does not have any active Endpoint.`: proxy.Event,
		`I0504 08:30:15.701234       7 controller.go:228] "Backend successfully reloaded"`:                         proxy.Event,
		`E20260504 08:30:15.701234    1 controller.go:1109] Error when updating Ingress shop/cart: error`:          proxy.Event,
		`[192.0.2.10] [04/May/2026:08:30:15 +0000] TCP 502 0 0 5.001`:                                              proxy.Event,
		`2026/05/04 08:30:15 [notice] 1#1: signal 1 (SIGHUP) received from 7, reconfiguring`:                       proxy.Event,
		`-------------------------------------------------------------------------------`:                          proxy.Event,
		``: proxy.Event,
		`2026/05/04 08:30:15 [error] 1#1: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: a.example, request: "GET / HTTP/2.0", subrequest: "/_external-auth-Lw-Prefix", upstream: "http://10.96.7.70:80/auth", host: "a.example"`: proxy.Event,
		`2026/05/04 08:30:15 [error] 1#1: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: a.example, request: "GET / HTTP/2.0", upstream: "http://10.1.0.5:80/", host: "a.example", referrer: "x, subrequest: "/y"`:                proxy.ErrorLine,
		`2026/05/04 08:30:15 [eror] 1#1: *1 connect() failed (111: Connection refused), client: 192.0.2.1`:                     proxy.Foreign,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 2O0 5 "-" "x"`:                                            proxy.Foreign,
		`192.0.2.1 - - [34/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 5 "-" "x"`:                                            proxy.Foreign,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 5 "-" "x" and more`:                                   proxy.Foreign,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 5 "-" "x" rt=1 and more`:                              proxy.Foreign,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 5 "-" "x" 8 0.1 [a-b-80] [] 10.1.0.1:80 0 0.1 502`:    proxy.Foreign,
		`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 5 "-" "x" 8 0.1 [a-b-80] [] 1.1.1.1:8, 2.2.2.2:8 0 -`: proxy.Foreign,
		`{"level":"info","msg":"something else"}`:                                                                              proxy.Foreign,
		`GET /cart 502`: proxy.Foreign,
	}
	for line, want := range tests {
		var s model.Signal
		if got := NewParser().Parse([]byte(line), &s); got != want {
			t.Errorf("class %v, want %v: %s", got, want, line)
		}
	}
}

func TestControllerNamesTheService(t *testing.T) {
	var s model.Signal
	NewParser().Parse([]byte(`W0504 08:30:15.926154       7 controller.go:1241] Service "my-shop/cart" does not have any active Endpoint.`), &s)
	if s.RouteNamespace != "my-shop" || s.Service != "cart" || s.Failure != model.NoEndpoints {
		t.Errorf("got %+v", s)
	}
}

func TestJSON(t *testing.T) {
	line := `{"time":"2026-05-04T08:30:15+00:00","remote_addr":"192.0.2.1","status":502,"vhost":"shop.test","path":"/pay","request_time":0.003,"method":"GET",` +
		`"namespace":"shop","ingress":"front","service":"pay-api","service_port":"https","upstream_addr":"10.1.0.5:1, 10.1.0.6:1","upstream_status":"502, 502","upstream_response_time":"0.001, 0.002"}`
	var got model.Signal
	if class := NewParser().Parse([]byte(line), &got); class != proxy.Access {
		t.Fatalf("class %v", class)
	}
	got.Raw = ""
	want := model.Signal{
		At: time.Date(2026, 5, 4, 8, 30, 15, 0, time.UTC), Proxy: "nginx", Client: "192.0.2.1",
		Request:        model.Request{Method: "GET", Host: "shop.test", Path: "/pay"},
		RouteNamespace: "shop", RouteName: "front", Service: "pay-api", ServicePort: "https",
		Status: 502, Failure: model.OtherFailure, Duration: 3 * time.Millisecond,
		Tries: []model.Try{{Address: "10.1.0.5:1", Status: 502, Duration: time.Millisecond}, {Address: "10.1.0.6:1", Status: 502, Duration: 2 * time.Millisecond}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("signal (-want +got)\n%s", d)
	}
}

// Every line of a pod's stream, all formats mixed, is known.
func TestPodStream(t *testing.T) {
	f, err := os.Open("testdata/pod.log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	counts := map[proxy.Class]int{}
	p := NewParser()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var s model.Signal
		class := p.Parse(lines.Bytes(), &s)
		counts[class]++
		if class == proxy.Foreign {
			t.Errorf("foreign: %s", lines.Text())
		}
	}
	if d := cmp.Diff(map[proxy.Class]int{proxy.Access: 5, proxy.ErrorLine: 3, proxy.Event: 6}, counts); d != "" {
		t.Errorf("classes (-want +got)\n%s", d)
	}
}

var success = []byte(`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /list?page=2 HTTP/1.1" 200 512 "-" "curl/8" 80 0.012 [shop-web-http] [] 10.1.0.5:8080 512 0.011 200 0af1`)

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

// TestProxyHeader: a PROXY protocol header that is taken for a request is said to be one, and is no failure by itself.
func TestProxyHeader(t *testing.T) {
	var s model.Signal
	line := `10.1.40.91 - - [10/Jun/2026:09:20:00 +0000] "PROXY TCP4 198.51.100.20 10.1.12.7 51022 443" 400 150 "-" "-" 0 0.001 [] [] - - - - 4f1de0ff4f1de0ff4f1de0ff4f1de0ff`
	if kind := NewParser().Parse([]byte(line), &s); kind != proxy.Access || s.Failed() || !strings.Contains(s.Reason, "PROXY protocol") {
		t.Errorf("%v, %q, failed %v", kind, s.Reason, s.Failed())
	}
}
