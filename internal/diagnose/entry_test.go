package diagnose

import (
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

// A Service that takes requests from outside itself is walked where somebody asks about it.
func TestDirectEntry(t *testing.T) {
	const node = `
- {apiVersion: v1, kind: Node, metadata: {name: node-2}, status: {conditions: [{type: Ready, status: "True"}]}}`
	slice := func(port, ends string) string {
		return `
- {apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: front-1, namespace: shop, labels: {kubernetes.io/service-name: front}}, addressType: IPv4, ports: [{name: "", port: ` + port + `}], endpoints: [` + ends + `]}`
	}
	const end = `{addresses: [10.0.0.11], conditions: {ready: true}, nodeName: node-1, targetRef: {kind: Pod, name: cart-new-a, namespace: shop}}`
	service := func(kind, more string) string {
		return `
items:
- {apiVersion: v1, kind: Service, metadata: {name: front, namespace: shop}, spec: {type: ` + kind + `, ` + more + `}}`
	}
	const right = `selector: {app: cart}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]`
	for _, tt := range []struct {
		name, patch string
		cause       model.CauseID
		predicts    string
	}{
		{"all is well", service("NodePort", right) + slice("8080", end), "", "200"},
		{"the selector is wrong", service("NodePort", `selector: {app: mailerr}, ports: [{port: 80, targetPort: 8080}]`), "selector-mismatch", "no answer"},
		{"the port is wrong", service("LoadBalancer", `selector: {app: cart}, ports: [{port: 80, targetPort: 9090}]`) + slice("9090", end), "target-port-mismatch", "no answer"},
		{"nobody is at home", service("NodePort", `selector: {app: mailer}, ports: [{port: 80, targetPort: 8080}]`) + `
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: mailer, namespace: shop}, spec: {replicas: 0}}`, "no-replicas", "no answer"},
		{"one node drops requests", service("NodePort", "externalTrafficPolicy: Local, "+right) + slice("8080", end) + node, "traffic-policy-local", "200"},
		{"the load balancer leaves that node out", service("LoadBalancer", "externalTrafficPolicy: Local, healthCheckNodePort: 32100, "+right) + slice("8080", end) + node, "", "200"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, patched(t, base(t), []byte(tt.patch)), nil)
			d := Diagnose(Input{Snapshot: s, Target: object("Service", "shop", "front")})
			var got model.CauseID
			if len(d.Causes) > 0 {
				got = d.Causes[0].ID
			}
			if len(d.Traces) != 1 || d.Traces[0].Predicts != tt.predicts || got != tt.cause || d.Healthy != (tt.cause == "") {
				t.Errorf("cause %q, healthy %v; want %q, predicting %s\n%s", got, d.Healthy, tt.cause, tt.predicts, show(d))
			}
			if all := Diagnose(Input{Snapshot: s}); len(all.Causes) > 0 {
				t.Errorf("a look at everything accuses it:\n%s", show(all))
			}
		})
	}
}

// The Service in front of a gateway stands for all routes that come by it.
func TestEntryAsTarget(t *testing.T) {
	s := build(t, patched(t, base(t), []byte(second+`
- {apiVersion: v1, kind: Service, metadata: {name: front, namespace: edge}, spec: {type: NodePort, selector: {app.kubernetes.io/name: ingress-nginx}, ports: [{port: 80, targetPort: 80}]}}`)), nil)
	d := Diagnose(Input{Snapshot: s, Target: object("Service", "edge", "front")})
	if len(d.Traces) != 2 || d.Traces[0].Hops[0].Kind != model.HopLoadBalancer {
		t.Errorf("want both routes, by the Service:\n%s", show(d))
	}
}
