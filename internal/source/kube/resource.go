package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// access lists and watches one resource, in one namespace or in all.
type access struct {
	list  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// resource is a kind as the API server serves it.
type resource struct {
	kind       snapshot.Kind
	group      string
	versions   []string // best first; they have the same fields
	plural     string
	namespaced bool
	// typed gives access through the typed client, which speaks protobuf. It is nil for what is not
	// built into Kubernetes: that is read through the dynamic client.
	typed func(c kubernetes.Interface, namespace string) access
}

// String is the name in which RBAC rules and the API server's messages speak of it.
func (r resource) String() string {
	if r.group == "" {
		return r.plural
	}
	return r.plural + "." + r.group
}

// in gives access to the resource in one namespace, or in all of them if namespace is empty.
func (r resource) in(c *Clients, version, namespace string) access {
	if !r.namespaced {
		namespace = ""
	}
	if r.typed != nil {
		return r.typed(c.Kube, namespace)
	}
	api := c.Dynamic.Resource(schema.GroupVersionResource{Group: r.group, Version: version, Resource: r.plural})
	if namespace != "" {
		return through(api.Namespace(namespace))
	}
	return through(api)
}

// client is what the typed and the dynamic client of a resource have in common.
type client[L runtime.Object] interface {
	List(ctx context.Context, opts metav1.ListOptions) (L, error)
	Watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error)
}

func through[L runtime.Object](c client[L]) access {
	return access{
		list: func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			list, err := c.List(ctx, opts)
			if err != nil {
				return nil, err // a nil L in a runtime.Object would not be nil
			}
			return list, nil
		},
		watch: c.Watch,
	}
}

// example is an object of the type in which the resource comes. An informer drops all others.
func (r resource) example() runtime.Object {
	if r.typed == nil {
		return &unstructured.Unstructured{}
	}
	return snapshot.New(r.kind)
}

// known turns an object that came through the dynamic client into the type that a snapshot holds.
// Other objects are returned as they are.
func known(o runtime.Object) (metav1.Object, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		typed, ok := o.(metav1.Object)
		if !ok {
			return nil, fmt.Errorf("read %T: it has no metadata", o)
		}
		return typed, nil
	}
	data, err := json.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s/%s: %w", u.GetKind(), u.GetNamespace(), u.GetName(), err)
	}
	return snapshot.Decode(data)
}

// resources lists what is read. Secrets are not among it, and must not be: what is never asked for
// cannot leak, and no right to read them is needed.
func resources() []resource {
	const (
		apps = "apps"
		net  = "networking.k8s.io"
		gw   = "gateway.networking.k8s.io"
	)
	v1 := []string{"v1"}
	builtIn := []resource{
		{snapshot.IngressClasses, net, v1, "ingressclasses", false, func(c kubernetes.Interface, _ string) access { return through(c.NetworkingV1().IngressClasses()) }},
		{snapshot.Ingresses, net, v1, "ingresses", true, func(c kubernetes.Interface, ns string) access { return through(c.NetworkingV1().Ingresses(ns)) }},
		{snapshot.GatewayClasses, gw, []string{"v1", "v1beta1"}, "gatewayclasses", false, nil},
		{snapshot.Gateways, gw, []string{"v1", "v1beta1"}, "gateways", true, nil},
		{snapshot.HTTPRoutes, gw, []string{"v1", "v1beta1"}, "httproutes", true, nil},
		{snapshot.GRPCRoutes, gw, []string{"v1", "v1alpha2"}, "grpcroutes", true, nil},
		{snapshot.ReferenceGrants, gw, []string{"v1", "v1beta1"}, "referencegrants", true, nil},
		{snapshot.Services, "", v1, "services", true, func(c kubernetes.Interface, ns string) access { return through(c.CoreV1().Services(ns)) }},
		{snapshot.EndpointSlices, "discovery.k8s.io", v1, "endpointslices", true, func(c kubernetes.Interface, ns string) access { return through(c.DiscoveryV1().EndpointSlices(ns)) }},
		{snapshot.Pods, "", v1, "pods", true, func(c kubernetes.Interface, ns string) access { return through(c.CoreV1().Pods(ns)) }},
		{snapshot.Deployments, apps, v1, "deployments", true, func(c kubernetes.Interface, ns string) access { return through(c.AppsV1().Deployments(ns)) }},
		{snapshot.ReplicaSets, apps, v1, "replicasets", true, func(c kubernetes.Interface, ns string) access { return through(c.AppsV1().ReplicaSets(ns)) }},
		{snapshot.StatefulSets, apps, v1, "statefulsets", true, func(c kubernetes.Interface, ns string) access { return through(c.AppsV1().StatefulSets(ns)) }},
		{snapshot.DaemonSets, apps, v1, "daemonsets", true, func(c kubernetes.Interface, ns string) access { return through(c.AppsV1().DaemonSets(ns)) }},
		{snapshot.Jobs, "batch", v1, "jobs", true, func(c kubernetes.Interface, ns string) access { return through(c.BatchV1().Jobs(ns)) }},
		{snapshot.Nodes, "", v1, "nodes", false, func(c kubernetes.Interface, _ string) access { return through(c.CoreV1().Nodes()) }},
		{snapshot.Namespaces, "", v1, "namespaces", false, func(c kubernetes.Interface, _ string) access { return through(c.CoreV1().Namespaces()) }},
		{snapshot.NetworkPolicies, net, v1, "networkpolicies", true, func(c kubernetes.Interface, ns string) access { return through(c.NetworkingV1().NetworkPolicies(ns)) }},
		{snapshot.ConfigMaps, "", v1, "configmaps", true, func(c kubernetes.Interface, ns string) access { return through(c.CoreV1().ConfigMaps(ns)) }},
		{snapshot.PersistentVolumeClaims, "", v1, "persistentvolumeclaims", true, func(c kubernetes.Interface, ns string) access { return through(c.CoreV1().PersistentVolumeClaims(ns)) }},
		{snapshot.PodDisruptionBudgets, "policy", v1, "poddisruptionbudgets", true, func(c kubernetes.Interface, ns string) access { return through(c.PolicyV1().PodDisruptionBudgets(ns)) }},
		{snapshot.HorizontalAutoscalers, "autoscaling", []string{"v2"}, "horizontalpodautoscalers", true, func(c kubernetes.Interface, ns string) access {
			return through(c.AutoscalingV2().HorizontalPodAutoscalers(ns))
		}},
		{snapshot.ResourceQuotas, "", v1, "resourcequotas", true, func(c kubernetes.Interface, ns string) access { return through(c.CoreV1().ResourceQuotas(ns)) }},
		{snapshot.LimitRanges, "", v1, "limitranges", true, func(c kubernetes.Interface, ns string) access { return through(c.CoreV1().LimitRanges(ns)) }},
		{snapshot.Events, "", v1, "events", true, func(c kubernetes.Interface, ns string) access { return through(c.CoreV1().Events(ns)) }},
	}
	for _, c := range snapshot.Customs() {
		builtIn = append(builtIn, resource{snapshot.Other, c.Group, c.Versions, c.Plural, !c.ClusterScoped, nil})
	}
	return builtIn
}

// cover says in a snapshot how much of a resource was read. Custom resources share one table, of which
// nobody can say that it is complete: what was refused is a note.
func (r resource) cover(b *snapshot.Builder, c snapshot.Coverage, scope, why string) {
	if r.kind != snapshot.Other {
		b.Cover(r.kind, c, scope, why)
		return
	}
	switch c {
	case snapshot.NotServed, snapshot.NotRead:
		return
	case snapshot.Denied, snapshot.Failed:
		b.Note(r.String(), cmp.Or(why, c.String()))
	case snapshot.Partial:
		b.Note(r.String(), why)
	case snapshot.Complete:
	}
	b.Cover(snapshot.Other, snapshot.Partial, "", "only the kinds that bear on requests")
}

// whyNoSecrets is the reason that snapshots give for having no Secrets.
const whyNoSecrets = "gatemend does not read Secrets"
