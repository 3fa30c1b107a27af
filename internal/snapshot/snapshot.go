package snapshot

import (
	"iter"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// Snapshot is a cluster at one moment. Make one with a [Builder].
type Snapshot struct {
	at     time.Time
	notes  []model.Unseen
	tables map[Kind]table
	index  *index
}

// table is what all Tables have in common, whatever they hold.
type table interface { //nolint:interfacebloat // it has one implementation, Table[T], and only forgets T
	putAny(o Stored) bool
	getAny(k key) (metav1.Object, Presence)
	drop(k key)
	seal() (namespaces []string)
	namespaces() []string
	lenIn(namespace string) int
	cloneAny() table
	cutAny(p Part) table
	since(before table, yield func(was, is metav1.Object) bool) bool
	cover(c Coverage, scope, why string)
	allAny() iter.Seq[metav1.Object]
	onlyIn() string
	Coverage() Coverage
	Why() string
	Len() int
}

func (t *Table[T]) putAny(o Stored) bool {
	_, typed := o.(T)
	if p, packed := o.(Packed); packed {
		typed = p.Kind() == t.kind
	}
	if typed {
		t.put(o)
	}
	return typed
}

func (t *Table[T]) getAny(k key) (metav1.Object, Presence) {
	o, p := t.get(k)
	if p != Present {
		return nil, p
	}
	return o, p
}

func (t *Table[T]) allAny() iter.Seq[metav1.Object] {
	return func(yield func(metav1.Object) bool) {
		for o := range t.All() {
			if !yield(o) {
				return
			}
		}
	}
}

func (t *Table[T]) namespaces() []string {
	out := make([]string, len(t.shards))
	for i, s := range t.shards {
		out[i] = s.namespace
	}
	return out
}

func (t *Table[T]) lenIn(namespace string) int { return len(t.in(namespace)) }

func (t *Table[T]) onlyIn() string { return t.scope }

func (t *Table[T]) cloneAny() table { return t.clone() }

func (t *Table[T]) cutAny(p Part) table { return t.cut(p) }

func (t *Table[T]) cover(c Coverage, scope, why string) { t.coverage, t.scope, t.why = c, scope, why }

// newTables makes an empty table of each kind.
func newTables() map[Kind]table {
	return map[Kind]table{
		Namespaces:             &Table[*corev1.Namespace]{kind: Namespaces},
		Nodes:                  &Table[*corev1.Node]{kind: Nodes},
		Pods:                   &Table[*corev1.Pod]{kind: Pods},
		Services:               &Table[*corev1.Service]{kind: Services},
		EndpointSlices:         &Table[*discoveryv1.EndpointSlice]{kind: EndpointSlices},
		Deployments:            &Table[*appsv1.Deployment]{kind: Deployments},
		ReplicaSets:            &Table[*appsv1.ReplicaSet]{kind: ReplicaSets},
		StatefulSets:           &Table[*appsv1.StatefulSet]{kind: StatefulSets},
		DaemonSets:             &Table[*appsv1.DaemonSet]{kind: DaemonSets},
		Jobs:                   &Table[*batchv1.Job]{kind: Jobs},
		Ingresses:              &Table[*networkingv1.Ingress]{kind: Ingresses},
		IngressClasses:         &Table[*networkingv1.IngressClass]{kind: IngressClasses},
		GatewayClasses:         &Table[*gatewayv1.GatewayClass]{kind: GatewayClasses},
		Gateways:               &Table[*gatewayv1.Gateway]{kind: Gateways},
		HTTPRoutes:             &Table[*gatewayv1.HTTPRoute]{kind: HTTPRoutes},
		GRPCRoutes:             &Table[*gatewayv1.GRPCRoute]{kind: GRPCRoutes},
		ReferenceGrants:        &Table[*gatewayv1.ReferenceGrant]{kind: ReferenceGrants},
		NetworkPolicies:        &Table[*networkingv1.NetworkPolicy]{kind: NetworkPolicies},
		ConfigMaps:             &Table[*corev1.ConfigMap]{kind: ConfigMaps},
		Secrets:                &Table[*corev1.Secret]{kind: Secrets},
		PersistentVolumeClaims: &Table[*corev1.PersistentVolumeClaim]{kind: PersistentVolumeClaims},
		PodDisruptionBudgets:   &Table[*policyv1.PodDisruptionBudget]{kind: PodDisruptionBudgets},
		HorizontalAutoscalers:  &Table[*autoscalingv2.HorizontalPodAutoscaler]{kind: HorizontalAutoscalers},
		ResourceQuotas:         &Table[*corev1.ResourceQuota]{kind: ResourceQuotas},
		LimitRanges:            &Table[*corev1.LimitRange]{kind: LimitRanges},
		Events:                 &Table[*corev1.Event]{kind: Events},
		Other:                  &Table[*unstructured.Unstructured]{kind: Other},
	}
}

// of returns a typed table; that the types fit is checked by TestEveryKindHasItsTable.
func of[T metav1.Object](s *Snapshot, k Kind) *Table[T] {
	t, ok := s.tables[k].(*Table[T])
	if !ok {
		return &Table[T]{kind: k}
	}
	return t
}

// At is the time of reading.
func (s *Snapshot) At() time.Time { return s.at }

// AsOf gives the same snapshot with another time of reading: nothing has changed since.
func (s *Snapshot) AsOf(at time.Time) *Snapshot {
	later := *s
	later.at = at
	return &later
}

// Notes lists what could not be read at all, besides the coverage of kinds: a damaged file, an
// object of an unknown version.
func (s *Snapshot) Notes() []model.Unseen { return s.notes }

// Coverage says how much of a kind the snapshot holds, and why it is not all.
func (s *Snapshot) Coverage(k Kind) (c Coverage, why string) {
	t, ok := s.tables[k]
	if !ok {
		return NotRead, ""
	}
	return t.Coverage(), t.Why()
}

// Scope is the only namespace of a kind that was listed, empty unless its coverage is Partial for
// that reason.
func (s *Snapshot) Scope(k Kind) string {
	if t, ok := s.tables[k]; ok {
		return t.onlyIn()
	}
	return ""
}

// AllOf yields the objects of any kind in order.
func (s *Snapshot) AllOf(k Kind) iter.Seq[metav1.Object] {
	if t, ok := s.tables[k]; ok {
		return t.allAny()
	}
	return func(func(metav1.Object) bool) {}
}

// Lookup finds any object. Of custom resources an object that is not there is absent only if others of
// its kind are: who lists a kind lists all of it, and who does not, knows nothing.
func (s *Snapshot) Lookup(ref model.Ref) (metav1.Object, Presence) {
	group, _, _ := strings.Cut(ref.APIVersion, "/")
	_, custom := customOf(group, ref.Kind)
	t, ok := s.tables[Kind(ref.Kind)]
	if ok && !custom {
		return t.getAny(key{namespace: ref.Namespace, name: ref.Name})
	}
	presence := Unknown
	for u := range s.Others().All() {
		if u.GetKind() != ref.Kind || u.GroupVersionKind().Group != group {
			continue
		}
		if u.GetNamespace() == ref.Namespace && u.GetName() == ref.Name {
			return u, Present
		}
		presence = Absent
	}
	return nil, presence
}

// Namespaces and the methods below give the table of one kind.
func (s *Snapshot) Namespaces() *Table[*corev1.Namespace] {
	return of[*corev1.Namespace](s, Namespaces)
}

// Nodes gives the cluster's nodes.
func (s *Snapshot) Nodes() *Table[*corev1.Node] { return of[*corev1.Node](s, Nodes) }

// Pods gives all pods, finished and terminating ones included.
func (s *Snapshot) Pods() *Table[*corev1.Pod] { return of[*corev1.Pod](s, Pods) }

// Services gives the Services.
func (s *Snapshot) Services() *Table[*corev1.Service] { return of[*corev1.Service](s, Services) }

// EndpointSlices gives the EndpointSlices; [Snapshot.SlicesOf] gives those of one Service.
func (s *Snapshot) EndpointSlices() *Table[*discoveryv1.EndpointSlice] {
	return of[*discoveryv1.EndpointSlice](s, EndpointSlices)
}

// Deployments gives the Deployments.
func (s *Snapshot) Deployments() *Table[*appsv1.Deployment] {
	return of[*appsv1.Deployment](s, Deployments)
}

// ReplicaSets gives the ReplicaSets; [Snapshot.Revisions] gives those of one Deployment.
func (s *Snapshot) ReplicaSets() *Table[*appsv1.ReplicaSet] {
	return of[*appsv1.ReplicaSet](s, ReplicaSets)
}

// StatefulSets gives the StatefulSets.
func (s *Snapshot) StatefulSets() *Table[*appsv1.StatefulSet] {
	return of[*appsv1.StatefulSet](s, StatefulSets)
}

// DaemonSets gives the DaemonSets.
func (s *Snapshot) DaemonSets() *Table[*appsv1.DaemonSet] {
	return of[*appsv1.DaemonSet](s, DaemonSets)
}

// Jobs gives the Jobs.
func (s *Snapshot) Jobs() *Table[*batchv1.Job] { return of[*batchv1.Job](s, Jobs) }

// Ingresses gives the Ingresses of all classes.
func (s *Snapshot) Ingresses() *Table[*networkingv1.Ingress] {
	return of[*networkingv1.Ingress](s, Ingresses)
}

// IngressClasses gives the IngressClasses.
func (s *Snapshot) IngressClasses() *Table[*networkingv1.IngressClass] {
	return of[*networkingv1.IngressClass](s, IngressClasses)
}

// GatewayClasses gives the GatewayClasses.
func (s *Snapshot) GatewayClasses() *Table[*gatewayv1.GatewayClass] {
	return of[*gatewayv1.GatewayClass](s, GatewayClasses)
}

// Gateways gives the Gateways of the Gateway API.
func (s *Snapshot) Gateways() *Table[*gatewayv1.Gateway] { return of[*gatewayv1.Gateway](s, Gateways) }

// HTTPRoutes gives the HTTPRoutes.
func (s *Snapshot) HTTPRoutes() *Table[*gatewayv1.HTTPRoute] {
	return of[*gatewayv1.HTTPRoute](s, HTTPRoutes)
}

// GRPCRoutes gives the GRPCRoutes.
func (s *Snapshot) GRPCRoutes() *Table[*gatewayv1.GRPCRoute] {
	return of[*gatewayv1.GRPCRoute](s, GRPCRoutes)
}

// ReferenceGrants gives the ReferenceGrants.
func (s *Snapshot) ReferenceGrants() *Table[*gatewayv1.ReferenceGrant] {
	return of[*gatewayv1.ReferenceGrant](s, ReferenceGrants)
}

// NetworkPolicies gives the NetworkPolicies.
func (s *Snapshot) NetworkPolicies() *Table[*networkingv1.NetworkPolicy] {
	return of[*networkingv1.NetworkPolicy](s, NetworkPolicies)
}

// ConfigMaps gives the ConfigMaps.
func (s *Snapshot) ConfigMaps() *Table[*corev1.ConfigMap] {
	return of[*corev1.ConfigMap](s, ConfigMaps)
}

// Secrets gives names and keys of Secrets; every value is empty.
func (s *Snapshot) Secrets() *Table[*corev1.Secret] { return of[*corev1.Secret](s, Secrets) }

// PersistentVolumeClaims gives the claims.
func (s *Snapshot) PersistentVolumeClaims() *Table[*corev1.PersistentVolumeClaim] {
	return of[*corev1.PersistentVolumeClaim](s, PersistentVolumeClaims)
}

// PodDisruptionBudgets gives the budgets.
func (s *Snapshot) PodDisruptionBudgets() *Table[*policyv1.PodDisruptionBudget] {
	return of[*policyv1.PodDisruptionBudget](s, PodDisruptionBudgets)
}

// HorizontalAutoscalers gives the HorizontalPodAutoscalers.
func (s *Snapshot) HorizontalAutoscalers() *Table[*autoscalingv2.HorizontalPodAutoscaler] {
	return of[*autoscalingv2.HorizontalPodAutoscaler](s, HorizontalAutoscalers)
}

// ResourceQuotas gives the quotas.
func (s *Snapshot) ResourceQuotas() *Table[*corev1.ResourceQuota] {
	return of[*corev1.ResourceQuota](s, ResourceQuotas)
}

// LimitRanges gives the limit ranges.
func (s *Snapshot) LimitRanges() *Table[*corev1.LimitRange] {
	return of[*corev1.LimitRange](s, LimitRanges)
}

// Events gives the events; [Snapshot.EventsOf] gives those of one object.
func (s *Snapshot) Events() *Table[*corev1.Event] { return of[*corev1.Event](s, Events) }

// Others gives every object of a kind that has no table of its own.
func (s *Snapshot) Others() *Table[*unstructured.Unstructured] {
	return of[*unstructured.Unstructured](s, Other)
}
