package diagnose

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

// A controller that AWS throttles while pods are replaced leaves the load balancer with the former ones.
func TestNotToldInTime(t *testing.T) {
	const objects = `
items:
- {apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: alb}, spec: {controller: ingress.k8s.aws/alb}}
- {apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: shop, namespace: shop, annotations: {alb.ingress.kubernetes.io/target-type: ip}}, spec: {ingressClassName: alb}, status: {loadBalancer: {ingress: [{hostname: shop.elb.example}]}}}
- {apiVersion: elbv2.k8s.aws/v1beta1, kind: TargetGroupBinding, metadata: {name: k8s-shop-cart-9c02ab71fe, namespace: shop}, spec: {serviceRef: {name: cart, port: 80}, targetType: ip}}
- {apiVersion: v1, kind: Pod, metadata: {name: cart-new-a, namespace: shop}, status: {conditions: [{type: Ready, status: "True", lastTransitionTime: "2026-05-01T11:56:50Z"}]}}
- {apiVersion: v1, kind: Event, metadata: {name: e1, namespace: shop}, involvedObject: {apiVersion: apps/v1, kind: Deployment, name: cart, namespace: shop}, reason: ScalingReplicaSet, message: Scaled down replica set cart-old from 2 to 0, firstTimestamp: "2026-05-01T11:57:00Z", lastTimestamp: "2026-05-01T11:57:00Z", count: 1, type: Normal}`
	said := func(at, name, err string) string {
		return `{"level":"error","ts":"2026-05-01T` + at + `Z","msg":"Reconciler error","controller":"targetGroupBinding","TargetGroupBinding":{"name":"` + name + `","namespace":"shop"},"error":"` + err + `"}`
	}
	registered := func(at string) string {
		return `{"level":"info","ts":"2026-05-01T` + at + `Z","msg":"registered targets","arn":"arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/k8s-shop-cart-9c02ab71fe/87"}`
	}
	const cart, rate = "k8s-shop-cart-9c02ab71fe", "api error Throttling: Rate exceeded"
	for _, tt := range []struct {
		name  string
		lines []string
		found bool
	}{
		{"not told yet", []string{said("11:57:10", cart, rate)}, true},
		{"told late", []string{said("11:57:10", cart, rate), said("11:58:10", cart, rate), registered("11:59:30")}, true},
		{"told soon", []string{said("11:57:10", cart, rate), registered("11:57:14")}, false},
		{"another group", []string{said("11:57:10", "k8s-shop-web-0000000000", rate)}, false},
		{"before the change", []string{said("11:20:10", cart, rate)}, false},
		{"another error", []string{said("11:57:10", cart, "context canceled")}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := build(t, patched(t, base(t), []byte(objects)), nil)
			log := model.LogExcerpt{Pod: model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "kube-system", Name: "aws-load-balancer-controller-1"}, Container: "aws-load-balancer-controller", Lines: tt.lines}
			d := Diagnose(Input{Snapshot: s, Logs: []model.LogExcerpt{log}})
			if got := strings.Contains(show(d), "cause: lb-programming-lag 0.90\n  at: Deployment shop/cart spec.template.spec.readinessGates"); got != tt.found {
				t.Errorf("found is %v:\n%s", got, show(d))
			}
		})
	}
}
