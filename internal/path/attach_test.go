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

// TestSaidOfAGateway: what a controller said of a Gateway before it was changed is not said of it now, and a Gateway without an
// address serves those who come by another way.
func TestSaidOfAGateway(t *testing.T) {
	accepted := `{type: Accepted, status: "True", reason: Accepted, message: ok, observedGeneration: 2}`
	for _, tt := range []struct{ name, class, gateway, want string }{
		{"not programmed", accepted, `{type: Programmed, status: "False", reason: Invalid, message: not so, observedGeneration: 3}`, "404"},
		{"not programmed, at a generation that it does not say", accepted, `{type: Programmed, status: "False", reason: Invalid, message: not so}`, "404"},
		{"was not programmed", accepted, `{type: Programmed, status: "False", reason: Invalid, message: not so, observedGeneration: 2}`, "500"},
		{"was not accepted", accepted, `{type: Accepted, status: "False", reason: InvalidParameters, message: not so, observedGeneration: 1}`, "500"},
		{"has no address", accepted, `{type: Programmed, status: "False", reason: AddressNotAssigned, message: not so, observedGeneration: 3}`, "500"},
		{"cannot use its address", accepted, `{type: Programmed, status: "False", reason: AddressNotUsable, message: not so, observedGeneration: 3}`, "404"},
		{"of a class that is refused", `{type: Accepted, status: "False", reason: InvalidParameters, message: not so, observedGeneration: 2}`, `{type: Accepted, status: Unknown, reason: Pending, message: not so}`, "404"},
		{"of a class that was refused", `{type: Accepted, status: "False", reason: InvalidParameters, message: not so, observedGeneration: 1}`, `{type: Accepted, status: Unknown, reason: Pending, message: not so}`, "500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(world(t, []string{
				`{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: envoy, generation: 2}, spec: {controllerName: istio.io/gateway-controller}, status: {conditions: [` + tt.class + `]}}`,
				`{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: edge, generation: 3}, spec: {gatewayClassName: envoy, listeners: [
{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]}, status: {conditions: [` + tt.gateway + `]}}`,
				httpRoute("r", "", `{`+to("missing")+`}`),
			}))
			if got := m.WalkRoute(m.Routes()[0]).Predicts; got != tt.want {
				t.Errorf("predicts %s, want %s", got, tt.want)
			}
		})
	}
}

// TestListenerSets: a route that asks a ListenerSet is its Gateway's, and is not forgotten where the set is not known.
func TestListenerSets(t *testing.T) {
	class := `{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: envoy}, spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}}`
	gw := `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: edge}, spec: {gatewayClassName: envoy, allowedListeners: {namespaces: {from: All}}, listeners: [{name: http, port: 80, protocol: HTTP}]}}`
	closed := `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: closed, namespace: edge}, spec: {gatewayClassName: envoy, listeners: [{name: http, port: 80, protocol: HTTP}]}}`
	set := func(gateway, status string) string {
		return `{apiVersion: gateway.networking.k8s.io/v1, kind: ListenerSet, metadata: {name: team, namespace: shop, generation: 2}, spec: {parentRef: {name: ` + gateway + `, namespace: edge}, listeners: [{name: a, port: 80, protocol: HTTP, hostname: "*.example"}]}, status: {conditions: [` + status + `]}}`
	}
	asks := `{group: gateway.networking.k8s.io, kind: ListenerSet, name: team}`
	for _, tt := range []struct {
		name, set, parent, host string
		gateway                 string
		fault                   FaultKind
		predicts                string
	}{
		{"a set of the Gateway", set("public", ""), asks, "api.example", "edge/public", "", "500"},
		{"what it was before", `{apiVersion: gateway.networking.x-k8s.io/v1alpha1, kind: XListenerSet, metadata: {name: team, namespace: shop}, spec: {parentRef: {name: public, namespace: edge}, listeners: [{name: a, port: 80, protocol: HTTP}]}}`, `{group: gateway.networking.x-k8s.io, kind: XListenerSet, name: team}`, "api.example", "edge/public", "", "500"},
		{"a set that is not known", class, asks, "api.example", "shop/team", GatewayUnknown, "500"},
		{"a set of no Gateway", set("gone", ""), asks, "api.example", "edge/gone", GatewayMissing, "404"},
		{"a set that is refused", set("public", `{type: Accepted, status: "False", reason: NotAllowed, message: not so, observedGeneration: 2}`), asks, "api.example", "edge/public", ListenerUnattached, "404"},
		{"a set that was refused", set("public", `{type: Accepted, status: "False", reason: NotAllowed, message: not so, observedGeneration: 1}`), asks, "api.example", "edge/public", "", "500"},
		{"a set that is refused, at a generation that it does not say", set("public", `{type: Accepted, status: "False", reason: NotAllowed, message: not so}`), asks, "api.example", "edge/public", ListenerUnattached, "404"},
		{"a set that the Gateway does not admit", set("closed", ""), asks, "api.example", "edge/closed", ListenerUnattached, "404"},
		{"a set that its controller took all the same", set("closed", `{type: Accepted, status: "True", reason: Accepted, message: ok, observedGeneration: 2}`), asks, "api.example", "edge/closed", "", "500"},
		{"a set whose listener is not programmed", set("public", `], listeners: [{name: a, conditions: [{type: Programmed, status: "False", reason: Invalid, message: not so, observedGeneration: 2}]}`), asks, "api.example", "edge/public", NotProgrammed, "404"},
		{"a set for other hosts", set("public", ""), asks, "api.test", "edge/public", ListenerUnattached, "404"},
		{"the server of a mesh", class, `{group: policy.linkerd.io, kind: Server, name: team}`, "api.example", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(world(t, []string{class, gw, closed, tt.set, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: shop}, spec: {
hostnames: [` + tt.host + `], parentRefs: [` + tt.parent + `], rules: [{` + to("missing") + `}]}}`}))
			var gateway, predicts string
			var fault FaultKind
			for _, r := range m.Routes() {
				gateway, predicts = r.Gateway.Namespace+"/"+r.Gateway.Name, m.WalkRoute(r).Predicts
				for _, f := range r.Faults {
					fault = f.Kind
				}
			}
			if gateway != tt.gateway || fault != tt.fault || predicts != tt.predicts {
				t.Errorf("at %q with fault %q, predicts %q; want %q, %q, %q", gateway, fault, predicts, tt.gateway, tt.fault, tt.predicts)
			}
		})
	}
}
