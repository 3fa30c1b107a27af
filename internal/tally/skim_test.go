package tally

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// Forms of people's own, as ParserFor takes them.
const (
	ownNginx       = `nginx:$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time $upstream_addr $upstream_status $host`
	ownNginxJSON   = `nginx:escape=json {"at":"$msec","host":"$host","uri":"$request_uri","status":$status,"took":$request_time,"ns":"$namespace","svc":"$service_name","port":"$service_port","upstream":"$upstream_addr","upstream_status":"$upstream_status","agent":"$http_user_agent"}`
	ownHAProxy     = `haproxy:%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %tsc %{+Q}r`
	ownHAProxyJSON = `haproxy:{"at":"%T","backend":"%b","status":%ST,"took":%Ta}`
	ownEnvoy       = `envoy:[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %DURATION% "%REQ(USER-AGENT)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"`
	ownEnvoyJSON   = `envoy:{"time":"%START_TIME%","request":{"method":"%REQ(:METHOD)%","path":"%REQ(:PATH)%","host":"%REQ(:AUTHORITY)%"},"code":"%RESPONSE_CODE%","flags":"%RESPONSE_FLAGS%","ms":"%DURATION%","from":"%DOWNSTREAM_REMOTE_ADDRESS% %UPSTREAM_CLUSTER%"}`
)

func ownFormats() []string {
	return []string{ownNginx, ownNginxJSON, ownHAProxy, ownHAProxyJSON, ownEnvoy, ownEnvoyJSON}
}

// parsers are a parser of each proxy, and of each form of people's own.
func parsers() map[string]proxy.Parser {
	found := map[string]proxy.Parser{}
	for _, p := range all.Proxies() {
		found[p.Name] = p.NewParser()
	}
	for _, format := range ownFormats() {
		p, err := all.ParserFor(format)
		if err != nil {
			panic(err) // a format of this test's own
		}
		found[format] = p
	}
	return found
}

// skimmers are those that can skim.
func skimmers() map[string]proxy.Skimmer {
	found := map[string]proxy.Skimmer{}
	for name, p := range parsers() {
		if s, ok := p.(proxy.Skimmer); ok {
			found[name] = s
		}
	}
	return found
}

// agreement checks what a Skimmer promises, from line to line.
type agreement struct {
	skimmers map[string]proxy.Skimmer
	parsers  map[string]proxy.Parser
	names    map[string]Route // by proxy and parts
}

func newAgreement() *agreement {
	a := &agreement{skimmers: skimmers(), parsers: parsers(), names: map[string]Route{}}
	return a
}

// check compares Skim with Parse and reports how many parsers skimmed the line.
func (a *agreement) check(t *testing.T, line []byte) (skimmed int) {
	for name, skimmer := range a.skimmers {
		var k proxy.Skim
		if !skimmer.Skim(line, &k) {
			continue
		}
		skimmed++
		var s model.Signal
		if class := a.parsers[name].Parse(line, &s); class != proxy.Access {
			t.Fatalf("%s skims a line of class %d: %q", name, class, line)
		}
		if s.At.UnixNano() != k.At || int64(s.Duration) != k.Duration || s.Status != k.Status {
			t.Fatalf("%s skims %d, %d, %d; Parse has %d, %d, %d: %q", name, k.At, k.Duration, k.Status, s.At.UnixNano(), s.Duration, s.Status, line)
		}
		if k.Status < 100 || k.Status > 499 || s.Failed() || len(s.Tries) > 1 || len(s.Tries) == 1 && s.Tries[0].Status >= 500 {
			t.Fatalf("%s skims a failure, %+v: %q", name, s, line)
		}
		route := RouteOf(&s)
		named := route.Service != "" || route.Name != ""
		if k.ByPath {
			if named || len(k.Route) != 2 || route.Host != string(k.Route[0]) || route.Path != string(k.Route[1]) {
				t.Fatalf("%s skims the route %q, Parse has %+v: %q", name, k.Route, route, line)
			}
			continue
		}
		if !named {
			route = Route{}
		}
		key := fmt.Sprintf("%s %q", name, k.Route)
		if before, ok := a.names[key]; ok && before != route {
			t.Fatalf("%s: parts %q stand for %+v and %+v: %q", name, k.Route, before, route, line)
		}
		a.names[key] = route
	}
	return skimmed
}

// successes are lines that the parsers named must skim, or the speed is gone.
func successes() map[string][]string {
	return map[string][]string{
		"nginx": {
			`192.0.2.10 - - [14/Mar/2026:09:26:00 +0000] "GET /a/b?c HTTP/1.1" 200 5123 "-" "Mozilla/5.0 (X11)" 84 0.004 [shop-web-80] [] 10.244.1.10:8080 5123 0.004 200 cfcd208495d565ef66e7dff9f98764da`,
			`2001:db8::1 - jo doe [14/Mar/2026:09:26:01 +0100] "GET /a HTTP/2.0" 304 0 "-" "curl" 84 0.004 [shop-web-api-http] [] 10.244.1.10:8080 - 0.004 304 cfcd`,
			`192.0.2.10 - - [14/Mar/2026:09:26:02 +0000] "GET / HTTP/1.1" 499 0 "-" "x" 84 0.004 [shop-web-80] [] 10.244.1.10:8080 0 0.004 - cfcd`,
			`192.0.2.10 - - [14/Mar/2026:09:26:02 +0000] "GET / HTTP/1.1" 308 164 "-" "x" 84 0.000 [shop-web-80] [] - - - - cfcd`,
			`192.0.2.10 - - [14/Mar/2026:09:26:00 +0000] "GET /a/b HTTP/1.1" 200 5123 "-" "Mozilla/5.0 (X11)"`,
			`192.0.2.10 - - [14/Mar/2026:09:26:00 +0000] "GET /a?b HTTP/1.1" 404 5123 "-" "Mozilla/5.0 (X11)" "192.0.2.200, 10.0.0.7"`,
			`{"time": "2026-03-14T09:26:00+00:00", "remote_addr": "192.0.2.10", "request_time": 0.004, "status": 200, "vhost": "shop.example.com", "path": "/a", "http_user_agent": "a \"b\"", "proxy_upstream_name": "shop-web-80", "upstream_addr": "10.244.1.10:8080", "upstream_status": "200"}`,
		},
		"envoy": {
			`[2026-03-14T09:26:00.123Z] "GET /a/b?c HTTP/1.1" 200 - 0 5123 22 21 "192.0.2.10" "Mozilla/5.0 (X11)" "5646bf1c-95d5-45ef-a6e7-dff9f98764da" "shop.example.com:8080" "10.244.1.10:8080"`,
			`[2026-03-14T09:26:01.000Z] "POST /a HTTP/2" 404 - 10 0 3 - "-" "-" "-" "-" "-"`,
			`[2026-03-14T09:26:00.123Z] "GET /a?b HTTP/1.1" 200 - via_upstream - "-" 0 5123 22 21 "192.0.2.10" "curl/8" "5646bf1c" "shop.example.com" "10.244.1.10:8080" outbound|80||web.shop.svc.cluster.local 10.244.3.2:42000 10.244.3.2:8080 192.0.2.10:50000 - default`,
			`{":authority":"shop.example.com","bytes_sent":2317,"connection_termination_details":null,"duration":22,"method":"GET","response_code":304,"response_code_details":"via_upstream","response_flags":"-","route_name":"httproute/shop/web/rule/0/match/0/shop_example_com","start_time":"2026-03-14T09:26:00.001Z","upstream_cluster":"httproute/shop/web/rule/0","upstream_host":"10.244.5.3:8080","user-agent":"a \"b\"","x-envoy-origin-path":"/a"}`,
			`{"@timestamp":"2026-03-14T09:26:00.001Z","response_code":"200","duration":"22","response_flags":"-","upstream_cluster":"shop_web_80","path":"/a"}`,
		},
		"kong": {
			`192.0.2.10 - - [14/Mar/2026:09:26:00 +0000] "GET /a/b?c HTTP/1.1" 200 5123 "-" "Mozilla/5.0 (X11)" kong_request_id: "0af1c3d2e5f60718293a4b5c6d7e8f90"`,
			`192.0.2.10 - - [14/Mar/2026:09:26:00 +0000] "GET /a/b HTTP/2.0" 404 52 "-" "Mozilla/5.0 (X11)"`,
			`{"service":{"port":80,"name":"shop.web.80","id":"fe","host":"web.shop.80.svc","tags":["k8s-name:web","k8s-kind:Service"]},"route":{"paths":["/a","~/b$"],"name":"shop.shop.web.shop.test.80","hosts":["shop.test"],"strip_path":true,"headers":{}},"request":{"querystring":{"c":"d"},"method":"GET","uri":"/a?c=d","url":"http://shop.test:8000/a","size":120,"headers":{"host":"shop.test","user-agent":"a \"b\" {}","accept":"*/*"},"tls":null},"client_ip":"192.0.2.10","latencies":{"request":22,"proxy":21,"kong":1,"receive":0},"response":{"size":5123,"status":200,"headers":{"via":"1.1 kong/3.9.0","content-length":"5"}},"tries":[{"balancer_latency":0,"ip":"10.244.1.10","port":8080,"keepalive":true,"balancer_start":1773480360001}],"upstream_status":"200","upstream_uri":"/a","started_at":1773480360001,"source":"upstream","workspace":"d"}`,
			`{"route":{"name":"httproute.shop.web.0.0"},"request":{},"latencies":{"request":0},"response":{"status":404},"tries":[],"started_at":1773480360001,"source":"kong"}`,
		},
		ownNginx: {
			`192.0.2.10 - - [14/Mar/2026:09:26:00 +0000] "GET /a/b?c HTTP/1.1" 200 5123 "-" "Mozilla/5.0 (X11)" 0.004 10.244.1.10:8080 200 shop.test:443`,
			`192.0.2.10 - jo doe [14/Mar/2026:09:26:00 +0000] "GET /a#b HTTP/2.0" 404 5123 "" "x" 0.004 - - -`,
		},
		ownNginxJSON: {
			`{"at":"1773480360.250","host":"shop.test","uri":"/a?b","status":200,"took":0.004,"ns":"shop","svc":"web","port":"80","upstream":"10.244.1.10:8080","upstream_status":"200","agent":"a \"b\""}`,
			`{"at":"1773480360.250","host":"","uri":"/a","status":304,"took":0.000,"ns":"","svc":"","port":"","upstream":"","upstream_status":"","agent":""}`,
		},
		ownHAProxy: {
			`192.0.2.10:51000 [14/Mar/2026:09:26:00.123] http shop_svc_web_http/SRV_1 0/0/0/22/22 200 5123 ---- "GET shop.example.com/a/b?c HTTP/1.1"`,
			`<134>Mar 14 09:26:00 lb haproxy[7]: 192.0.2.10:51000 [14/Mar/2026:09:26:00.123] https~ shop_web_80/SRV_1 0/0/0/22/+22 404 +5 --NI "<BADREQ>"`,
		},
		ownHAProxyJSON: {`{"at":"14/Mar/2026:09:26:00 +0000","backend":"shop_web_80","status":200,"took":22}`},
		ownEnvoy: {
			`[2026-03-14T09:26:00.123Z] "GET /a/b?c HTTP/1.1" 200 - 22 "Mozilla/5.0 (X11) [x]" "shop.example.com:8080" "10.244.1.10:8080"`,
			`[2026-03-14T09:26:00.123Z] "POST / HTTP/2" 404 - - "-" "-" "-"`,
		},
		ownEnvoyJSON: {
			`{"code":200,"flags":"-","from":"192.0.2.10:5 shop_web_80","ms":22,"request":{"host":"shop.test","method":"GET","path":"/a"},"time":"2026-03-14T09:26:00.123Z"}`,
			`{"time":"2026-03-14T09:26:00.123Z","request":{"method":"GET","path":"/a/b","host":"shop.test"},"code":"304","ms":"22"}`,
		},
		"caddy": {
			`{"level":"info","ts":1773480360.1234567,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"192.0.2.10","remote_port":"50000","client_ip":"192.0.2.10","proto":"HTTP/2.0","method":"GET","host":"shop.test:443","uri":"/a/b?c=d","headers":{"User-Agent":["a \"b\""],"Accept":["*/*","x"]},"tls":{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"shop.test"}},"bytes_read":0,"user_id":"","duration":0.000929675,"size":10900,"status":200,"resp_headers":{"Server":["Caddy"],"Via":["1.1 Caddy"]}}`,
			`{"ts":1773480360,"logger":"http.log.access","request":{"host":"shop.test","uri":"/"},"duration":1,"status":404}`,
		},
		"haproxy": {
			`192.0.2.10:51000 [14/Mar/2026:09:26:00.123] http shop_svc_web_http/SRV_1 0/0/0/22/22 200 5123 - - ---- 12/10/2/1/0 0/0 "GET shop.example.com/a/b?c HTTP/1.1"`,
			`2001:db8::1:51000 [14/Mar/2026:09:26:01.000] https~ shop_web_8080/srv001 0/0/1/2/3 404 0 - - ---- 1/1/0/0/0 0/0 "GET /a HTTP/1.1"`,
		},
		"traefik": {
			`192.0.2.10 - - [14/Mar/2026:09:26:00 +0000] "GET /a/b?c HTTP/1.1" 200 5123 "-" "Mozilla/5.0 (X11)" 348 "shop-web-shop-example-com@kubernetes" "http://10.244.1.10:8080" 22ms`,
			`192.0.2.10 - - [14/Mar/2026:09:26:01 +0000] "GET / HTTP/2.0" 404 19 "https://a.test/b c" "x" 1 "web@docker" "-" 0ms`,
			`{"ClientHost":"192.0.2.10","DownstreamContentSize":2317,"DownstreamStatus":304,"Duration":22599644,"KubernetesIngressName":"shop","KubernetesIngressNamespace":"shop","KubernetesServiceName":"web","KubernetesServicePort":"80","RequestHost":"shop.example.com","RequestPath":"/a","RouterName":"shop-web@kubernetes","ServiceAddr":"10.244.5.3:8080","ServiceName":"shop-web-80@kubernetes","StartUTC":"2026-03-14T09:26:00.001764071Z","level":"info","msg":"","request_User-Agent":"a \"b\"","time":"2026-03-14T09:26:00Z"}`,
			`{"DownstreamStatus":200,"Duration":0,"RouterName":"web@docker","ServiceName":"web@docker","StartUTC":"2026-03-14T09:26:00Z"}`,
		},
	}
}

func TestSkims(t *testing.T) {
	a := newAgreement()
	for name, lines := range successes() {
		for _, line := range lines {
			var k proxy.Skim
			if !a.skimmers[name].Skim([]byte(line), &k) {
				t.Errorf("%s does not skim %s", name, line)
			}
			a.check(t, []byte(line))
		}
	}
}

// Cut and changed anywhere, a line is skimmed only if it still reads the same.
func TestSkimsNothingElse(t *testing.T) {
	a := newAgreement()
	skimmed := 0
	for _, lines := range successes() {
		for _, text := range lines {
			for i := range text {
				skimmed += a.check(t, []byte(text[:i]))
				for _, c := range "\x00 \"\\,:[]-{}0a5\r" {
					skimmed += a.check(t, []byte(text[:i]+string(c)+text[i+1:]))
					skimmed += a.check(t, []byte(text[:i]+string(c)+text[i:]))
				}
				skimmed += a.check(t, []byte(text[:i]+text[i+1:]))
				for _, more := range []string{", 10.1.1.1:80 : 502", ",{}", `"status":502,`, "{", "]"} {
					skimmed += a.check(t, []byte(text[:i]+more+text[i:]))
				}
			}
			for _, status := range []string{"500", "502", "009", "000", "404", "1000"} {
				skimmed += a.check(t, []byte(strings.ReplaceAll(text, "200", status)))
			}
		}
	}
	if skimmed < 1000 {
		t.Errorf("only %d changed lines were skimmed at all", skimmed)
	}
}

func FuzzSkim(f *testing.F) {
	for _, lines := range successes() {
		for _, line := range lines {
			f.Add([]byte(line))
		}
	}
	a := newAgreement()
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(a.names) > 1<<16 {
			clear(a.names)
		}
		a.check(t, line)
	})
}

// What counting the first success of each form costs.
func BenchmarkSkim(b *testing.B) {
	for name, lines := range successes() {
		short, _, _ := strings.Cut(strings.ReplaceAll(name, " ", ""), "$")
		b.Run(short[:min(len(short), 24)], func(b *testing.B) {
			c := NewCounter(0, Options{Format: name, Parser: func() proxy.Parser { return parsers()[name] }})
			k := &Chunk{Text: []byte(strings.Repeat(lines[0]+"\n", 1000))}
			b.SetBytes(int64(len(k.Text)))
			b.ReportAllocs()
			for b.Loop() {
				c.Count(k, name)
			}
		})
	}
}
