package path

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// TestOneNumberTwoProtocols: of two ports of a Service with one number, requests go to the one for TCP, wherever it stands.
func TestOneNumberTwoProtocols(t *testing.T) {
	for _, tt := range []struct {
		name, ports string
		at, ends    int
	}{
		{"HTTP/3 first", `{name: quic, port: 80, protocol: UDP, targetPort: 8443}, {name: http, port: 80, protocol: TCP, targetPort: 8080}`, 1, 1},
		{"HTTP/3 last", `{name: http, port: 80, targetPort: 8080}, {name: quic, port: 80, protocol: UDP, targetPort: 8443}`, 0, 1},
		{"UDP alone", `{name: quic, port: 80, protocol: UDP, targetPort: 9443}`, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(world(t, []string{
				class, ingress("web", `rules: [`+rule("shop.example", "Prefix", "/", "web")+`]`),
				`{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [` + tt.ports + `]}}`,
				`{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}},
ports: [{name: quic, port: 8443, protocol: UDP}, {name: http, port: 8080, protocol: TCP}], endpoints: [{addresses: [10.0.0.9], conditions: {ready: true}}]}`,
			}))
			l := m.Legs(m.Routes()[0])[0]
			if l.Presence != snapshot.Present || l.PortAt != tt.at || len(l.Ends) != tt.ends || tt.ends > 0 && l.Ends[0].Port != 8080 {
				t.Errorf("port %d, ends %+v, want port %d and %d ends", l.PortAt, l.Ends, tt.at, tt.ends)
			}
		})
	}
}

// TestWhichPort: controllers find the port of a backend by the name or number of a Service's port, and two of them by its target port
// as well.
func TestWhichPort(t *testing.T) {
	const (
		community = "k8s.io/ingress-nginx"
		inc       = "nginx.org/ingress-controller"
		tech      = "haproxy.org/ingress-controller/haproxy"
		jcm       = "haproxy-ingress.github.io/controller"
		traefik   = "traefik.io/ingress-controller"
		contour   = "projectcontour.io/ingress-controller"
		kong      = "ingress-controllers.konghq.com/kong"
		crossed   = `{name: web, port: 80, targetPort: 8080}, {name: admin, port: 8080, targetPort: 9090}`
		plain     = `{name: web, port: 80, targetPort: 8080}`
		named     = `{name: web, port: 80, targetPort: http}`
	)
	for _, tt := range []struct {
		name, controller, ports, asks string
		at                            int
		lenient                       bool
	}{
		{"a target port of ingress-nginx", community, plain, "number: 8080", 0, true},
		{"a target port's name of ingress-nginx", community, named, "name: http", 0, true},
		{"a name of neither", community, named, "name: https", -1, false},
		{"ingress-nginx takes the first that has it as either", community, crossed, "number: 8080", 0, true},
		{"haproxy-ingress takes the target port first", jcm, `{name: admin, port: 8080, targetPort: 9090}, {name: web, port: 80, targetPort: 8080}`, "number: 8080", 1, true},
		{"haproxy-ingress takes the number of a port", jcm, plain, "number: 80", 0, false},
		{"HAProxy Technologies", tech, plain, "number: 8080", -1, false},
		{"F5", inc, plain, "number: 8080", -1, false},
		{"Traefik", traefik, plain, "number: 8080", -1, false},
		{"Contour", contour, named, "name: http", -1, false},
		{"Kong", kong, crossed, "number: 8080", 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(world(t, []string{
				`{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: ` + tt.controller + `}}`,
				ingress("web", `rules: [`+strings.Replace(rule("shop.example", "Prefix", "/", "web"), "number: 80", tt.asks, 1)+`]`),
				`{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [` + tt.ports + `]}}`,
			}))
			if l := m.Legs(m.Routes()[0])[0]; l.PortAt != tt.at || l.Lenient != tt.lenient {
				t.Errorf("port %d, lenient %t, want %d, %t", l.PortAt, l.Lenient, tt.at, tt.lenient)
			}
		})
	}
}

// TestAnEmptySliceTellsNothingOfPorts: the EndpointSlice of a Service without pods has no ports. ingress-nginx finds no endpoint
// in it, and the rule's port is the Service's own all the same.
func TestAnEmptySliceTellsNothingOfPorts(t *testing.T) {
	m := New(world(t, []string{
		class, ingress("web", `rules: [`+rule("shop.example", "Prefix", "/", "web")+`]`),
		`{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: nobody}, ports: [{name: http, port: 80, targetPort: 8080}]}}`,
		`{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}, addressType: IPv4, ports: [], endpoints: []}`,
	}))
	if l := m.Legs(m.Routes()[0])[0]; l.Lenient || l.PortAt != 0 || len(l.Ends) > 0 {
		t.Errorf("lenient %t, port %d, ends %v, want the Service's port and no end", l.Lenient, l.PortAt, l.Ends)
	}
}

// TestServiceAddressTakesNoTargetPort: who dials the Service's own address needs a port of that number there.
func TestServiceAddressTakesNoTargetPort(t *testing.T) {
	m := New(world(t, []string{
		class, annotated(ingress("web", `rules: [`+strings.Replace(rule("shop.example", "Prefix", "/", "web"), "number: 80", "number: 8080", 1)+`]`), "nginx.ingress.kubernetes.io/service-upstream", "true"),
		`{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [{port: 80, targetPort: 8080}]}}`,
	}))
	if l := m.Legs(m.Routes()[0])[0]; l.PortAt != -1 {
		t.Errorf("port %d, want none", l.PortAt)
	}
}
