package path

import (
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

// TestStreamRoutes: connections by the name in their TLS handshake or by their port, beside requests.
func TestStreamRoutes(t *testing.T) {
	const gw = `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: edge}, spec: {gatewayClassName: envoy, listeners: [
{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}},
{name: tls, port: 443, protocol: TLS, hostname: "*.example", tls: {mode: Passthrough}, allowedRoutes: {namespaces: {from: All}}},
{name: https, port: 8443, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}, allowedRoutes: {namespaces: {from: All}}},
{name: db, port: 5432, protocol: TCP, allowedRoutes: {namespaces: {from: All}}}]}}`
	stream := func(kind, version, name, spec string) string {
		return `{apiVersion: gateway.networking.k8s.io/` + version + `, kind: ` + kind + `, metadata: {name: ` + name + `, namespace: shop}, spec: {` + spec + `}}`
	}
	section := func(name string) string {
		return `parentRefs: [{name: public, namespace: edge, sectionName: ` + name + `}], `
	}
	rule := func(service string) string { return `rules: [{` + to(service) + `}]` }
	service := func(name string) string {
		return `{apiVersion: v1, kind: Service, metadata: {name: ` + name + `, namespace: shop}, spec: {selector: {app: ` + name + `}, ports: [{port: 80}]}}`
	}
	tls := stream("TLSRoute", "v1alpha3", "tls", section("tls")+`hostnames: [shop.example], `+rule("tls"))
	https := func(host string) model.Request {
		return model.Request{Scheme: "https", Host: host, Port: 443, Path: "/any"}
	}
	for _, tt := range []struct {
		name     string
		routes   []string
		req      model.Request
		want     string // the Service; empty: no rule takes it
		field    string // of the rule's first fault
		predicts string
	}{
		{"by the name in the handshake", []string{tls, service("tls")}, https("shop.example"), "tls", "", "no answer"},
		{"a backend that does not exist", []string{tls}, https("shop.example"), "tls", "", "no answer"},
		{"another name", []string{tls, service("tls")}, https("other.example"), "", "", ""},
		{"beside an HTTPRoute, to the plain port", []string{httpRoute("r", "", `{`+to("web")+`}`), tls, service("web")}, model.Request{Scheme: "http", Host: "shop.example", Path: "/any"}, "web", "", "503"},
		{"beside an HTTPRoute, without a port", []string{httpRoute("r", "", `{`+to("web")+`}`), tls, service("web")}, model.Request{Host: "shop.example", Path: "/any"}, "web", "", "503"},
		{"beside an HTTPRoute, to the port with TLS", []string{httpRoute("r", "", `{`+to("web")+`}`), tls, service("tls")}, https("shop.example"), "tls", "", "no answer"},
		{"a listener that reads requests takes no TLSRoute", []string{stream("TLSRoute", "v1", "tls", section("https")+`hostnames: [shop.example], `+rule("tls"))}, https("shop.example"), "tls", "spec.parentRefs[0]", "no answer"},
		{"a name that the listener is not for", []string{stream("TLSRoute", "v1", "tls", section("tls")+`hostnames: [shop.test], `+rule("tls"))}, https("shop.test"), "tls", "spec.hostnames", "no answer"},
		{"by the port", []string{stream("TCPRoute", "v1alpha2", "db", section("db")+rule("db")), service("db")}, model.Request{Host: "any.test", Port: 5432, Path: "/"}, "db", "", "no answer"},
		{"another port", []string{stream("TCPRoute", "v1alpha2", "db", section("db")+rule("db")), service("db")}, model.Request{Host: "any.test", Port: 80, Path: "/"}, "", "", ""},
		{"no port", []string{stream("TCPRoute", "v1alpha2", "db", section("db")+rule("db")), service("db")}, model.Request{Host: "any.test", Path: "/"}, "", "", ""},
		{"passed-through TLS is no TCPRoute's", []string{stream("TCPRoute", "v1alpha2", "db", section("tls")+rule("db"))}, model.Request{Host: "any.test", Port: 443, Path: "/"}, "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(world(t, append([]string{gatewayClass, gw}, tt.routes...)))
			r, ok := m.Match(tt.req)
			if ok != (tt.want != "") {
				t.Fatalf("taken %v: %+v", ok, r)
			}
			if !ok {
				return
			}
			field := ""
			if len(r.Faults) > 0 {
				field = r.Faults[0].Object.Field
			}
			if got := m.Walk(tt.req).Predicts; r.Backends[0].Service.Name != tt.want || field != tt.field || got != tt.predicts {
				t.Errorf("%s goes to %s with fault at %q and meets %q, want %s, %q, %q", tt.req, r.Backends[0].Service.Name, field, got, tt.want, tt.field, tt.predicts)
			}
		})
	}
}
