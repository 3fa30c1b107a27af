package all

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

func TestParserFor(t *testing.T) {
	const line = `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 12 "-" "curl" 80 0.012 [shop-web-http] [] 10.1.0.5:80 0 0.011 502 0af1`
	for _, format := range []string{"", "auto", " Auto ", "nginx", "ingress-nginx"} {
		p, err := ParserFor(format)
		if err != nil {
			t.Errorf("%q: %v", format, err)
			continue
		}
		var s model.Signal
		if class := p.Parse([]byte(line), &s); class != proxy.Access || s.Proxy != "nginx" || s.Status != 502 {
			t.Errorf("%q: class %v, %+v", format, class, s)
		}
	}
	for _, name := range FormatNames() {
		if _, err := ParserFor(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for format, want := range map[string]string{
		`nginx:$remote_addr`: "no $status", `haproxy:%ST%B`: "character 4", `envoy:'%RESPONSE_CODE%`: "", `traefik:x`: "only nginx:", "nginx:": "no format after the colon",
	} {
		p, err := ParserFor(format)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || (err == nil) != (p != nil) {
			t.Errorf("%s: %v, %v; want %q", format, p, err, want)
		}
	}
	for format, line := range map[string]string{
		`nginx:'$status [$time_local]'`: `502 [04/May/2026:08:30:15 +0000]`, `ingress-nginx:escape=json {"s":"$status"}`: `{"s":"502"}`,
		`haproxy:"%ST %tsc"`: `502 SH--`, `envoy:%RESPONSE_CODE% %RESPONSE_FLAGS%`: `502 UPE`, `istio:{"c":"%RESPONSE_CODE%"}`: `{"c":502}`,
	} {
		p, err := ParserFor(format)
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		var s model.Signal
		if class := p.Parse([]byte(line), &s); class != proxy.Access || s.Status != 502 {
			t.Errorf("%s: class %v, %+v", format, class, s)
		}
	}
	if _, err := ParserFor("apache"); err == nil || !strings.Contains(err.Error(), "ingress-nginx") {
		t.Errorf("an unknown format: %v", err)
	}
}

// Each line is read by the parser whose log it is, also before enough was seen to be sure, and when another log follows.
func TestAuto(t *testing.T) {
	logs := map[string]string{
		"nginx":   `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET / HTTP/1.1" 502 12 "-" "curl" 80 0.012 [shop-web-http] [] 10.1.0.5:80 0 0.011 502 0af1`,
		"envoy":   `[2026-05-04T08:30:15.123Z] "GET / HTTP/1.1" 503 UF 0 12 5 - "192.0.2.1" "x" "0af1" "shop.test" "10.1.0.5:80"`,
		"haproxy": `192.0.2.1:50 [04/May/2026:08:30:15.123] http a_svc_b_80/SRV_1 0/0/-1/-1/4 503 5 - - SC-- 1/1/0/0/0 0/0 "GET shop.test/ HTTP/2.0"`,
		"traefik": `192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /?q="a" HTTP/1.1" 502 11 "-" "-" 7 "r@kubernetes" "http://10.1.0.5:80" 4ms`,
	}
	for name, line := range logs {
		a := NewAuto()
		if p, ok := a.Proxy(); ok {
			t.Fatalf("%s is known before any line", p.Name)
		}
		for i := range 3 * settleAfter {
			var s model.Signal
			if class := a.Parse([]byte(line), &s); class != proxy.Access || s.Proxy != name {
				t.Fatalf("%s, line %d: class %v, %+v", name, i, class, s)
			}
		}
		if p, ok := a.Proxy(); !ok || p.Name != name {
			t.Errorf("%s: taken for %s", name, p.Name)
		}
		for other, line := range logs {
			if other == name {
				continue
			}
			var s model.Signal
			lost := 0
			for a.Parse([]byte(line), &s) == proxy.Foreign {
				if lost++; lost > unsettleAfter {
					t.Fatalf("%s after %s is never read", other, name)
				}
			}
			if s.Proxy != other {
				t.Errorf("%s after %s: %+v", other, name, s)
			}
		}
	}
}

// Lines that no proxy writes stay unknown, and do not keep the others from being read.
func TestAutoMixed(t *testing.T) {
	a := NewAuto()
	counts := map[proxy.Class]int{}
	for i := range 10 * settleAfter {
		for _, line := range []string{
			fmt.Sprintf(`192.0.2.1 - - [04/May/2026:08:30:15 +0000] "GET /%d HTTP/1.1" 200 12 "-" "curl" 80 0.012 [shop-web-http] [] 10.1.0.5:80 12 0.011 200 0af1`, i),
			`2026/05/04 08:30:15 [error] 31#31: *77 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.1, server: a, request: "GET / HTTP/1.1", upstream: "http://10.1.0.5:8080/", host: "a"`,
			`I0504 08:30:15.701234       7 controller.go:228] "Backend successfully reloaded"`,
			`some text of an application`,
		} {
			var s model.Signal
			counts[a.Parse([]byte(line), &s)]++
		}
	}
	for class, n := range counts {
		if n != 10*settleAfter {
			t.Errorf("class %v: %d lines, want %d", class, n, 10*settleAfter)
		}
	}
}
