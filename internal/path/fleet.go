package path

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/proxy/image"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Fleet is a workload whose pods run a gateway's proxy, or what controls one, whether any of them lives
// or not.
type Fleet struct {
	Object   model.Ref
	Proxy    string        // empty: it only controls proxies
	Replicas int32         // wanted; -1 where its kind has no count, or it is not in the snapshot
	Pod      *corev1.Pod   // what it makes, or would make
	Pods     []*corev1.Pod // that live, or should
	Entries  []Entry       // the Services in front of a gateway's pods
	product  string
}

// findFleets finds the workloads that run proxies: by their templates, and by pods whose owner is not in
// the snapshot.
func (m *Map) findFleets() []Fleet {
	var out []Fleet
	asPod := &corev1.Pod{} // of the workload that is looked at; most are no gateway's, and it serves for the next one
	add := func(o metav1.Object, replicas int32, t *corev1.PodTemplateSpec) {
		asPod.Namespace, asPod.Name, asPod.Labels, asPod.Spec = o.GetNamespace(), o.GetName(), t.Labels, t.Spec
		f := Fleet{Replicas: replicas, Pod: asPod}
		if f.Proxy, f.product = runsOf(asPod); f.Proxy != "" || f.product != "" {
			f.Object = snapshot.RefOf(o)
			out, asPod = append(out, f), &corev1.Pod{}
		}
	}
	for o := range m.s.Deployments().All() {
		add(o, replicas(o.Spec.Replicas), &o.Spec.Template)
	}
	for o := range m.s.StatefulSets().All() {
		add(o, replicas(o.Spec.Replicas), &o.Spec.Template)
	}
	for o := range m.s.DaemonSets().All() {
		add(o, -1, &o.Spec.Template)
	}
	m.controllers(out)
	for _, g := range m.gates {
		if Finished(g.pod) {
			continue
		}
		ref := m.s.WorkloadOf(g.pod)
		i := slices.IndexFunc(out, func(f Fleet) bool {
			return f.Object.Kind == ref.Kind && f.Object.Namespace == ref.Namespace && f.Object.Name == ref.Name
		})
		if i < 0 {
			out = append(out, Fleet{Object: ref, Proxy: g.proxy, Replicas: -1, Pod: g.pod, product: productOf(g.pod)})
			i = len(out) - 1
		}
		out[i].Pods = append(out[i].Pods, g.pod)
	}
	slices.SortStableFunc(out, func(a, b Fleet) int { return a.Object.Compare(b.Object) })
	return out
}

// runsOf says what a pod does for gateways: which proxy it runs, and of which product it or what it controls is. Both are
// empty for all other pods.
func runsOf(p *corev1.Pod) (proxy, product string) {
	if px, _, ok := all.ForPod(p); ok {
		return px.Name, productOf(p)
	}
	return "", controls(p)
}

func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// Fleets lists the workloads that may serve a route: those made for its Gateway, else those that name
// its class, else all of its controller's product.
func (m *Map) Fleets(r Route) []Fleet {
	var own, named, same []Fleet
	for _, f := range m.fleets {
		switch {
		case !r.Gateway.IsZero() && belongs(f.Pod, r.Gateway):
			own = append(own, f)
		case r.Proxy == "" || f.Proxy != r.Proxy || bound(f.Pod): // also what only controls proxies
		case f.product != "" && product(r.Controller) != "" && f.product != product(r.Controller):
		default:
			switch classOf(f.Pod) {
			case "":
				same = append(same, f)
			case r.Class, r.Controller:
				named = append(named, f)
			}
		}
	}
	for _, fs := range [][]Fleet{own, named} {
		if len(fs) > 0 {
			return fs
		}
	}
	return same
}

// AllFleets lists the workloads of all gateways and of what controls them, by their names.
func (m *Map) AllFleets() []Fleet { return m.fleets }

// FleetSpaces lists the namespaces in which gateways and their control planes run, in order.
func (m *Map) FleetSpaces() []string { return slices.Sorted(maps.Keys(m.spaces)) }

func (m *Map) findSpaces() map[string]bool {
	spaces := map[string]bool{}
	for _, f := range m.fleets {
		spaces[f.Object.Namespace] = true
	}
	for _, g := range m.gates {
		spaces[g.pod.Namespace] = true
	}
	return spaces
}

// ControlPlanes lists the workloads that write the configuration of a route's proxy, where these are others
// than the proxy's own: of Contour, Envoy Gateway, Istio, NGINX Gateway Fabric, Kong, and of cloud load
// balancers.
func (m *Map) ControlPlanes(r Route) []Fleet {
	var out []Fleet
	for _, f := range m.fleets {
		if f.Proxy == "" && f.product == product(r.Controller) {
			out = append(out, f)
		}
	}
	return out
}

// FleetOf is the gateway's or control plane's workload to which a pod belongs.
func (m *Map) FleetOf(pod model.Ref) (Fleet, bool) {
	for _, f := range m.fleets {
		if slices.ContainsFunc(f.Pods, func(p *corev1.Pod) bool {
			return p.Name == pod.Name && (pod.Namespace == "" || p.Namespace == pod.Namespace)
		}) {
			return f, true
		}
	}
	return Fleet{}, false
}

// FleetReady reports whether any pod of a fleet is ready; known is false where pods, or their status, could not be
// looked at.
func (m *Map) FleetReady(f Fleet) (ready, known bool) {
	if slices.ContainsFunc(f.Pods, Ready) {
		return true, true
	}
	if slices.ContainsFunc(f.Pods, Unseen) {
		return false, false
	}
	return false, len(f.Pods) > 0 || m.s.Pods().Covers(f.Object.Namespace)
}

// controllers gives control planes their pods.
func (m *Map) controllers(fleets []Fleet) {
	by := map[model.Ref]*Fleet{}
	for i := range fleets {
		if fleets[i].Proxy == "" {
			by[fleets[i].Object] = &fleets[i]
		}
	}
	if len(by) == 0 {
		return
	}
	spaces := map[string]bool{}
	for ref := range by {
		spaces[ref.Namespace] = true
	}
	for _, ns := range slices.Sorted(maps.Keys(spaces)) {
		for p := range m.s.Pods().In(ns) {
			if f := by[m.s.WorkloadOf(p)]; f != nil && !Finished(p) {
				f.Pods = append(f.Pods, p)
			}
		}
	}
}

// controls is the project whose control plane a pod runs, by its image.
func controls(p *corev1.Pod) string {
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		switch {
		case image.Is(c.Image, "envoyproxy/gateway", "envoyproxy/gateway-dev", "envoy-gateway"):
			return "envoy-gateway"
		case image.Is(c.Image, "istio/pilot", "pilot"):
			return "istio"
		case image.Is(c.Image, "projectcontour/contour", "contour"):
			return "contour"
		case image.Is(c.Image, "nginx-gateway-fabric"):
			return "gateway.nginx.org"
		case image.Is(c.Image, "kong/kubernetes-ingress-controller"):
			return "kong"
		case image.Is(c.Image, "aws-load-balancer-controller", "aws-alb-ingress-controller"):
			return "aws"
		case image.Is(c.Image, "azure-application-gateway/kubernetes-ingress", "application-gateway/kubernetes-ingress", "application-lb/images/alb-controller"):
			return "azure"
		}
	}
	return ""
}

// bound reports whether a pod was made for one Gateway.
func bound(p *corev1.Pod) bool {
	return p.Labels["gateway.networking.k8s.io/gateway-name"] != "" || p.Labels["gateway.envoyproxy.io/owning-gateway-name"] != ""
}

// classOf is the class that a controller's arguments name: the flags of ingress-nginx, the NGINX Ingress
// Controller, HAProxy's, Contour's and Traefik's controllers.
func classOf(p *corev1.Pod) string {
	return cmp.Or(flag(p, "controller-class", "gateway-class-name"), annotatedClass(p))
}

// annotatedClass is the class of Ingresses' annotations that a controller is told to take, empty if it does not say.
func annotatedClass(p *corev1.Pod) string {
	return flag(p, "ingress-class", "ingress.class", "ingress-class-name", "providers.kubernetesingress.ingressclass")
}

// flag is the value of the first argument of a pod that has one of some names, after "=" or as the next argument; empty if none
// has.
func flag(p *corev1.Pod, names ...string) string {
	for i := range p.Spec.Containers {
		words := slices.Concat(p.Spec.Containers[i].Command, p.Spec.Containers[i].Args)
		for j, arg := range words {
			name, value, whole := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			switch {
			case !strings.HasPrefix(arg, "-") || !slices.Contains(names, strings.ToLower(name)):
			case !whole && j+1 < len(words):
				return words[j+1]
			default:
				return value
			}
		}
	}
	return ""
}

// product is the project behind a controller's name, where one proxy has several.
func product(controller string) string {
	for _, of := range [...][2]string{
		{"ingress-nginx", "ingress-nginx"}, {"nginx.org/", "nginx.org"}, {"gateway.nginx.org", "gateway.nginx.org"},
		{"projectcontour.io", "contour"}, {"istio.io", "istio"}, {"gateway.envoyproxy.io", "envoy-gateway"},
		{"haproxy.org", "haproxytech"}, {"haproxy-ingress.github.io", "haproxy-ingress"},
		{"ingress.k8s.aws", "aws"}, {"gateway.k8s.aws", "aws"}, {"azure/", "azure"}, {"alb.networking.azure.io", "azure"},
		{"konghq.com", "kong"}, {"ingress-controllers.konghq.com", "kong"},
	} {
		if strings.HasPrefix(controller, of[0]) || of[0] == "ingress-nginx" && strings.Contains(controller, of[0]) {
			return of[1]
		}
	}
	return ""
}

// productOf is the project whose proxy a pod runs.
func productOf(p *corev1.Pod) string {
	if p.Labels["gateway.envoyproxy.io/owning-gateway-name"] != "" || p.Labels["app.kubernetes.io/managed-by"] == "envoy-gateway" {
		return "envoy-gateway"
	}
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		switch {
		case image.Is(c.Image, "ingress-nginx/controller", "nginx-ingress-controller"):
			return "ingress-nginx"
		case image.Is(c.Image, "nginx-ingress", "nginx-plus-ingress"):
			return "nginx.org"
		case c.Name == "istio-proxy" || image.Is(c.Image, "istio/proxyv2"):
			return "istio"
		case image.Is(c.Image, "projectcontour/contour", "contour"):
			return "contour"
		case image.Is(c.Image, "haproxytech/kubernetes-ingress"):
			return "haproxytech"
		case image.Is(c.Image, "haproxy-ingress"):
			return "haproxy-ingress"
		}
	}
	return ""
}

// Down reports whether no pod that may serve a route can: all that we know of its gateway has no ready
// pod. at is the first workload that lacks them. Where pods, or their status, could not be looked at, nothing is
// down.
func (m *Map) Down(r Route) (at model.Ref, why string, down bool) {
	fleets := m.Fleets(r)
	for _, f := range fleets {
		if ready, known := m.FleetReady(f); ready || !known {
			return model.Ref{}, "", false
		}
	}
	if len(fleets) == 0 {
		return model.Ref{}, "", false
	}
	f := fleets[0]
	switch {
	case len(f.Pods) > 0:
		return snapshot.RefOf(f.Pods[0]), fmt.Sprintf("none of the gateway's %d pods is ready: pod %s %s", len(f.Pods), f.Pods[0].Name, podState(f.Pods[0])), true
	case f.Replicas == 0:
		return f.Object, fmt.Sprintf("the gateway has no pod: %s is scaled to zero", f.Object), true
	default:
		return f.Object, fmt.Sprintf("the gateway has no pod: %s has none", f.Object), true
	}
}

// unseen gives a pod that may serve a route and has no status, where none is known to be ready; else nil.
func (m *Map) unseen(r Route) *corev1.Pod {
	var out *corev1.Pod
	for _, f := range m.Fleets(r) {
		for _, p := range f.Pods {
			if Ready(p) {
				return nil
			}
			if out == nil && Unseen(p) {
				out = p
			}
		}
	}
	return out
}
