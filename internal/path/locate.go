package path

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Locate finds the rule that a log line is about: by host and path where it has them, checked
// against the Service or route that it names, else by those names alone.
func (m *Map) Locate(sig model.Signal) (Route, bool) {
	r, ok := m.locate(sig)
	if !ok || r.Proxy != "nginx" {
		return r, ok
	}
	// ingress-nginx names the rule beside which a canary stands, also where the canary takes every request.
	if i, ok := m.canaries[[2]string{r.Host, r.Path}]; ok {
		return m.routes[i], true
	}
	return r, true
}

func (m *Map) locate(sig model.Signal) (Route, bool) {
	named := m.named(sig)
	if sig.Request.Path != "" {
		if r, ok := m.Match(sig.Request); ok && (len(named) == 0 || contains(named, r)) {
			return r, true
		}
		for i := range named {
			r := &named[i]
			if (sig.Request.Host == "" || r.Host == "" || r.Host == sig.Request.Host) && r.matches(sig.Request) {
				return *r, true
			}
		}
	}
	if len(named) > 0 && (sig.Request.Path == "" || sig.Request.Host == "") {
		return best(m.behind(sig.Gateway, named), sig.Request), true
	}
	if len(named) > 0 {
		// The names are the proxy's own word; the rule may have changed since.
		return named[0], true
	}
	if sig.Failure == model.NoRoute {
		return Route{}, false // for a host that nobody names: it need not be one of ours
	}
	return m.ByPath(sig)
}

// manyHosts and manyRoutes are among how many a path alone is no longer taken to tell which one was asked: it seldom is,
// and every line would be compared with all of them.
const (
	manyHosts  = 50
	manyRoutes = 1000
)

// ByPath finds the rule for a line that names neither host, route nor Service, as nginx writes them in its own format
// (F5's controller, NGINX Gateway Fabric) and Kong does: of the hosts that the gateway serves the one with the longest
// path that takes the request's, if no other has one as long.
func (m *Map) ByPath(sig model.Signal) (Route, bool) {
	if sig.Request.Host != "" || sig.Request.Path == "" || sig.Service != "" || sig.RouteName != "" || len(m.byHost) > manyHosts || len(m.routes) > manyRoutes {
		return Route{}, false
	}
	var best *Route
	tied := false
	for _, at := range m.byHost {
		for _, i := range at {
			r := &m.routes[i]
			if r.Stream() || !r.matches(sig.Request) || !m.servedBy(*r, sig.Gateway) {
				continue
			}
			switch {
			case best == nil || len(r.Path) > len(best.Path) || r.Host == best.Host && r.before(best):
				tied = false
				best = r
			case r.Host != best.Host && len(r.Path) == len(best.Path):
				tied = true
			}
		}
	}
	if best == nil || tied {
		return Route{}, false
	}
	return *best, true
}

func contains(rs []Route, r Route) bool {
	for i := range rs {
		if rs[i].Object == r.Object && rs[i].Rule == r.Rule {
			return true
		}
	}
	return false
}

// behind keeps the routes that a gateway's pod serves, or all if it serves none of them: one Service may be
// behind several gateways, each with a route of its own.
func (m *Map) behind(gateway model.Ref, rs []Route) []Route {
	if gateway.IsZero() || len(rs) < 2 {
		return rs
	}
	var own []Route
	for _, r := range rs {
		if m.servedBy(r, gateway) {
			own = append(own, r)
		}
	}
	if len(own) == 0 {
		return rs
	}
	return own
}

// servedBy reports whether a gateway's pod serves a route, as far as that is known.
func (m *Map) servedBy(r Route, gateway model.Ref) bool {
	is := func(p *corev1.Pod) bool { return p.Namespace == gateway.Namespace && p.Name == gateway.Name }
	known := slices.ContainsFunc(m.gates, func(g gate) bool { return is(g.pod) })
	return !known || slices.ContainsFunc(m.Gateways(r), is)
}

// best is the rule with the longest path that takes the request's, else the first.
func best(rs []Route, req model.Request) Route {
	at := -1
	for i := range rs {
		if req.Path != "" && rs[i].takes(req.Path) && (at < 0 || len(rs[i].Path) > len(rs[at].Path)) {
			at = i
		}
	}
	return rs[max(at, 0)]
}

// named lists the routes that fit the names in a log line.
func (m *Map) named(sig model.Signal) []Route {
	if sig.Service != "" {
		if rs := m.toService(sig); len(rs) > 0 {
			return rs
		}
	}
	if sig.RouteName == "" {
		return nil
	}
	if rs := m.router(sig.RouteName); len(rs) > 0 {
		return rs
	}
	at := m.byName[sig.RouteName]
	if other := func(i int) bool { return m.routes[i].Object.Namespace != sig.RouteNamespace }; sig.RouteNamespace != "" && slices.ContainsFunc(at, other) {
		at = slices.DeleteFunc(slices.Clone(at), other)
	}
	return m.at(at)
}

// toService lists the routes to the Service of a line. ingress-nginx joins namespace, Service and
// port with dashes, which names also have: every way to cut the joint name is tried against the
// Services that routes know.
func (m *Map) toService(sig model.Signal) []Route {
	if sig.RouteNamespace != "" {
		return withPort(m.To(sig.RouteNamespace, sig.Service), sig.ServicePort)
	}
	var out, loose []Route
	for i := 0; i < len(sig.Service); i++ {
		if sig.Service[i] != '-' {
			continue
		}
		namespace, rest := sig.Service[:i], sig.Service[i+1:]
		if sig.ServicePort != "" {
			out = append(out, withPort(m.To(namespace, rest), sig.ServicePort)...)
		}
		for j := len(rest) - 1; j > 0; j-- {
			if rest[j] == '-' {
				to := m.To(namespace, rest[:j])
				out = append(out, exactPort(to, rest[j+1:])...)
				if len(loose) == 0 && m.portNamed(namespace, rest[:j], rest[j+1:]) {
					loose = to
				}
			}
		}
	}
	if len(out) == 0 {
		return loose
	}
	return out
}

// portNamed reports whether a Service has a port of that name or number.
func (m *Map) portNamed(namespace, service, port string) bool {
	svc, ok := m.s.Services().Get(namespace, service)
	if ok != snapshot.Present {
		return false
	}
	return slices.ContainsFunc(svc.Spec.Ports, func(p corev1.ServicePort) bool {
		return p.Name == port || strconv.Itoa(int(p.Port)) == port
	})
}

// router finds the rule of Traefik's name for it: entry point, namespace, Ingress, host and path, all
// that is no letter or digit made a dash (traefik, pkg/provider: Normalize). A hash that no rule of an IngressRoute
// has is that of a rule as it was before it was changed: any of its rules may be meant.
func (m *Map) router(name string) []Route {
	name, _, _ = strings.Cut(name, "@")
	for rest := range m.withoutEntry(name) {
		if at, ok := m.routers[rest]; ok {
			return []Route{m.routes[at]}
		}
	}
	if stem, ok := withoutHash(name); ok {
		for rest := range m.withoutEntry(stem) {
			if at := m.hashed[rest]; len(at) > 0 {
				return m.at(at)
			}
		}
	}
	return nil
}

// withoutEntry lists a router's name, and what is left of it without first words that may be an entry point. Others are the
// beginning of a namespace: b-shop-cart is no route of the namespace shop.
func (m *Map) withoutEntry(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(name) {
			return
		}
		for i := range len(name) {
			if name[i] == '-' && (m.entries == nil || m.entries[strings.ToLower(name[:i])]) && !yield(name[i+1:]) {
				return
			}
		}
	}
}

// entryPoints names the entry points that Traefik's pods are started with, in lower case; nil where that is not known of one of
// them: without any such argument they are in a file or in its environment.
func entryPoints(gates []gate) map[string]bool {
	var out map[string]bool
	for _, g := range gates {
		if g.proxy != "traefik" {
			continue
		}
		names := entryPointsOf(g.pod)
		if len(names) == 0 {
			return nil
		}
		if out == nil {
			out = map[string]bool{}
		}
		for _, name := range names {
			out[name] = true
		}
	}
	return out
}

// entryPointsOf reads --entryPoints.web.address=:8000.
func entryPointsOf(traefik *corev1.Pod) []string {
	var out []string
	for i := range traefik.Spec.Containers {
		for _, arg := range slices.Concat(traefik.Spec.Containers[i].Command, traefik.Spec.Containers[i].Args) {
			if option, ok := strings.CutPrefix(strings.ToLower(strings.TrimLeft(arg, "-")), "entrypoints."); ok {
				name, _, _ := strings.Cut(option, ".")
				name, _, _ = strings.Cut(name, "=")
				out = append(out, name)
			}
		}
	}
	return out
}

// routerName is the name that Traefik gives a rule of an Ingress, without the entry point.
func routerName(r Route) string {
	return dashes(r.Object.Namespace + "-" + r.Object.Name + "-" + r.Host + r.Path)
}

func dashes(name string) string {
	return strings.Join(strings.FieldsFunc(name, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsNumber(c)
	}), "-")
}

// withPort keeps the routes to that port of the Service, or all if none names it: a log may write
// a port's number where the route writes its name.
func withPort(rs []Route, port string) []Route {
	if kept := exactPort(rs, port); port != "" && len(kept) > 0 {
		return kept
	}
	return rs
}

func exactPort(rs []Route, port string) []Route {
	n, err := strconv.Atoi(port)
	var out []Route
	for _, r := range rs {
		for _, b := range r.Backends {
			if strings.EqualFold(b.PortName, port) || err == nil && b.PortNumber == int32(n) {
				out = append(out, r)
				break
			}
		}
	}
	return out
}
