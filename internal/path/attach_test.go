package path

import (
	"strings"
	"testing"
)

// TestSaidOfAnotherParent: what a controller says of one parent of a route is not held against another one.
func TestSaidOfAnotherParent(t *testing.T) {
	class := `{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: envoy}, spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}}`
	gw := func(namespace string) string {
		return `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: ` + namespace + `}, spec: {gatewayClassName: envoy, listeners: [
{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}, {name: alt, port: 81, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}}`
	}
	refused := `{type: Accepted, status: "False", reason: UnsupportedValue, message: not so}`
	unknown := `{type: ResolvedRefs, status: "False", reason: InvalidKind, message: no such kind}`
	ungranted := `{type: ResolvedRefs, status: "False", reason: RefNotPermitted, message: no grant}`
	own := `{group: example.org, kind: Backend, name: b}`
	far := `{name: web, namespace: far, port: 80}`
	for _, tt := range []struct {
		name, parents, said, condition, backend string
		want                                    string // the Gateways at which the route has a fault
	}{
		{"refused in another namespace", `{name: public, namespace: edge}, {name: public}`, `{name: public}`, refused, own, "shop"},
		{"refused in the route's own namespace by name", `{name: public, namespace: edge}, {name: public}`, `{name: public, namespace: shop, kind: Gateway}`, refused, own, "shop"},
		{"refused at another port", `{name: public, port: 80}, {name: public, namespace: edge}`, `{name: public, port: 81}`, refused, own, ""},
		{"refused at one listener", `{name: public, sectionName: alt}, {name: public, namespace: edge}`, `{name: public, sectionName: alt}`, refused, own, "shop"},
		{"refused by the Service of a mesh", `{name: public}, {group: "", kind: Service, name: public}`, `{group: "", kind: Service, name: public}`, refused, own, ""},
		{"a kind that one does not know", `{name: public, namespace: edge}, {name: public}`, `{name: public, namespace: edge}`, unknown, own, "edge"},
		{"no grant, by the word of one", `{name: public, namespace: edge}, {name: public}`, `{name: public, namespace: edge}`, ungranted, far, "edge"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			route := `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: shop}, spec: {parentRefs: [` + tt.parents + `], rules: [{backendRefs: [` + tt.backend + `]}]},
status: {parents: [{controllerName: c, parentRef: ` + tt.said + `, conditions: [` + tt.condition + `]}]}}`
			var faulty []string
			for _, r := range New(world(t, []string{class, gw("edge"), gw("shop"), route}, "ReferenceGrant")).Routes() {
				for _, f := range r.Faults {
					if !f.Kind.Unknown() {
						faulty = append(faulty, r.Gateway.Namespace)
					}
				}
			}
			if got := strings.Join(faulty, ","); got != tt.want {
				t.Errorf("faults at the Gateways of %q, want %q", got, tt.want)
			}
		})
	}
}
