package path

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path/cilium"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// Map holds the rules of one snapshot. It is immutable and safe to share.
type Map struct {
	s       *snapshot.Snapshot
	routes  []Route
	byHost  map[string][]int    // indexes into routes, by the rule's host
	byName  map[string][]int    // indexes into routes, by the object's name: each request that a gateway tells of is looked up
	service map[[2]string][]int // indexes into routes, by a backend's namespace and name
	routers map[string]int      // indexes into routes, by Traefik's name for the rule
	hashed  map[string][]int    // the same of IngressRoutes, by that name without the hash of the rule
	entries map[string]bool     // see entryPoints
	// canaries are indexes into routes, by host and path, of those that take every request.
	canaries map[[2]string]int
	gates    []gate
	agents   []agent
	open     bool                   // NetworkPolicies are not enforced
	outer    []types.NamespacedName // of Services that take requests from outside
	custom   *custom.Set
	// destinations are Istio's DestinationRules by the Service that they are about.
	destinations map[model.Ref][]*custom.DestinationRule
	hosts        map[[2]string]proxy.Matching // how proxies choose among hosts, by controller and proxy
	fleets       []Fleet
	spaces       map[string]bool              // the namespaces of gateways and their control planes
	defaults     map[engine]proxy.Settings    // of each engine of a route
	plugins      []*unstructured.Unstructured // policies of network plugins' own kinds that are not evaluated
	cilium       map[string][]cilium.Policy   // of each namespace; "": of the whole cluster
}

// gate is a pod that runs a proxy.
type gate struct {
	pod   *corev1.Pod
	proxy string
}

func (g gate) key() types.NamespacedName {
	return types.NamespacedName{Namespace: g.pod.Namespace, Name: g.pod.Name}
}

// New reads the rules of a snapshot.
func New(s *snapshot.Snapshot) *Map {
	var gates []gate
	var agents []agent
	for p := range s.Pods().All() {
		gates, agents = append(gates, gatesIn(p)...), append(agents, agentsIn(p)...)
	}
	var outer []types.NamespacedName
	for svc := range s.Services().All() {
		outer = append(outer, outerIn(svc)...)
	}
	return newMap(s, gates, agents, outer)
}

// gatesIn is a pod if it runs a proxy, and nothing if not, or if there is no pod.
func gatesIn(p *corev1.Pod) []gate {
	if p == nil {
		return nil
	}
	if px, _, ok := all.ForPod(p); ok {
		return []gate{{pod: p, proxy: px.Name}}
	}
	return nil
}

// newMap reads the rules of a snapshot of which the gates, agents and outer Services are known.
func newMap(s *snapshot.Snapshot, gates []gate, agents []agent, outer []types.NamespacedName) *Map {
	m := &Map{s: s, gates: gates, agents: agents, outer: outer, byHost: map[string][]int{}, byName: map[string][]int{}, service: map[[2]string][]int{}, routers: map[string]int{}, hashed: map[string][]int{}, canaries: map[[2]string]int{}, hosts: map[[2]string]proxy.Matching{}, cilium: map[string][]cilium.Policy{}}
	m.open = unenforced(s, agents)
	m.fleets, m.entries = m.findFleets(), entryPoints(gates)
	m.custom = custom.Read(s)
	m.destinations = m.destinationRules()
	m.routes = slices.Concat(m.ingressRoutes(), m.httpRoutes(), m.grpcRoutes(), m.httpProxyRoutes(), m.ingressRouteRoutes(), m.virtualServerRoutes(), m.virtualRoutes(), m.streamRoutes())
	slices.SortStableFunc(m.routes, func(a, b Route) int { return cmp.Or(a.Object.Compare(b.Object)) })
	for i := range m.routes {
		r := &m.routes[i]
		r.compile()
		m.learn(r)
		r.places = !r.Gateway.IsZero() && m.matching(r).WholeRules
		m.index(i)
		for _, b := range r.Backends {
			k := [2]string{b.Service.Namespace, b.Service.Name}
			if at := m.service[k]; len(at) == 0 || at[len(at)-1] != i {
				m.service[k] = append(at, i)
			}
		}
	}
	m.oneObjectPerHost(m.routes)
	m.dropConflicts(m.routes)
	m.defaults = defaultsOf(m.routes)
	m.spaces = m.findSpaces()
	for i := range m.fleets {
		if f := &m.fleets[i]; f.Proxy != "" {
			f.Entries = m.findEntries(*f)
		}
	}
	for u := range s.Others().All() {
		switch {
		case ciliumPolicy(u):
			m.cilium[u.GetNamespace()] = append(m.cilium[u.GetNamespace()], cilium.Read(u))
		case pluginPolicy(u):
			m.plugins = append(m.plugins, u)
		}
	}
	return m
}

// index notes by what a route is found.
func (m *Map) index(i int) {
	r := &m.routes[i]
	m.byHost[r.Host] = append(m.byHost[r.Host], i)
	m.byName[r.Object.Name] = append(m.byName[r.Object.Name], i)
	if canaryRank(r) > 0 {
		m.canaries[[2]string{r.Host, r.Path}] = i
	}
	switch r.Object.Kind {
	case "Ingress":
		m.routers[routerName(*r)] = i
	case "IngressRoute":
		m.routers[crdRouterName(*r, r.match)] = i
		stem, _ := withoutHash(crdRouterName(*r, r.match))
		m.hashed[stem] = append(m.hashed[stem], i)
	}
}

// Custom gives the custom resources of the snapshot, and what of them could not be read.
func (m *Map) Custom() *custom.Set { return m.custom }

// Snapshot is what the map was made of.
func (m *Map) Snapshot() *snapshot.Snapshot { return m.s }

// Routes lists every rule, by object and rule.
func (m *Map) Routes() []Route { return m.routes }

// To lists the routes that have a Service as backend.
func (m *Map) To(namespace, service string) []Route {
	return m.at(m.service[[2]string{namespace, service}])
}

// at gives the routes of some indexes, without a copy of one alone.
func (m *Map) at(indexes []int) []Route {
	if len(indexes) == 1 {
		i := indexes[0]
		return m.routes[i : i+1 : i+1]
	}
	var out []Route
	for _, i := range indexes {
		out = append(out, m.routes[i])
	}
	return out
}

// Gateways lists the pods that serve a route, as far as they can be told apart: those of its
// Gateway, else all that run its proxy. Pods that run no proxy at the moment are left out.
func (m *Map) Gateways(r Route) []*corev1.Pod {
	if len(r.From) > 0 {
		return r.From
	}
	var own, same []*corev1.Pod
	for _, g := range m.gates {
		if g.pod.Status.Phase == corev1.PodSucceeded || g.pod.Status.Phase == corev1.PodFailed {
			continue
		}
		if !r.Gateway.IsZero() && (belongs(g.pod, r.Gateway) || m.bound(g.pod, r.Gateway)) {
			own = append(own, g.pod)
		}
		if r.Proxy != "" && g.proxy == r.Proxy {
			same = append(same, g.pod)
		}
	}
	if len(own) > 0 {
		return own
	}
	return same
}

// belongs reports whether a pod was made for a Gateway: the label that the Gateway API recommends
// (GEP-1762), or Envoy Gateway's own.
func belongs(p *corev1.Pod, g model.Ref) bool {
	if p.Labels["gateway.networking.k8s.io/gateway-name"] == g.Name && p.Namespace == g.Namespace {
		return true
	}
	return p.Labels["gateway.envoyproxy.io/owning-gateway-name"] == g.Name &&
		p.Labels["gateway.envoyproxy.io/owning-gateway-namespace"] == g.Namespace
}

// bound reports whether a pod is among those to which a Gateway of Istio binds itself.
func (m *Map) bound(p *corev1.Pod, g model.Ref) bool {
	for _, gw := range m.custom.Gateways {
		if gw.Ref() == g && len(gw.Spec.Selector) > 0 {
			return snapshot.Matches(gw.Spec.Selector, p.Labels)
		}
	}
	return false
}

// runs reports whether any pod runs a proxy.
func (m *Map) runs(proxy string) bool {
	return slices.ContainsFunc(m.gates, func(g gate) bool { return g.proxy == proxy })
}

// controllerProxy names the engine of a class's controller, empty if we do not know it. A name of somebody's own choice is
// that of the gateway which was started to take it.
func (m *Map) controllerProxy(controller string) string {
	if p, ok := all.ForController(controller); ok {
		return p.Name
	}
	for _, f := range m.fleets {
		if controller != "" && f.Proxy != "" && flag(f.Pod, "controller-class", "ingress-class") == controller {
			return f.Proxy
		}
	}
	return ""
}
