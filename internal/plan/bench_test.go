package plan

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// BenchmarkPairs makes a plan in a cluster of 10,000 routes and 20,000 pods where each of some Services has three faults in a row,
// so that no two that are mended help and as many pairs are tried as ever are. The map of the routes is there before.
func BenchmarkPairs(b *testing.B) {
	for _, namespaces := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("namespaces=%d", namespaces), func(b *testing.B) {
			s, causes := hopeless(b, namespaces)
			in := Input{Snapshot: s, Map: path.New(s), Diagnosis: model.Diagnosis{At: s.At(), Causes: causes}}
			for b.Loop() {
				if _, err := Make(in); !errors.Is(err, ErrAllRefused) || !strings.Contains(err.Error(), "would still fail") {
					b.Fatalf("got %v, want all refused", err)
				}
			}
		})
	}
}

// hopeless is a cluster of 10,000 routes in some namespaces, and two of three faults of each of its first Services: they select nothing,
// would send to a wrong port, and the pods are not ready.
func hopeless(b *testing.B, namespaces int) (*snapshot.Snapshot, []model.Finding) {
	b.Helper()
	const services, broken, pods = 10000, 4, 2
	build := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		build.Cover(k, snapshot.Complete, "", "")
	}
	put := func(o metav1.Object) {
		if err := build.Add(o); err != nil {
			b.Fatal(err)
		}
	}
	class, node := "nginx", "node"
	put(&networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: class}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"}})
	put(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}})
	var causes []model.Finding
	for i := range services {
		app, port, name := fmt.Sprintf("app-%d", i), int32(8080), "http"
		meta := metav1.ObjectMeta{Name: app, Namespace: fmt.Sprintf("shop-%d", i%namespaces), ResourceVersion: "1"}
		ready, selected := true, map[string]string{"app": app}
		if i < broken {
			ready, selected, port = false, map[string]string{"app": "no-" + app}, 9999
			for _, f := range []model.Finding{
				plantest.Finding("selector-mismatch", "Service", app, "spec.selector.app", fmt.Sprintf(`{"app":%q}`, app)),
				plantest.Finding("target-port-mismatch", "Service", app, "spec.ports[0].targetPort", "8080"),
			} {
				f.Object.Namespace, f.Routes = meta.Namespace, nil // so that any two may be on one route
				causes = append(causes, f)
			}
		}
		put(&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: selected, Ports: []corev1.ServicePort{{Name: name, Port: 80, TargetPort: intstr.FromInt32(port)}}}})
		put(&networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{IngressClassName: &class, Rules: []networkingv1.IngressRule{{Host: app + ".example", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{Path: "/", Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: app, Port: networkingv1.ServiceBackendPort{Number: 80}}}}},
		}}}}}})
		es := &discoveryv1.EndpointSlice{ObjectMeta: meta, Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port}}}
		es.Labels = map[string]string{discoveryv1.LabelServiceName: app}
		for j := range pods {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", app, j), Namespace: meta.Namespace, Labels: map[string]string{"app": app}}}
			pod.Spec = corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "c", Ports: []corev1.ContainerPort{{ContainerPort: 8080}}}}}
			pod.Status.PodIP = fmt.Sprintf("10.%d.%d.%d", i/250, i%250, j)
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
			if !ready {
				pod.Status.Conditions[0].Status = corev1.ConditionFalse
				put(pod)
				continue
			}
			put(pod)
			es.Endpoints = append(es.Endpoints, discoveryv1.Endpoint{Addresses: []string{pod.Status.PodIP}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name}})
		}
		put(es)
	}
	return build.Seal(plantest.At()), causes
}
