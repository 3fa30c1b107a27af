package path

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParts(t *testing.T) {
	node := func(name string) string { return "apiVersion: v1\nkind: Node\nmetadata: {name: " + name + "}\n" }
	objects := []string{`
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
`}
	all := []string{"Service shop/cart", "Node worker-1", "NetworkPolicy shop/closed"}
	for name, test := range map[string]struct{ nodes, want []string }{
		"nodes not read": {nil, all},
		"two nodes":      {[]string{node("worker-1"), node("worker-2")}, all},
		"one node":       {[]string{node("worker-1")}, []string{"Service shop/cart", "NetworkPolicy shop/closed"}},
	} {
		m := New(world(t, append(slices.Clone(objects), test.nodes...)))
		var got []string
		for _, p := range m.Parts(m.Routes()[0]) {
			got = append(got, p.String())
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s: parts (-want +got)\n%s", name, d)
		}
	}
}
