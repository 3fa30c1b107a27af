package diagnose

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

// A rollout that took the last old pod away before the load balancer can have taken a new one in is a cause where somebody
// asks about the route; of all routes it is nothing that is known to hurt.
func TestReplacedTooSoon(t *testing.T) {
	const stop = "2026-05-01T11:57:00Z"
	patch := func(annotations, gates, ready string) string {
		return `
items:
- {apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: alb}, spec: {controller: ingress.k8s.aws/alb}}
- {apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: shop, namespace: shop, annotations: {` + annotations + `}}, spec: {ingressClassName: alb}, status: {loadBalancer: {ingress: [{hostname: shop.elb.example}]}}}
- {apiVersion: v1, kind: Pod, metadata: {name: cart-new-a, namespace: shop}, spec: {` + gates + `}, status: {conditions: [{type: Ready, status: "True", lastTransitionTime: "` + ready + `"}]}}
- {apiVersion: v1, kind: Pod, metadata: {name: cart-new-b, namespace: shop}, spec: {` + gates + `}, status: {conditions: [{type: Ready, status: "True", lastTransitionTime: "` + ready + `"}]}}
- {apiVersion: v1, kind: Event, metadata: {name: e1, namespace: shop}, involvedObject: {apiVersion: apps/v1, kind: Deployment, name: cart, namespace: shop}, reason: ScalingReplicaSet, message: Scaled down replica set cart-old from 2 to 0, firstTimestamp: "` + stop + `", lastTimestamp: "` + stop + `", count: 1, type: Normal}`
	}
	const ip = "alb.ingress.kubernetes.io/target-type: ip"
	const gate = `readinessGates: [{conditionType: target-health.elbv2.k8s.aws/k8s-shop-cart}]`
	for _, tt := range []struct {
		name, patch string
		found       bool
	}{
		{"at once", patch(ip, "", "2026-05-01T11:56:50Z"), true},
		{"long enough by default", patch(ip, "", "2026-05-01T11:56:20Z"), false},
		{"its checks take longer", patch(ip+`, alb.ingress.kubernetes.io/healthcheck-interval-seconds: "30", alb.ingress.kubernetes.io/healthy-threshold-count: "3"`, "", "2026-05-01T11:56:20Z"), true},
		{"a gate makes it wait", patch(ip, gate, "2026-05-01T11:56:50Z"), false},
		{"targets are nodes", patch("alb.ingress.kubernetes.io/target-type: instance", "", "2026-05-01T11:56:50Z"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, patched(t, base(t), []byte(tt.patch)), nil)
			d := Diagnose(Input{Snapshot: s, Target: model.Target{Request: &model.Request{Host: "shop.example", Path: "/cart"}}})
			if got := strings.Contains(show(d), "cause: lb-programming-lag 0.70\n  at: Deployment shop/cart spec.template.spec.readinessGates"); got != tt.found {
				t.Errorf("found is %v:\n%s", got, show(d))
			}
			if all := Diagnose(Input{Snapshot: s}); len(all.Causes) > 0 && all.Causes[0].ID == "lb-programming-lag" {
				t.Errorf("a look at everything accuses it:\n%s", show(all))
			}
		})
	}
}
