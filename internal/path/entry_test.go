package path

import (
	"slices"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

func TestEntryHop(t *testing.T) {
	gateway := func(more string) string {
		return `{apiVersion: v1, kind: Pod, metadata: {name: nginx-1, namespace: edge, labels: {app: nginx}}, spec: {nodeName: node-1, ` + more + `containers: [{name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.2"}]}, status: {phase: Running, podIP: 10.0.0.9, conditions: [{type: Ready, status: "True"}]}}`
	}
	service := func(name, spec, status string) string {
		return `{apiVersion: v1, kind: Service, metadata: {name: ` + name + `, namespace: edge, creationTimestamp: "2026-05-01T08:00:00Z"}, spec: {` + spec + `, ports: [{port: 80, targetPort: 80}]}, status: {` + status + `}}`
	}
	slice := func(ends string) string {
		return `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, metadata: {name: front-1, namespace: edge, labels: {kubernetes.io/service-name: front}}, ports: [{name: "", port: 80}], endpoints: [` + ends + `]}`
	}
	const (
		selects = `selector: {app: nginx}`
		has     = `loadBalancer: {ingress: [{ip: 203.0.113.7}]}`
		warning = `{apiVersion: v1, kind: Event, metadata: {name: e, namespace: edge}, involvedObject: {apiVersion: v1, kind: Service, name: front, namespace: edge}, type: Warning, reason: SyncLoadBalancerFailed, message: no quota, lastTimestamp: "2026-05-01T11:00:00Z"}`
	)
	for _, tt := range []struct {
		name    string
		objects []string
		want    model.Verdict // empty: no hop
		at      string
	}{
		{"no Service", []string{gateway("")}, "", ""},
		{"a Service of type ClusterIP", []string{gateway(""), service("front", selects, "")}, "", ""},
		{"a load balancer", []string{gateway(""), service("front", "type: LoadBalancer, "+selects, has)}, model.OK, "front"},
		{"a load balancer before a node port", []string{gateway(""), service("a", "type: NodePort, "+selects, ""), service("front", "type: LoadBalancer, "+selects, has)}, model.OK, "front"},
		{"it selects nothing", []string{gateway(""), service("front", "type: LoadBalancer, selector: {app: nginxx}", has)}, model.Broken, "front"},
		{"it selects nothing, but the gateway is on its node's network", []string{gateway("hostNetwork: true, "), service("front", "type: LoadBalancer, selector: {app: nginxx}", has)}, "", ""},
		{"it selects nothing, but another leads there", []string{gateway(""), service("front", "type: LoadBalancer, selector: {app: nginxx}", has), service("b", "type: NodePort, "+selects, "")}, model.OK, "b"},
		{"no endpoint, though the pod is ready", []string{gateway(""), service("front", "type: LoadBalancer, "+selects, has), slice("")}, model.Broken, "front"},
		{"no address: node ports may do", []string{gateway(""), service("front", "type: LoadBalancer, "+selects, "")}, model.OK, "front"},
		{"no address, and the cloud says why", []string{gateway(""), service("front", "type: LoadBalancer, "+selects, ""), warning}, model.Broken, "front"},
		{"local", []string{gateway(""), service("front", "type: NodePort, externalTrafficPolicy: Local, "+selects, ""), slice(`{addresses: [10.0.0.9], conditions: {ready: true}, nodeName: node-1}`)}, model.OK, "front"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			objects := append([]string{class, ingress("web", `rules: [`+rule("shop.example", "Prefix", "/", "cart")+`]`)}, tt.objects...)
			m := New(world(t, objects))
			trace := m.WalkRoute(m.Routes()[0])
			i := slices.IndexFunc(trace.Hops, func(h model.Hop) bool { return h.Kind == model.HopLoadBalancer })
			switch {
			case i < 0 && tt.want != "" || i > 0 || i == 0 && (trace.Hops[0].Verdict != tt.want || trace.Hops[0].Name != tt.at):
				t.Errorf("want %q at %q:\n%+v", tt.want, tt.at, trace.Hops)
			case (trace.Predicts == NoAnswer) != (tt.want == model.Broken):
				t.Errorf("predicts %s", trace.Predicts)
			}
			if arrived := m.WalkArrived(m.Routes()[0], false); arrived.Hops[0].Kind == model.HopLoadBalancer {
				t.Errorf("what has arrived came by no Service: %+v", arrived.Hops[0])
			}
		})
	}
}
