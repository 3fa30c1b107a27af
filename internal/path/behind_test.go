package path_test

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/source/dump"
)

// Two Gateways lead to one Service by a route each; what one of their pods counted for the Service belongs to
// the route of that Gateway.
func TestLocateByGateway(t *testing.T) {
	gateway := func(name string) string {
		return strings.ReplaceAll(`---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: NAME, namespace: shop}
spec: {gatewayClassName: contour, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route-NAME, namespace: shop}
spec:
  parentRefs: [{name: NAME}]
  hostnames: [NAME.shop.test]
  rules: [{backendRefs: [{name: cart, port: 80}]}]
---
apiVersion: v1
kind: Pod
metadata: {name: envoy-NAME, namespace: shop, labels: {gateway.networking.k8s.io/gateway-name: NAME}}
spec: {containers: [{name: envoy, image: envoyproxy/envoy:v1.36.4}]}
status: {phase: Running, podIP: 10.0.0.1}
`, "NAME", name)
	}
	text := `apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: contour}
spec: {controllerName: projectcontour.io/gateway-controller}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{port: 80}]}
` + gateway("one") + gateway("two")
	s, err := dump.Read("-", dump.ReadOptions{Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	m := path.New(s)
	for pod, want := range map[string]string{"envoy-one": "route-one", "envoy-two": "route-two", "unknown": "route-one", "": "route-one"} {
		var gateway model.Ref
		if pod != "" {
			gateway = model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: pod}
		}
		r, ok := m.Locate(model.Signal{Gateway: gateway, RouteNamespace: "shop", Service: "cart", ServicePort: "80"})
		if !ok || r.Object.Name != want {
			t.Errorf("counted by %q: route %s, %v; want %s", pod, r.Object.Name, ok, want)
		}
	}
}

// TestByPath: a line without a host is laid at the host with the longest path that takes it, if there is one.
func TestByPath(t *testing.T) {
	text := `apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: kong}
spec: {controller: ingress-controllers.konghq.com/kong}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a, namespace: shop}
spec:
  ingressClassName: kong
  rules:
  - {host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: front, port: {number: 80}}}}, {path: /api, pathType: Prefix, backend: {service: {name: api-a, port: {number: 80}}}}]}}
  - {host: b.test, http: {paths: [{path: /api, pathType: Prefix, backend: {service: {name: api-b, port: {number: 80}}}}, {path: /maps, pathType: Prefix, backend: {service: {name: maps, port: {number: 80}}}}]}}
`
	s, err := dump.Read("-", dump.ReadOptions{Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	m := path.New(s)
	for asked, want := range map[string]string{"/maps/1": "maps", "/index": "front", "/api/1": ""} {
		got := ""
		if r, ok := m.ByPath(model.Signal{Request: model.Request{Path: asked}}); ok {
			got = r.Backends[0].Service.Name
		}
		if got != want {
			t.Errorf("%s: to %q, want %q", asked, got, want)
		}
	}
}
