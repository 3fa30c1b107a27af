package snapshot

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/model"
)

// index holds the lookups that many callers need. Each is made of the objects of one namespace, so that a change makes
// only those of its namespace anew.
type index struct {
	slices   map[string]map[string][]Stored           // by namespace and Service
	replicas map[string]func() map[types.UID][]Stored // by namespace and Deployment, newest revision first; made when they are first wanted
	pods     map[string]*podIndex                     // by namespace
	policies map[string]func() *policyIndex           // by namespace; made when they are first wanted
	events   map[string]map[eventKey][]*corev1.Event  // by namespace of the events and what they are about, oldest first
	foreign  map[string]bool                          // the namespaces that have events about what is in none, or in another one
}

type eventKey struct{ kind, namespace, name string }

func newIndex(s *Snapshot) *index {
	x := &index{}
	for _, k := range []Kind{EndpointSlices, ReplicaSets, Pods, Events, NetworkPolicies} {
		x.build(s, k, s.tables[k].namespaces())
	}
	return x
}

// build makes the lookups anew that are made of the objects of a kind in some namespaces. What it does not make anew it
// shares with the index of which x is a copy.
func (x *index) build(s *Snapshot, k Kind, namespaces []string) {
	if len(namespaces) == 0 {
		return
	}
	has := func(ns string) bool { return s.tables[k].lenIn(ns) > 0 }
	switch k {
	case EndpointSlices:
		x.slices = renew(x.slices, namespaces, has, func(ns string) map[string][]Stored {
			of := map[string][]Stored{}
			for _, es := range s.EndpointSlices().in(ns) {
				if svc := serviceOf(es); svc != "" {
					of[svc] = append(of[svc], es)
				}
			}
			return of
		})
	case ReplicaSets:
		x.replicas = renew(x.replicas, namespaces, has, func(ns string) func() map[types.UID][]Stored {
			all := s.ReplicaSets().in(ns) // the snapshot itself must not be kept for as long as the lookup is
			return sync.OnceValue(func() map[types.UID][]Stored { return replicasOf(all) })
		})
	case Pods:
		x.pods = renew(x.pods, namespaces, has, func(ns string) *podIndex { return newPodIndex(s.Pods().in(ns)) })
	case NetworkPolicies:
		x.policies = renew(x.policies, namespaces, has, func(ns string) func() *policyIndex {
			all := s.NetworkPolicies().in(ns)
			return sync.OnceValue(func() *policyIndex { return newPolicyIndex(all) })
		})
	case Events:
		x.foreign = renew(x.foreign, namespaces, func(string) bool { return false }, nil)
		x.events = renew(x.events, namespaces, has, func(ns string) map[eventKey][]*corev1.Event {
			of := map[eventKey][]*corev1.Event{}
			for e := range s.Events().In(ns) {
				o := e.InvolvedObject
				k := eventKey{o.Kind, o.Namespace, o.Name}
				of[k] = append(of[k], e)
				if o.Namespace != ns {
					x.foreign[ns] = true
				}
			}
			for _, es := range of {
				oldestFirst(es)
			}
			return of
		})
	default: // no lookups but by name
	}
}

// clear forgets the lookups of a kind.
func (x *index) clear(k Kind) {
	switch k {
	case EndpointSlices:
		x.slices = nil
	case ReplicaSets:
		x.replicas = nil
	case Pods:
		x.pods = nil
	case NetworkPolicies:
		x.policies = nil
	case Events:
		x.events, x.foreign = nil, nil
	default:
	}
}

// renew gives the lookups with those of some namespaces made anew; has says which of these have any.
func renew[V any](old map[string]V, namespaces []string, has func(string) bool, of func(string) V) map[string]V {
	next := make(map[string]V, len(old)+len(namespaces))
	maps.Copy(next, old)
	for _, ns := range namespaces {
		if has(ns) {
			next[ns] = of(ns)
		} else {
			delete(next, ns)
		}
	}
	return next
}

func oldestFirst(es []*corev1.Event) {
	slices.SortStableFunc(es, func(a, b *corev1.Event) int { return EventTime(a).Compare(EventTime(b)) })
}

func replicasOf(all []Stored) map[types.UID][]Stored {
	type set struct {
		stored   Stored
		revision int64
	}
	by := map[types.UID][]set{}
	for _, s := range all {
		rs, ok := open[*appsv1.ReplicaSet](s)
		if !ok {
			continue
		}
		if c := metav1.GetControllerOfNoCopy(rs); c != nil {
			by[c.UID] = append(by[c.UID], set{s, Revision(rs)})
		}
	}
	of := make(map[types.UID][]Stored, len(by))
	for uid, sets := range by {
		slices.SortStableFunc(sets, func(a, b set) int { return cmp.Compare(b.revision, a.revision) })
		for _, one := range sets {
			of[uid] = append(of[uid], one.stored)
		}
	}
	return of
}

// serviceOf is the Service that an EndpointSlice is of.
func serviceOf(s Stored) string {
	switch s := s.(type) {
	case Packed:
		return s.About()
	case *discoveryv1.EndpointSlice:
		return s.Labels[discoveryv1.LabelServiceName]
	default:
		return ""
	}
}

// opened gives the objects that are stored.
func opened[T Stored](all []Stored) []T {
	if len(all) == 0 {
		return nil
	}
	out := make([]T, 0, len(all))
	for _, s := range all {
		if o, ok := open[T](s); ok {
			out = append(out, o)
		}
	}
	return out
}

// SlicesOf gives the EndpointSlices of a Service, by name.
func (s *Snapshot) SlicesOf(namespace, service string) []*discoveryv1.EndpointSlice {
	return opened[*discoveryv1.EndpointSlice](s.index.slices[namespace][service])
}

// Revisions gives the ReplicaSets of a Deployment, newest revision first.
func (s *Snapshot) Revisions(d *appsv1.Deployment) []*appsv1.ReplicaSet {
	if x := s.index.replicas[d.Namespace]; x != nil {
		return opened[*appsv1.ReplicaSet](x()[d.UID])
	}
	return nil
}

// Replicas is how many pods a workload asks for: 1, the API server's default, where it does not say.
func Replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// Revision is the revision number that the Deployment controller, or Argo's for its Rollouts, wrote on a ReplicaSet, 0 if
// none.
func Revision(rs *appsv1.ReplicaSet) int64 {
	text := cmp.Or(rs.Annotations["deployment.kubernetes.io/revision"], rs.Annotations["rollout.argoproj.io/revision"])
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0 // absent or damaged: sorts as the oldest
	}
	return n
}

// PoliciesIn gives the NetworkPolicies of a namespace, by name.
func (s *Snapshot) PoliciesIn(namespace string) []*networkingv1.NetworkPolicy {
	return opened[*networkingv1.NetworkPolicy](s.NetworkPolicies().in(namespace))
}

// Matches reports whether labels satisfy a Service's selector; none satisfy an empty one, which selects
// nothing.
func Matches(selector, labels map[string]string) bool {
	for key, value := range selector {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	return len(selector) > 0
}

// PodsOf gives the pods of a controller: a ReplicaSet, a StatefulSet and so on.
func (s *Snapshot) PodsOf(controller metav1.Object) []*corev1.Pod {
	if x := s.index.pods[controller.GetNamespace()]; x != nil {
		return opened[*corev1.Pod](x.of()[controller.GetUID()])
	}
	return nil
}

// PodsByIP gives the pods that have, or had, an address: several when an address was used again or
// when pods share their node's network.
func (s *Snapshot) PodsByIP(ip string) []*corev1.Pod {
	var out []*corev1.Pod
	for _, t := range s.Pods().shards {
		out = append(out, opened[*corev1.Pod](s.index.pods[t.namespace].byIP()[ip])...)
	}
	return out
}

// fewPods are looked through without asking whether another label of a selector tells more: each label that is asked for costs a lookup
// of all pods of its namespace, which is kept.
const fewPods = 100

// PodsSelected gives the pods of a namespace that a Service's selector matches, by name; none for an empty one.
func (s *Snapshot) PodsSelected(namespace string, selector map[string]string) []*corev1.Pod {
	x := s.index.pods[namespace]
	if x == nil || len(selector) == 0 {
		return nil
	}
	keys := slices.Sorted(maps.Keys(selector))
	slices.Reverse(keys)
	least := x.labelled(keys[0])[selector[keys[0]]]
	for _, k := range keys[1:] {
		if len(least) <= fewPods {
			break
		}
		if found := x.labelled(k)[selector[k]]; len(found) < len(least) {
			least = found
		}
	}
	return slices.DeleteFunc(opened[*corev1.Pod](least), func(p *corev1.Pod) bool { return !Matches(selector, p.Labels) })
}

// EventsOf gives the events about an object, oldest first. They are in its own namespace but for an object that is in
// none.
func (s *Snapshot) EventsOf(ref model.Ref) []*corev1.Event {
	k := eventKey{ref.Kind, ref.Namespace, ref.Name}
	found := s.index.events[ref.Namespace][k]
	own := len(found)
	for ns := range s.index.foreign {
		if ns != ref.Namespace {
			found = append(found[:len(found):len(found)], s.index.events[ns][k]...)
		}
	}
	if len(found) > own {
		slices.SortStableFunc(found, func(a, b *corev1.Event) int {
			return cmp.Or(EventTime(a).Compare(EventTime(b)), keyOf(a).compare(keyOf(b)))
		})
	}
	return found
}

// NamespaceLabels gives the labels of a namespace, nil if it is not known.
func (s *Snapshot) NamespaceLabels(name string) map[string]string {
	if n, presence := s.Namespaces().Get("", name); presence == Present {
		return n.Labels
	}
	return nil
}

// EventTime is when an event last happened.
func EventTime(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil && !e.Series.LastObservedTime.IsZero():
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	case !e.FirstTimestamp.IsZero():
		return e.FirstTimestamp.Time
	default:
		return e.CreationTimestamp.Time
	}
}

// WorkloadOf climbs from a pod to what a person would edit: the Deployment behind its ReplicaSet,
// the StatefulSet, DaemonSet or Job, or the pod itself where nothing owns it. The owner is named
// even when it is not in the snapshot.
func (s *Snapshot) WorkloadOf(p *corev1.Pod) model.Ref {
	owner := metav1.GetControllerOfNoCopy(p)
	if owner == nil {
		return RefOf(p)
	}
	if owner.Kind == string(ReplicaSets) {
		rs, ok := s.ReplicaSets().Get(p.Namespace, owner.Name)
		if ok == Present {
			if d := metav1.GetControllerOfNoCopy(rs); d != nil {
				owner = d
			}
		} else if d, ok := s.deploymentOf(p, owner.Name); ok {
			return d
		}
	}
	return model.Ref{APIVersion: owner.APIVersion, Kind: owner.Kind, Namespace: p.Namespace, Name: owner.Name}
}

// TemplateLabels are a pod's labels without those that its controllers add, which differ from one revision or pod to the next.
// DaemonSets add two: k8s.io/api/apps/v1 has no name for the older one (kubernetes/kubernetes, pkg/controller/daemon/util,
// "CreatePodTemplate").
func TemplateLabels(p *corev1.Pod) map[string]string {
	own := maps.Clone(p.Labels)
	for _, added := range []string{
		appsv1.DefaultDeploymentUniqueLabelKey, appsv1.ControllerRevisionHashLabelKey, "pod-template-generation",
		appsv1.StatefulSetPodNameLabel, appsv1.PodIndexLabel,
	} {
		delete(own, added)
	}
	return own
}

// deploymentOf finds the Deployment of a pod whose ReplicaSet was not read: it names ReplicaSets after itself and the
// hash with which it labels their pods.
func (s *Snapshot) deploymentOf(p *corev1.Pod, replicaSet string) (model.Ref, bool) {
	hash := p.Labels["pod-template-hash"]
	name, ok := strings.CutSuffix(replicaSet, "-"+hash)
	if !ok || hash == "" {
		return model.Ref{}, false
	}
	if _, presence := s.Deployments().Get(p.Namespace, name); presence == Absent {
		return model.Ref{}, false
	}
	return model.Ref{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: string(Deployments), Namespace: p.Namespace, Name: name}, true
}
