package path

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// someObject makes an object that a request of one of a few routes may meet, or a piece of the gateway in front of them.
func someObject(r *rand.Rand) metav1.Object {
	name := fmt.Sprintf("app-%d", r.IntN(3))
	meta := metav1.ObjectMeta{Namespace: fmt.Sprintf("shop-%d", r.IntN(2)), Name: name, Labels: map[string]string{"app": name}}
	gateway := corev1.PodSpec{Containers: []corev1.Container{{Name: "controller", Image: "registry.k8s.io/ingress-nginx/controller:v1.12.0", Args: []string{"/nginx-ingress-controller"}, Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 80}}}}}
	ready := corev1.PodStatus{Phase: corev1.PodRunning, PodIP: fmt.Sprintf("10.0.0.%d", r.IntN(9)), Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: []corev1.ConditionStatus{"True", "False"}[r.IntN(2)]}}}
	port, portName := int32(8080), "http"
	switch r.IntN(9) {
	case 0:
		kind := []corev1.ServiceType{corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort}[r.IntN(2)]
		return &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Type: kind, Selector: meta.Labels, Ports: []corev1.ServicePort{{Name: portName, Port: 80, TargetPort: intstr.FromInt32(int32(8080 + r.IntN(2)))}}}}
	case 1:
		class := "nginx"
		return &networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{IngressClassName: &class, Rules: []networkingv1.IngressRule{{Host: name + ".example", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{Path: "/", Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: name, Port: networkingv1.ServiceBackendPort{Number: 80}}}}},
		}}}}}}
	case 2:
		meta.Labels[discoveryv1.LabelServiceName] = name
		yes := r.IntN(2) == 0
		return &discoveryv1.EndpointSlice{ObjectMeta: meta, Ports: []discoveryv1.EndpointPort{{Name: &portName, Port: &port}}, Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{ready.PodIP}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: meta.Namespace, Name: name},
		}}}
	case 3: // the gateway's pod, or one of the same name that is no gateway
		meta.Namespace = "ingress"
		p := &corev1.Pod{ObjectMeta: meta, Status: ready}
		if r.IntN(3) > 0 {
			p.Spec = gateway
		}
		return p
	case 4: // its workload, in a namespace that may have had none
		meta.Namespace = []string{"ingress", "shop-0", "edge"}[r.IntN(3)]
		d := &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: meta.Labels}}}}
		if r.IntN(2) == 0 {
			d.Spec.Template.Spec = gateway
		}
		return d
	case 5:
		return &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "nginx"}, Spec: networkingv1.IngressClassSpec{Controller: []string{"k8s.io/ingress-nginx", "example.com/other"}[r.IntN(2)]}}
	case 6:
		meta.Namespace = "ingress"
		return &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: meta.Labels, Ports: []corev1.ServicePort{{Port: 80}}}}
	case 7:
		return &corev1.Event{ObjectMeta: meta}
	default:
		p := &corev1.Pod{ObjectMeta: meta, Status: ready}
		p.Spec.Containers = []corev1.Container{{Name: "app", Image: "app:1", Ports: []corev1.ContainerPort{{Name: portName, ContainerPort: port}}}}
		if r.IntN(4) == 0 {
			p.Spec.HostNetwork, p.Spec.NodeName, p.Spec.Containers[0].Image = true, "node", "calico/node:v3"
		}
		return p
	}
}

// said is what a map says of all its routes and gateways.
func said(m *Map) map[string]any {
	out := map[string]any{"spaces": m.FleetSpaces(), "routes": len(m.Routes()), "agents": m.NetworkAgents("node"), "outer": m.Outer()}
	for _, r := range m.Routes() {
		out[r.String()] = []any{r.Proxy, m.WalkRoute(r), m.Gateways(r), len(m.Fleets(r))}
		for i, f := range m.Fleets(r) {
			out[fmt.Sprint(r, i)] = []any{f.Object, f.Pods, f.Entries}
		}
	}
	return out
}

// A map that was made of the one before says the same as one that is made anew.
func TestNextSaysTheSame(t *testing.T) {
	kept := 0
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 2))
		b := snapshot.NewBuilder()
		for _, k := range snapshot.Kinds() {
			b.Cover(k, snapshot.Complete, "", "")
		}
		for range 25 {
			if err := b.Add(someObject(r)); err != nil {
				t.Fatal(err)
			}
		}
		s := b.Seal(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
		m := New(s)
		for range 25 {
			var gone []model.Ref
			if r.IntN(3) == 0 {
				gone = append(gone, snapshot.RefOf(someObject(r)))
			}
			s = s.WithObjects([]metav1.Object{someObject(r)}, gone)
			next := m.Next(s)
			if len(m.routes) > 0 && next.SameRules(m) {
				kept++
			}
			if diff := cmp.Diff(said(New(s)), said(next)); diff != "" {
				t.Fatalf("seed %d: made anew, and made of the one before:\n%s", seed, diff)
			}
			m = next
		}
	}
	if kept < 100 {
		t.Errorf("rules were kept %d times: nothing is spared", kept)
	}
}
