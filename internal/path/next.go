package path

import (
	"cmp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// Next is the map of another snapshot, the same as [New] makes of it. In a big cluster something changes all the time,
// and rules seldom: where nothing has changed that rules and gateways are read from, they are not read again. Nor are pods
// that have not changed, of which nearly none runs a proxy.
func (m *Map) Next(s *snapshot.Snapshot) *Map {
	if !s.SameView(m.s) {
		return New(s)
	}
	agents := changed(m.agents, s, m.s, snapshot.Pods, ofPod(agentsIn), agent.key)
	outer := changed(m.outer, s, m.s, snapshot.Services, outerIn, func(n types.NamespacedName) types.NamespacedName { return n })
	for d := range s.Since(m.s, readByRules()...) {
		if m.concerns(d) {
			return newMap(s, changed(m.gates, s, m.s, snapshot.Pods, ofPod(gatesIn), gate.key), agents, outer)
		}
	}
	next := *m
	next.s, next.agents, next.outer, next.open = s, agents, outer, unenforced(s, agents)
	return &next
}

// SameRules reports whether the rules are known to be the same as those of another map. Of two that were read apart, nobody knows.
func (m *Map) SameRules(o *Map) bool {
	return len(m.routes) == len(o.routes) && (len(m.routes) == 0 || &m.routes[0] == &o.routes[0])
}

// changed brings what is known of objects of a kind, by namespace and name, from one snapshot to another: only those that
// changed in between are looked at. of is told nil where one was deleted.
func changed[T any](known []T, s, before *snapshot.Snapshot, kind snapshot.Kind, of func(metav1.Object) []T, key func(T) types.NamespacedName) []T {
	for d := range s.Since(before, kind) {
		fresh := of(d.After)
		name := d.After
		if name == nil {
			name = d.Before
		}
		at, had := slices.BinarySearchFunc(known, name, func(t T, o metav1.Object) int {
			k := key(t)
			return cmp.Or(cmp.Compare(k.Namespace, o.GetNamespace()), cmp.Compare(k.Name, o.GetName()))
		})
		until := at
		if had {
			until++
		}
		if had || len(fresh) > 0 {
			known = slices.Concat(known[:at], fresh, known[until:]) // those of the earlier map stay as they are
		}
	}
	return known
}

func ofPod[T any](in func(*corev1.Pod) []T) func(metav1.Object) []T {
	return func(o metav1.Object) []T { return in(podOf(o)) }
}

// readByRules are the kinds that [New] reads. The others are read only when a request is walked.
func readByRules() []snapshot.Kind {
	return []snapshot.Kind{
		snapshot.Namespaces, snapshot.IngressClasses, snapshot.Ingresses, snapshot.ConfigMaps, snapshot.GatewayClasses, snapshot.Gateways,
		snapshot.HTTPRoutes, snapshot.GRPCRoutes, snapshot.ReferenceGrants, snapshot.Services, snapshot.Other,
		snapshot.Deployments, snapshot.StatefulSets, snapshot.DaemonSets, snapshot.ReplicaSets, snapshot.Pods, snapshot.EndpointSlices,
	}
}

// concerns reports whether a difference may change a rule or a gateway. What runs and receives requests does so only where
// gateways run: everywhere else it is looked up when a request is walked.
func (m *Map) concerns(d snapshot.Difference) bool {
	o := d.After
	if o == nil {
		o = d.Before
	}
	switch d.Kind {
	case snapshot.Deployments, snapshot.StatefulSets, snapshot.DaemonSets, snapshot.ReplicaSets, snapshot.Pods, snapshot.EndpointSlices:
	case snapshot.ConfigMaps:
		return o.GetName() == ciliumConfig
	case snapshot.Services: // which Istio looks up by a host's name
		if len(m.custom.VirtualServices) > 0 {
			return true
		}
	default:
		return true
	}
	if m.spaces[o.GetNamespace()] {
		return true
	}
	p := podOf(d.After)
	if p == nil {
		return false
	}
	// A Gateway of Istio picks its proxies by labels that any pod may have.
	if len(m.custom.Gateways) > 0 && d.Kind == snapshot.Pods {
		return true
	}
	proxy, product := runsOf(p)
	return proxy != "" || product != ""
}

// podOf is what a workload makes, or the pod itself; nil for all else.
func podOf(o metav1.Object) *corev1.Pod {
	of := func(t *corev1.PodTemplateSpec) *corev1.Pod {
		p := &corev1.Pod{Spec: t.Spec}
		p.Namespace, p.Name, p.Labels = o.GetNamespace(), o.GetName(), t.Labels
		return p
	}
	switch o := o.(type) {
	case *corev1.Pod:
		return o
	case *appsv1.Deployment:
		return of(&o.Spec.Template)
	case *appsv1.StatefulSet:
		return of(&o.Spec.Template)
	case *appsv1.DaemonSet:
		return of(&o.Spec.Template)
	default:
		return nil
	}
}
