package path

import (
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
		{"UDP alone", `{name: quic, port: 80, protocol: UDP, targetPort: 8443}`, 0, 0},
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
