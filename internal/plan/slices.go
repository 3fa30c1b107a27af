package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// SettleSlices does what the EndpointSlice controller does where a Service or a pod was changed: the Service, or each that selects the
// pod before or after, gets the addresses of the pods that it selects. Slices of Services without a selector, which people make by
// hand, stay, and so do those of Services that the change is not about: whatever their controller makes of them, it has done before.
func SettleSlices(before, after *snapshot.Snapshot) *snapshot.Snapshot {
	var gone []model.Ref
	var put []metav1.Object
	for svc := range reselected(before, after) {
		if len(svc.Spec.Selector) == 0 || svc.Spec.Type == corev1.ServiceTypeExternalName {
			continue
		}
		for _, es := range after.SlicesOf(svc.Namespace, svc.Name) {
			gone = append(gone, snapshot.RefOf(es))
		}
		put = append(put, slicesFor(after, svc)...)
	}
	return after.WithObjects(put, gone)
}

// reselected are the Services that may select others than before.
func reselected(before, after *snapshot.Snapshot) map[*corev1.Service]bool {
	out := map[*corev1.Service]bool{}
	for d := range after.Since(before, snapshot.Services, snapshot.Pods) {
		if svc, ok := d.After.(*corev1.Service); ok {
			out[svc] = true
		}
		for _, o := range []metav1.Object{d.Before, d.After} {
			p, ok := o.(*corev1.Pod)
			if !ok {
				continue
			}
			for svc := range after.Services().In(p.Namespace) {
				if snapshot.Matches(svc.Spec.Selector, p.Labels) {
					out[svc] = true
				}
			}
		}
	}
	return out
}

// slicesFor makes one slice per set of ports: a named targetPort may be another number in each pod.
func slicesFor(s *snapshot.Snapshot, svc *corev1.Service) []metav1.Object {
	type group struct {
		ports     []discoveryv1.EndpointPort
		endpoints []discoveryv1.Endpoint
	}
	groups := map[string]*group{}
	for _, p := range s.PodsSelected(svc.Namespace, svc.Spec.Selector) {
		if p.Status.PodIP == "" || path.Finished(p) {
			continue
		}
		ports := portsFor(svc, p)
		k := portsKey(ports)
		if groups[k] == nil {
			groups[k] = &group{ports: ports}
		}
		groups[k].endpoints = append(groups[k].endpoints, endpoint(svc, p))
	}
	if len(groups) == 0 {
		groups[""] = &group{}
	}
	var out []metav1.Object
	for i, k := range slices.Sorted(maps.Keys(groups)) {
		es := &discoveryv1.EndpointSlice{
			TypeMeta: metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"}, AddressType: discoveryv1.AddressTypeIPv4,
		}
		es.Namespace, es.Name = svc.Namespace, fmt.Sprintf("%s-whatif-%d", svc.Name, i)
		es.Labels = map[string]string{
			discoveryv1.LabelServiceName: svc.Name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io",
		}
		es.OwnerReferences = []metav1.OwnerReference{controllerRef("v1", "Service", svc)}
		es.Ports, es.Endpoints = groups[k].ports, groups[k].endpoints
		out = append(out, es)
	}
	return out
}

func endpoint(svc *corev1.Service, p *corev1.Pod) discoveryv1.Endpoint {
	serving, terminating := remedy.Serving(p), p.DeletionTimestamp != nil
	ready := (serving && !terminating) || svc.Spec.PublishNotReadyAddresses
	e := discoveryv1.Endpoint{
		Addresses:  []string{p.Status.PodIP},
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &terminating},
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name, UID: p.UID},
	}
	if p.Spec.NodeName != "" {
		e.NodeName = &p.Spec.NodeName
	}
	return e
}

// portsFor resolves a Service's ports at one pod. A named targetPort that the pod does not declare
// is left out, as the EndpointSlice controller does.
func portsFor(svc *corev1.Service, p *corev1.Pod) []discoveryv1.EndpointPort {
	var out []discoveryv1.EndpointPort
	for _, sp := range svc.Spec.Ports {
		n, ok := resolve(sp, p)
		if !ok {
			continue
		}
		name, protocol := sp.Name, cmp.Or(sp.Protocol, corev1.ProtocolTCP)
		out = append(out, discoveryv1.EndpointPort{Name: &name, Port: &n, Protocol: &protocol, AppProtocol: sp.AppProtocol})
	}
	return out
}

func resolve(sp corev1.ServicePort, p *corev1.Pod) (int32, bool) {
	if sp.TargetPort.Type == intstr.Int {
		return cmp.Or(sp.TargetPort.IntVal, sp.Port), true
	}
	for _, c := range p.Spec.Containers {
		for _, cp := range c.Ports {
			if cp.Name == sp.TargetPort.StrVal {
				return cp.ContainerPort, true
			}
		}
	}
	return 0, false
}

func portsKey(ports []discoveryv1.EndpointPort) string {
	k := ""
	for _, p := range ports {
		k += fmt.Sprintf("%s=%d/%s,", *p.Name, *p.Port, *p.Protocol)
	}
	return k
}
