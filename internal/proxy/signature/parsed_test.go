package signature

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// frames are the forms of the lines in which a proxy's pod writes messages that are not those of its access log; MSG
// stands for the message.
func frames() map[string][]string {
	nginx := `2026/03/14 09:26:53 [error] 31#31: *7 MSG, client: 192.0.2.7, server: shop.example.com, request: "GET /cart HTTP/1.1", upstream: "http://10.1.0.11:8080/cart", host: "shop.example.com"`
	whole := func(message string) string { return strings.Replace(nginx, "MSG", message, 1) }
	trailer := strings.Replace(whole("connect() failed (111: Connection refused) while connecting to upstream"), `upstream: "http://10.1.0.11:8080`, `MSG`, 1)
	connecting, handshaking := whole("MSG while connecting to upstream"), whole("MSG while SSL handshaking to upstream")
	start := `2026/03/14 09:26:53 [emerg] 31#31: MSG`
	controller := `W0314 09:26:53.589793       7 controller.go:1145] MSG`
	structured := `{"time":"2026-03-14T09:26:53.589Z","level":"ERROR","msg":"MSG"}`
	return map[string][]string{
		"nginx":                {nginx, connecting, handshaking, start},
		"kong":                 {nginx, trailer, `2026/03/14 09:26:53 [error] 31#31: *7 [lua] init.lua:374: execute(): MSG, client: 192.0.2.7, server: kong, request: "GET /cart HTTP/1.1", host: "shop.example.com"`},
		"ingress-nginx":        {nginx, controller, `2026/03/14 09:26:53 [error] 31#31: *7 [lua] balancer.lua:348: MSG while connecting to upstream, client: 192.0.2.7, server: shop.example.com, request: "GET /cart HTTP/1.1", host: "shop.example.com"`, `2026/03/14 09:26:53 [error] 31#31: *7 [lua] balancer.lua:348: MSG`},
		"nginx-ingress":        {nginx, trailer, controller, structured, start},
		"nginx-gateway-fabric": {nginx, controller, structured, start},
		"haproxy":              {`[WARNING]  (1) : MSG`, `[ALERT]    (8) : MSG`, `<129>Mar 14 09:26:53 haproxy[8]: MSG`, `2026/03/14 09:26:53 ERROR   ingress.go:90 MSG`},
		"traefik": {
			`2026-03-14T09:26:53Z DBG github.com/traefik/traefik/v3/pkg/proxy/httputil/proxy.go:117 > 502 Bad Gateway error="MSG"`,
			`time="2026-03-14T09:26:53Z" level=debug msg="'502 Bad Gateway' caused by: MSG"`,
			`{"level":"debug","error":"MSG","time":"2026-03-14T09:26:53Z","message":"502 Bad Gateway"}`,
			`2026-03-14T09:26:53Z ERR MSG ingress=shop namespace=web providerName=kubernetes`,
		},
		"linkerd": {`[   12.345678s]  WARN ThreadId(01) outbound:proxy{addr=10.96.0.10:80}: linkerd_reconnect: MSG`},
		"caddy": {
			`{"level":"error","ts":1773480413.5,"logger":"http.log.error",MSG,"request":{"remote_ip":"192.0.2.7","method":"GET","host":"shop.example.com","uri":"/cart"},"duration":0.1,"status":502}`,
			`{"level":"error","ts":1773480413.5,"logger":"http.log.error","msg":"MSG","request":{"remote_ip":"192.0.2.7","method":"GET","host":"shop.example.com","uri":"/cart"},"duration":0.1,"status":502}`,
			`{"level":"warn","ts":1773480413.5,"logger":"http.handlers.reverse_proxy.health_checker.active","msg":"MSG"}`,
		},
	}
}

// What a row says must not be lost on its way: the line that has it is read as a failed request, or kept as the words
// of the gateway's own log.
func TestRowsReachTheDiagnosis(t *testing.T) {
	asides := []string{
		// Said beside the line that has the reason, or of what went well.
		"nginx-peer-disabled", "nginx-upgrade-timeout", "nginx-client-abort", "nginx-reload", "ingnx-reloaded", "traefik-retry", "traefik-client-closed",
	}
	states := []string{
		// Of a backend, a controller or the whole proxy, not of one request.
		"caddy-health", "haproxy-srv-down-conn", "haproxy-srv-down-l4to", "haproxy-srv-down-l6", "haproxy-srv-down-l7", "haproxy-be-empty",
		"haproxy-fd-limit", "haproxy-no-ports", "haproxy-k8s-no-port", "nic-warn-no-endpoints", "nic-endpoints-error", "nic-no-slice-for-port",
		"ngf-invalid-backend-ref",
	}
	for _, g := range Load().All() {
		forms, known := frames()[g.Proxy]
		if !known || g.Channel != "error" || slices.Contains(asides, g.ID) {
			continue
		}
		engine := g.engine()
		if g.Proxy == "kong" {
			engine = "kong"
		}
		p, ok := all.Named(engine)
		if !ok {
			t.Fatalf("%s: there is no proxy %s", g.ID, engine)
		}
		// Linkerd's proxy is no gateway, and its own log has neither the time of day nor the request.
		ofRequests := len(g.Statuses) > 0 && g.Phase != "config" && !slices.Contains(states, g.ID) && g.Proxy != "linkerd"
		for _, pattern := range g.patterns {
			message := sample(t, pattern)
			if !slices.ContainsFunc(forms, func(form string) bool {
				return heard(p, strings.Replace(form, "MSG", message, 1), ofRequests)
			}) {
				t.Errorf("%s: %s drops %q (a request's failure: %v)", g.ID, p.Name, message, ofRequests)
			}
		}
	}
}

// heard reports whether a line of a gateway's log comes to be known: as a request's failure, or, where it need not be
// one, as an excerpt.
func heard(p proxy.Proxy, line string, ofRequest bool) bool {
	var s model.Signal
	switch p.NewParser().Parse([]byte(line), &s) {
	case proxy.Access, proxy.ErrorLine:
		return s.Failed()
	default:
		return !ofRequest && proxy.Telling([]byte(line))
	}
}

// sample writes a text that a pattern finds.
func sample(t *testing.T, p pattern) string {
	t.Helper()
	if p.parts[0].exact != "" {
		return p.parts[0].exact
	}
	expr := p.parts[0].expr().String()
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		t.Fatal(err)
	}
	text := written(re)
	if !regexp.MustCompile(expr).MatchString(text) {
		t.Fatalf("%q is no example of %s", text, expr)
	}
	return text
}

// written is the shortest text that an expression matches, the first of several.
func written(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		for _, wanted := range []rune{'x', '1', 'A', '.'} {
			for i := 0; i < len(re.Rune); i += 2 {
				if re.Rune[i] <= wanted && wanted <= re.Rune[i+1] {
					return string(wanted)
				}
			}
		}
		return string(re.Rune[0])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "x"
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range re.Sub {
			b.WriteString(written(sub))
		}
		return b.String()
	case syntax.OpAlternate, syntax.OpCapture, syntax.OpPlus:
		return written(re.Sub[0])
	case syntax.OpRepeat:
		return strings.Repeat(written(re.Sub[0]), re.Min)
	default: // what may be left out, and places
		return ""
	}
}
