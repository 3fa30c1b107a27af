package path

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParts(t *testing.T) {
	m := New(world(t, []string{`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: shop, name: front}
spec: {ingressClassName: nginx, rules: [{host: shop.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: cart, port: {number: 80}}}}]}}]}
`, `
apiVersion: v1
kind: Service
metadata: {namespace: shop, name: cart}
spec: {selector: {app: cart}, ports: [{port: 80, targetPort: 8080}]}
`, `
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: cart-1, labels: {app: cart}}
spec: {nodeName: worker-1, containers: [{name: app, image: x}]}
status: {podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}]}
`, `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: shop, name: cart-x, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.1.0.1], nodeName: worker-1, conditions: {ready: true}, targetRef: {kind: Pod, namespace: shop, name: cart-1}}]
`, `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: closed}
spec: {podSelector: {matchLabels: {app: cart}}, policyTypes: [Ingress]}
`, `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: other}
spec: {podSelector: {matchLabels: {app: other}}, policyTypes: [Ingress]}
`}))
	var got []string
	for _, p := range m.Parts(m.Routes()[0]) {
		got = append(got, p.String())
	}
	if d := cmp.Diff([]string{"Service shop/cart", "Node worker-1", "NetworkPolicy shop/closed"}, got); d != "" {
		t.Errorf("parts (-want +got)\n%s", d)
	}
}
