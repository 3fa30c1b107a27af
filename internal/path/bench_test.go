package path

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// BenchmarkWalkAll reads the rules of a large cluster in one namespace and walks every route: 5,000
// Ingresses, 50,000 pods.
func BenchmarkWalkAll(b *testing.B) {
	const services, pods = 5000, 10
	build := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		build.Cover(k, snapshot.Complete, "", "")
	}
	put := func(o metav1.Object) {
		if err := build.Add(o); err != nil {
			b.Fatal(err)
		}
	}
	class, ready, node := "nginx", true, "node"
	put(&networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: class}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"}})
	put(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}})
	port, name := int32(8080), "http"
	for i := range services {
		app := fmt.Sprintf("app-%d", i)
		meta := metav1.ObjectMeta{Name: app, Namespace: "shop"}
		put(&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": app}, Ports: []corev1.ServicePort{{Name: name, Port: 80, TargetPort: intstr.FromInt32(port)}}}})
		put(&networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{IngressClassName: &class, Rules: []networkingv1.IngressRule{{Host: app + ".example", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{Path: "/", Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: app, Port: networkingv1.ServiceBackendPort{Number: 80}}}}},
		}}}}}})
		es := &discoveryv1.EndpointSlice{ObjectMeta: meta, Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port}}}
		es.Labels = map[string]string{discoveryv1.LabelServiceName: app}
		for j := range pods {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", app, j), Namespace: "shop", Labels: map[string]string{"app": app}}}
			pod.Spec = corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "c", Ports: []corev1.ContainerPort{{ContainerPort: port}}}}}
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
			put(pod)
			es.Endpoints = append(es.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", i/250, i%250, j)}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: pod.Name}})
		}
		put(es)
	}
	s := build.Seal(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	for b.Loop() {
		m := New(s)
		for _, r := range m.Routes() {
			if t := m.WalkRoute(r); t.Predicts != "200" {
				b.Fatalf("%s predicts %s", r, t.Predicts)
			}
		}
	}
}

// BenchmarkReachAll asks for every pod of a large namespace in which each Service has a NetworkPolicy of its own whether the
// gateway may connect to it: 2,000 Services, 4,000 pods.
func BenchmarkReachAll(b *testing.B) {
	const services, pods = 2000, 2
	build := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		build.Cover(k, snapshot.Complete, "", "")
	}
	put := func(o metav1.Object) {
		if err := build.Add(o); err != nil {
			b.Fatal(err)
		}
	}
	put(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "gw", Namespace: "edge", Labels: map[string]string{"app": "gw"}}, Spec: corev1.PodSpec{NodeName: "node"}, Status: corev1.PodStatus{PodIP: "10.200.0.1"}})
	for i := range services {
		app := map[string]string{"app": fmt.Sprintf("app-%d", i), "tier": "web"}
		put(&networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: app["app"], Namespace: "shop"}, Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: app},
			Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}}}}},
		}})
		for j := range pods {
			put(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", app["app"], j), Namespace: "shop", Labels: app}, Spec: corev1.PodSpec{NodeName: "node"}, Status: corev1.PodStatus{PodIP: fmt.Sprintf("10.%d.%d.%d", i/250, i%250, j)}})
		}
	}
	s := build.Seal(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	m := New(s)
	gateway, _ := s.Pods().Get("edge", "gw")
	for b.Loop() {
		for p := range s.Pods().In("shop") {
			if v, block := m.Between(gateway, End{Pod: p, IP: p.Status.PodIP, Port: 8080}, corev1.ProtocolTCP); v != model.OK {
				b.Fatalf("%s: %v", p.Name, block)
			}
		}
	}
}
