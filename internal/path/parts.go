package path

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path/netpol"
)

// Parts are what a route's requests need: the Services of its backends, the nodes of their pods and of its
// gateway's, the policies on those pods, the Gateway or the pods that serve it. Routes that fail together have the cause in what
// they share of it.
func (m *Map) Parts(r Route) []model.Ref {
	var parts []model.Ref
	seen := map[model.Ref]bool{}
	add := func(ref model.Ref) {
		if ref.Name != "" && !seen[ref] {
			seen[ref] = true
			parts = append(parts, ref)
		}
	}
	several := m.s.Nodes().Len() != 1 // the only node is behind everything, which tells nothing
	node := func(name string) {
		if several {
			add(model.Ref{APIVersion: "v1", Kind: "Node", Name: name})
		}
	}
	for _, l := range m.Legs(r) {
		add(l.Backend.Service)
		for _, e := range l.Ends {
			node(e.Node)
			for _, p := range m.isolating(e.Pod) {
				add(p)
			}
		}
	}
	add(r.Gateway)
	for _, pod := range m.Gateways(r) {
		add(model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name})
		node(pod.Spec.NodeName)
	}
	return parts
}

// isolating are the policies that keep traffic from a pod.
func (m *Map) isolating(pod *corev1.Pod) []model.Ref {
	if pod == nil {
		return nil
	}
	var refs []model.Ref
	for _, p := range m.s.PoliciesFor(pod) {
		if netpol.Selects(p, pod, networkingv1.PolicyTypeIngress) {
			refs = append(refs, model.Ref{APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: "NetworkPolicy", Namespace: p.Namespace, Name: p.Name})
		}
	}
	return refs
}
