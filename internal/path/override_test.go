package path

import (
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

// A NetworkPolicy that closes a pod is not accused where a policy of another kind may let the gateway in all the same.
func TestPolicyThatMayLetInAllTheSame(t *testing.T) {
	gateway := `{apiVersion: v1, kind: Pod, metadata: {name: gw-1, namespace: edge, labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}},
	  spec: {nodeName: node-1, containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.2"}]}, status: {phase: Running, podIP: 10.0.0.2}}`
	base := []string{
		gateway,
		ingress("web", `rules: [`+rule("shop.example", "Prefix", "/", "cart")+`]`),
		`{apiVersion: v1, kind: Namespace, metadata: {name: edge, labels: {kubernetes.io/metadata.name: edge}}}`,
		`{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {kubernetes.io/metadata.name: shop}}}`,
		`{apiVersion: v1, kind: Pod, metadata: {name: cart-1, namespace: shop, labels: {app: cart}}, spec: {nodeName: node-2, containers: [{name: cart}]}, status: {phase: Running, podIP: 10.0.1.2}}`,
		`{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: default-deny, namespace: shop}, spec: {podSelector: {}, policyTypes: [Ingress]}}`,
	}
	admin := func(kind, spec string) string {
		return `{apiVersion: policy.networking.k8s.io/v1alpha1, kind: ` + kind + `, metadata: {name: edge}, spec: {subject: {namespaces: {}}, ` + spec + `}}`
	}
	calico := func(kind, spec string) string {
		return `{apiVersion: crd.projectcalico.org/v1, kind: ` + kind + `, metadata: {name: default.edge, namespace: shop}, spec: {types: [Ingress], ` + spec + `}}`
	}
	const fromEdge = `from: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: edge}}}]`
	const fromShop = `from: [{pods: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}, podSelector: {}}}]`
	for name, c := range map[string]struct {
		policy string
		want   model.Verdict
	}{
		"an admin allows":                {admin("AdminNetworkPolicy", `priority: 10, ingress: [{action: Allow, `+fromEdge+`}]`), model.Unknown},
		"an admin allows that port":      {admin("AdminNetworkPolicy", `priority: 10, ingress: [{action: Allow, `+fromEdge+`, ports: [{portRange: {start: 8000, end: 9000}}]}]`), model.Unknown},
		"an admin accepts":               {admin("ClusterNetworkPolicy", `tier: Admin, priority: 10, ingress: [{action: Accept, `+fromEdge+`}]`), model.Unknown},
		"an admin allows another port":   {admin("AdminNetworkPolicy", `priority: 10, ingress: [{action: Allow, `+fromEdge+`, ports: [{portNumber: {protocol: TCP, port: 53}}]}]`), model.Broken},
		"an admin allows others":         {admin("AdminNetworkPolicy", `priority: 10, ingress: [{action: Allow, `+fromShop+`}]`), model.Broken},
		"an admin lets pods decide":      {admin("AdminNetworkPolicy", `priority: 10, ingress: [{action: Pass, `+fromEdge+`}]`), model.Broken},
		"an admin allows the other way":  {admin("AdminNetworkPolicy", `priority: 10, egress: [{action: Allow, to: [{namespaces: {}}]}]`), model.Broken},
		"a baseline allows":              {admin("BaselineAdminNetworkPolicy", `ingress: [{action: Allow, `+fromEdge+`}]`), model.Broken},
		"a tier of baselines accepts":    {admin("ClusterNetworkPolicy", `tier: Baseline, priority: 10, ingress: [{action: Accept, `+fromEdge+`}]`), model.Broken},
		"Calico allows":                  {calico("NetworkPolicy", `selector: "app == 'cart'", ingress: [{action: Allow, source: {namespaceSelector: "kubernetes.io/metadata.name == 'edge'"}}]`), model.Unknown},
		"Calico allows by its own label": {calico("NetworkPolicy", `selector: "app == 'cart'", ingress: [{action: Allow, source: {namespaceSelector: "projectcalico.org/name == 'edge'"}}]`), model.Unknown},
		"Calico allows an address":       {calico("NetworkPolicy", `selector: "app == 'cart'", ingress: [{action: Allow, source: {nets: [10.0.0.0/24]}}]`), model.Unknown},
		"Calico allows other addresses":  {calico("NetworkPolicy", `selector: "app == 'cart'", ingress: [{action: Allow, source: {nets: [192.0.2.0/24]}}]`), model.Broken},
		"Calico allows another port":     {calico("NetworkPolicy", `selector: "app == 'cart'", ingress: [{action: Allow, protocol: TCP, destination: {ports: [9090, "9100:9200"]}}]`), model.Broken},
		"Calico allows at other pods":    {calico("NetworkPolicy", `selector: "app == 'pay'", ingress: [{action: Allow}]`), model.Broken},
		"Calico allows pods next to it":  {calico("NetworkPolicy", `selector: "app == 'cart'", ingress: [{action: Allow, source: {selector: "role == 'web'"}}]`), model.Broken},
		"Calico denies":                  {calico("NetworkPolicy", `selector: "app == 'cart'", ingress: [{action: Deny}]`), model.Broken},
		"Calico's is only staged":        {calico("StagedNetworkPolicy", `selector: "app == 'cart'", ingress: [{action: Allow}]`), model.Broken},
	} {
		t.Run(name, func(t *testing.T) {
			s := world(t, append([]string{class, c.policy}, base...))
			m := New(s)
			pod, _ := s.Pods().Get("shop", "cart-1")
			got, block := m.Reach(m.Routes()[0], End{Pod: pod, IP: pod.Status.PodIP, Port: 8080})
			if got != c.want {
				t.Errorf("the gateway's way to the pod is %v, want %v: %+v", got, c.want, block)
			}
		})
	}
}
