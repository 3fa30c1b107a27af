package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// ErrUnknownVersion says that an object's kind is one that we read, but not in that API version.
var ErrUnknownVersion = errors.New("unknown API version")

// form is a kind that we read: its tables, the versions whose fields we know, and what makes empty objects.
type form struct {
	kind     Kind
	group    string
	versions []string
	some     func(n int) []metav1.Object
}

// empty makes an empty object.
func (f form) empty() metav1.Object { return f.some(1)[0] }

// some makes empty objects side by side in memory.
func some[T any, P interface {
	*T
	metav1.Object
}](n int) []metav1.Object {
	objects, out := make([]T, n), make([]metav1.Object, n)
	for i := range objects {
		out[i] = P(&objects[i])
	}
	return out
}

// forms lists what Decode makes typed objects of. The older versions named here have, as far as anybody
// reads them, the same fields as the version whose type is used.
var forms = sync.OnceValue(func() []form {
	const gw = "gateway.networking.k8s.io"
	return []form{
		{Namespaces, "", []string{"v1"}, some[corev1.Namespace]},
		{Nodes, "", []string{"v1"}, some[corev1.Node]},
		{Pods, "", []string{"v1"}, some[corev1.Pod]},
		{Services, "", []string{"v1"}, some[corev1.Service]},
		{ConfigMaps, "", []string{"v1"}, some[corev1.ConfigMap]},
		{Secrets, "", []string{"v1"}, some[corev1.Secret]},
		{PersistentVolumeClaims, "", []string{"v1"}, some[corev1.PersistentVolumeClaim]},
		{ResourceQuotas, "", []string{"v1"}, some[corev1.ResourceQuota]},
		{LimitRanges, "", []string{"v1"}, some[corev1.LimitRange]},
		{Events, "", []string{"v1"}, some[corev1.Event]},
		{EndpointSlices, "discovery.k8s.io", []string{"v1", "v1beta1"}, some[discoveryv1.EndpointSlice]},
		{Deployments, "apps", []string{"v1", "v1beta2", "v1beta1"}, some[appsv1.Deployment]},
		{ReplicaSets, "apps", []string{"v1", "v1beta2", "v1beta1"}, some[appsv1.ReplicaSet]},
		{StatefulSets, "apps", []string{"v1", "v1beta2", "v1beta1"}, some[appsv1.StatefulSet]},
		{DaemonSets, "apps", []string{"v1", "v1beta2", "v1beta1"}, some[appsv1.DaemonSet]},
		{Jobs, "batch", []string{"v1"}, some[batchv1.Job]},
		{Ingresses, "networking.k8s.io", []string{"v1"}, some[networkingv1.Ingress]},
		{IngressClasses, "networking.k8s.io", []string{"v1", "v1beta1"}, some[networkingv1.IngressClass]},
		{NetworkPolicies, "networking.k8s.io", []string{"v1", "v1beta1"}, some[networkingv1.NetworkPolicy]},
		{PodDisruptionBudgets, "policy", []string{"v1", "v1beta1"}, some[policyv1.PodDisruptionBudget]},
		{HorizontalAutoscalers, "autoscaling", []string{"v2", "v2beta2", "v1"}, some[autoscalingv2.HorizontalPodAutoscaler]},
		{GatewayClasses, gw, []string{"v1", "v1beta1", "v1alpha2"}, some[gatewayv1.GatewayClass]},
		{Gateways, gw, []string{"v1", "v1beta1", "v1alpha2"}, some[gatewayv1.Gateway]},
		{HTTPRoutes, gw, []string{"v1", "v1beta1", "v1alpha2"}, some[gatewayv1.HTTPRoute]},
		{GRPCRoutes, gw, []string{"v1", "v1alpha2"}, some[gatewayv1.GRPCRoute]},
		{ReferenceGrants, gw, []string{"v1", "v1beta1", "v1alpha2"}, some[gatewayv1.ReferenceGrant]},
	}
})

// Decode makes an object of its JSON form: typed if it is of a kind that a snapshot holds, else
// unstructured. An object of a known kind in a version whose fields we do not know gives an error
// that is [ErrUnknownVersion].
func Decode(data []byte) (metav1.Object, error) {
	var head metav1.TypeMeta
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("decode object: %w", err)
	}
	if head.Kind == "" || head.APIVersion == "" {
		return nil, errors.New("decode object: it has no kind or no apiVersion")
	}
	gvk := head.GroupVersionKind()
	if gvk.Group == "events.k8s.io" && gvk.Kind == string(Events) {
		return decodeNewEvent(data)
	}
	if isOldIngress(head.APIVersion, gvk.Kind) {
		return decodeOldIngress(data)
	}
	if f, ok := formOf(gvk.Group, gvk.Kind); ok {
		if !slices.Contains(f.versions, gvk.Version) {
			return nil, fmt.Errorf("decode %s: %w %q (known: %v)", gvk.Kind, ErrUnknownVersion, head.APIVersion, f.versions)
		}
		o := f.empty()
		if err := json.Unmarshal(data, o); err != nil {
			return nil, fmt.Errorf("decode %s: %w", gvk.Kind, err)
		}
		return o, nil
	}
	if c, ok := customOf(gvk.Group, gvk.Kind); ok && !slices.Contains(c.Versions, gvk.Version) {
		return nil, fmt.Errorf("decode %s: %w %q (known: %v)", gvk.Kind, ErrUnknownVersion, head.APIVersion, c.Versions)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("decode %s: %w", gvk.Kind, err)
	}
	return u, nil
}

// Empty makes n empty objects of a kind in a version whose fields are those of its type, nil if there is
// none such. Where there are many objects of a kind, some at once take less memory than one by one; they are freed
// together, too.
func Empty(apiVersion, kind string, n int) []metav1.Object {
	group, version, found := strings.Cut(apiVersion, "/")
	if !found {
		group, version = "", apiVersion
	}
	if f, ok := formOf(group, kind); ok && slices.Contains(f.versions, version) {
		return f.some(n)
	}
	return nil
}

// VersionOf is the API version of a kind's type, empty for [Other].
func VersionOf(k Kind) string {
	for _, f := range forms() {
		if f.kind == k {
			return strings.TrimPrefix(f.group+"/"+f.versions[0], "/")
		}
	}
	return ""
}

func formOf(group, kind string) (form, bool) {
	group = homeOf(group, kind)
	for _, f := range forms() {
		if string(f.kind) == kind && f.group == group {
			return f, true
		}
	}
	return form{}, false
}

// New makes an empty object of a kind, nil for [Other].
func New(k Kind) runtime.Object {
	for _, f := range forms() {
		if f.kind != k {
			continue
		}
		if o, ok := f.empty().(runtime.Object); ok {
			return o
		}
	}
	return nil
}

// decodeNewEvent reads an events.k8s.io Event into the core form, which the API server serves for
// the same object.
func decodeNewEvent(data []byte) (metav1.Object, error) {
	var e eventsv1.Event
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("decode Event: %w", err)
	}
	core := &corev1.Event{
		TypeMeta:       metav1.TypeMeta{APIVersion: "v1", Kind: "Event"},
		ObjectMeta:     e.ObjectMeta,
		InvolvedObject: e.Regarding,
		Reason:         e.Reason,
		Message:        e.Note,
		Type:           e.Type,
		EventTime:      e.EventTime,
		FirstTimestamp: e.DeprecatedFirstTimestamp,
		LastTimestamp:  e.DeprecatedLastTimestamp,
		Count:          e.DeprecatedCount,
		Action:         e.Action,
		Related:        e.Related,
	}
	if e.Series != nil {
		core.Series = &corev1.EventSeries{Count: e.Series.Count, LastObservedTime: e.Series.LastObservedTime}
	}
	return core, nil
}

// KindOf names the table that an object belongs to.
func KindOf(o metav1.Object) Kind {
	switch o.(type) {
	case *corev1.Namespace:
		return Namespaces
	case *corev1.Node:
		return Nodes
	case *corev1.Pod:
		return Pods
	case *corev1.Service:
		return Services
	case *corev1.ConfigMap:
		return ConfigMaps
	case *corev1.Secret:
		return Secrets
	case *corev1.PersistentVolumeClaim:
		return PersistentVolumeClaims
	case *corev1.ResourceQuota:
		return ResourceQuotas
	case *corev1.LimitRange:
		return LimitRanges
	case *corev1.Event:
		return Events
	case *discoveryv1.EndpointSlice:
		return EndpointSlices
	case *appsv1.Deployment:
		return Deployments
	case *appsv1.ReplicaSet:
		return ReplicaSets
	case *appsv1.StatefulSet:
		return StatefulSets
	case *appsv1.DaemonSet:
		return DaemonSets
	case *batchv1.Job:
		return Jobs
	case *networkingv1.Ingress:
		return Ingresses
	case *networkingv1.IngressClass:
		return IngressClasses
	case *networkingv1.NetworkPolicy:
		return NetworkPolicies
	case *policyv1.PodDisruptionBudget:
		return PodDisruptionBudgets
	case *autoscalingv2.HorizontalPodAutoscaler:
		return HorizontalAutoscalers
	case *gatewayv1.GatewayClass:
		return GatewayClasses
	case *gatewayv1.Gateway:
		return Gateways
	case *gatewayv1.HTTPRoute:
		return HTTPRoutes
	case *gatewayv1.GRPCRoute:
		return GRPCRoutes
	case *gatewayv1.ReferenceGrant:
		return ReferenceGrants
	default:
		return Other
	}
}
