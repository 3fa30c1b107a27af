package snapshot

import (
	"cmp"
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

// index holds the lookups that many callers need, made once per snapshot.
type index struct {
	slices    map[key][]*discoveryv1.EndpointSlice     // by Service
	replicas  map[types.UID][]*appsv1.ReplicaSet       // by Deployment, newest revision first
	podsOf    map[types.UID][]*corev1.Pod              // by controller
	podByIP   func() map[string][]*corev1.Pod          // made when it is first asked for: few ask
	events    map[eventKey][]*corev1.Event             // oldest first
	namespace map[string]map[string]string             // labels by namespace
	policies  map[string][]*networkingv1.NetworkPolicy // by namespace
}

type eventKey struct{ kind, namespace, name string }

func newIndex(s *Snapshot) *index {
	x := &index{}
	for _, k := range Kinds() {
		x.build(s, k)
	}
	return x
}

// build makes the lookups anew that are made of a kind.
func (x *index) build(s *Snapshot, k Kind) {
	switch k {
	case EndpointSlices:
		x.slices = map[key][]*discoveryv1.EndpointSlice{}
		for es := range s.EndpointSlices().All() {
			if svc := es.Labels[discoveryv1.LabelServiceName]; svc != "" {
				k := key{namespace: es.Namespace, name: svc}
				x.slices[k] = append(x.slices[k], es)
			}
		}
	case ReplicaSets:
		x.buildReplicas(s)
	case Pods:
		x.buildPods(s)
	case Events:
		x.events = map[eventKey][]*corev1.Event{}
		for e := range s.Events().All() {
			o := e.InvolvedObject
			k := eventKey{o.Kind, o.Namespace, o.Name}
			x.events[k] = append(x.events[k], e)
		}
		for _, es := range x.events {
			slices.SortStableFunc(es, func(a, b *corev1.Event) int { return EventTime(a).Compare(EventTime(b)) })
		}
	case NetworkPolicies:
		x.policies = map[string][]*networkingv1.NetworkPolicy{}
		for p := range s.NetworkPolicies().All() {
			x.policies[p.Namespace] = append(x.policies[p.Namespace], p)
		}
	case Namespaces:
		x.namespace = map[string]map[string]string{}
		for n := range s.Namespaces().All() {
			x.namespace[n.Name] = n.Labels
		}
	default: // no lookups but by name
	}
}

func (x *index) buildReplicas(s *Snapshot) {
	x.replicas = map[types.UID][]*appsv1.ReplicaSet{}
	for rs := range s.ReplicaSets().All() {
		if c := metav1.GetControllerOfNoCopy(rs); c != nil {
			x.replicas[c.UID] = append(x.replicas[c.UID], rs)
		}
	}
	for _, sets := range x.replicas {
		slices.SortStableFunc(sets, func(a, b *appsv1.ReplicaSet) int { return cmp.Compare(Revision(b), Revision(a)) })
	}
}

func (x *index) buildPods(s *Snapshot) {
	x.podsOf = map[types.UID][]*corev1.Pod{}
	for p := range s.Pods().All() {
		if c := metav1.GetControllerOfNoCopy(p); c != nil {
			x.podsOf[c.UID] = append(x.podsOf[c.UID], p)
		}
	}
	x.podByIP = sync.OnceValue(s.podsByIP)
}

func (s *Snapshot) podsByIP() map[string][]*corev1.Pod {
	by := map[string][]*corev1.Pod{}
	for p := range s.Pods().All() {
		for _, ip := range p.Status.PodIPs {
			by[ip.IP] = append(by[ip.IP], p)
		}
		if len(p.Status.PodIPs) == 0 && p.Status.PodIP != "" {
			by[p.Status.PodIP] = append(by[p.Status.PodIP], p)
		}
	}
	return by
}

// SlicesOf gives the EndpointSlices of a Service, by name.
func (s *Snapshot) SlicesOf(namespace, service string) []*discoveryv1.EndpointSlice {
	return s.index.slices[key{namespace: namespace, name: service}]
}

// Revisions gives the ReplicaSets of a Deployment, newest revision first.
func (s *Snapshot) Revisions(d *appsv1.Deployment) []*appsv1.ReplicaSet {
	return s.index.replicas[d.UID]
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
	return s.index.policies[namespace]
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

// PodsOf gives the pods whose controller has that UID.
func (s *Snapshot) PodsOf(controller types.UID) []*corev1.Pod { return s.index.podsOf[controller] }

// PodsByIP gives the pods that have, or had, an address: several when an address was used again or
// when pods share their node's network.
func (s *Snapshot) PodsByIP(ip string) []*corev1.Pod { return s.index.podByIP()[ip] }

// EventsOf gives the events about an object, oldest first.
func (s *Snapshot) EventsOf(ref model.Ref) []*corev1.Event {
	return s.index.events[eventKey{ref.Kind, ref.Namespace, ref.Name}]
}

// NamespaceLabels gives the labels of a namespace, nil if it is not known.
func (s *Snapshot) NamespaceLabels(name string) map[string]string { return s.index.namespace[name] }

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

// deploymentOf finds the Deployment of a pod whose ReplicaSet was not read: it names ReplicaSets after itself and the
// hash with which it labels their pods.
func (s *Snapshot) deploymentOf(p *corev1.Pod, replicaSet string) (model.Ref, bool) {
	hash := p.Labels["pod-template-hash"]
	name, ok := strings.CutSuffix(replicaSet, "-"+hash)
	if !ok || hash == "" {
		return model.Ref{}, false
	}
	d, presence := s.Deployments().Get(p.Namespace, name)
	if presence != Present {
		return model.Ref{}, false
	}
	return RefOf(d), true
}
