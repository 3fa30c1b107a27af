package plan

import (
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

const gateway = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: envoy}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
status: {conditions: [{type: Accepted, status: "True", reason: Accepted, message: "", lastTransitionTime: null}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: envoy, listeners: [{name: http, port: 80, protocol: HTTP}]}
status:
  conditions:
  - {type: Accepted, status: "True", reason: Accepted, message: "", lastTransitionTime: null}
  - {type: Programmed, status: "True", reason: Programmed, message: "", lastTransitionTime: null}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, namespace: shop, generation: 4}
spec:
  parentRefs: [{name: edge}]
  hostnames: [cart-gw.shop.test]
  rules: [{matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: cart, port: 8080}]}]
status:
  parents:
  - parentRef: {name: edge}
    controllerName: gateway.envoyproxy.io/gatewayclass-controller
    conditions:
    - {type: Accepted, status: "True", reason: Accepted, message: "", lastTransitionTime: null}
    - {type: ResolvedRefs, status: "False", reason: BackendNotFound, message: "no port 8080", lastTransitionTime: null}
`

// TestAnHTTPRoutesStatusFollows: the status of the route as it is says that a reference does not
// resolve; after the change its controller would say that it does.
func TestAnHTTPRoutesStatusFollows(t *testing.T) {
	f := plantest.Finding("service-port-missing", "HTTPRoute", "cart", "spec.rules[0].backendRefs[0].port", "80", "service", "Service", "cart")
	f.Routes = []model.Ref{plantest.Ref("HTTPRoute", "cart")}
	in := fault{Break: func(c *plantest.Cluster) { c.Apply(gateway) }, Finding: f}.input()
	p, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	if p.Remedy.Action != "patch-httproute" || p.Remedy.Summary != "backend port 8080 -> 80 on HTTPRoute shop/cart" {
		t.Errorf("got %s: %s", p.Remedy.Action, p.Remedy.Summary)
	}
	if len(p.Mends) != 1 || p.Before[p.Mends[0]].Predicts != "500" || p.Remedy.Predicts != "200" {
		t.Errorf("got mends %v, before %+v, predicts %s; want one route from 500 to 200", p.Mends, p.Before, p.Remedy.Predicts)
	}
	after, err := settle(in.Snapshot, f, nil, p.Remedy.Changes)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := after.HTTPRoutes().Get("shop", "cart")
	if c := r.Status.Parents[0].Conditions[1]; c.Status != "True" {
		t.Errorf("ResolvedRefs stays %s: %s", c.Status, c.Message)
	}
}
