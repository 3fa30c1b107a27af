package path

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/envoy"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// istioController is what stands for Istio where a route names no class.
const istioController = "istio.io/gateway-controller"

// lastRule is taken from the rank of the last rule of a VirtualService: where several are merged for a
// host, it is most often the one that takes all the rest, which Istio asks last.
const lastRule = 1 << 20

// virtualRoutes lists the rules of VirtualServices that are bound to a Gateway of Istio. Those for
// sidecars only are on no request's way in. Rules are asked in the order in which they are written, those
// of the older VirtualService first (istio/istio, pilot/pkg/networking/core/route: BuildHTTPRoutesForVirtualService).
func (m *Map) virtualRoutes() []Route {
	all := slices.Clone(m.custom.VirtualServices)
	slices.SortStableFunc(all, func(a, b *custom.VirtualService) int {
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	})
	var out []Route
	rank := 0
	for _, vs := range all {
		for _, p := range m.istioParents(vs) {
			for i := range vs.Spec.HTTP {
				for _, r := range m.virtualRule(vs, i) {
					r.Gateway, r.Faults = p.gateway, append(r.Faults, p.faults...)
					r.Pattern.Rank = -rank
					if i == len(vs.Spec.HTTP)-1 {
						r.Pattern.Rank -= lastRule
					}
					r.Faults = append(r.Faults, m.entryFaults(r)...)
					out = append(out, p.spread(r, []Route{r})...)
				}
				rank++
			}
		}
	}
	return out
}

// istioParents are the Gateways that a VirtualService is bound to, with the hosts that both have.
func (m *Map) istioParents(vs *custom.VirtualService) []parent {
	var out []parent
	for i, name := range vs.Spec.Gateways {
		if name == "mesh" {
			continue
		}
		namespace, short, two := strings.Cut(name, "/")
		if !two {
			namespace, short = vs.Namespace, name
		}
		p := parent{gateway: model.Ref{APIVersion: "networking.istio.io/v1", Kind: "Gateway", Namespace: namespace, Name: short}}
		at := model.FieldRef{Ref: vs.Ref(), Field: fmt.Sprintf("spec.gateways[%d]", i)}
		j := slices.IndexFunc(m.custom.Gateways, func(g *custom.IstioGateway) bool { return g.Namespace == namespace && g.Name == short })
		switch {
		case j >= 0:
			p.gateway = m.custom.Gateways[j].Ref()
			istioHosts(vs, m.custom.Gateways[j], &p)
			if f, ok := m.unbound(m.custom.Gateways[j]); ok {
				p.faults = append(p.faults, f)
			}
			if len(p.hosts) == 0 {
				p.faults = append(p.faults, Fault{Kind: ListenerUnattached, Object: model.FieldRef{Ref: vs.Ref(), Field: "spec.hosts"},
					Why: fmt.Sprintf("no server of %s is for %s", p.gateway, list(vs.Spec.Hosts))})
			}
		case len(m.custom.Gateways) > 0:
			p.faults = append(p.faults, Fault{Kind: GatewayMissing, Object: at, Why: p.gateway.String() + " does not exist"})
		default:
			p.faults = append(p.faults, Fault{Kind: GatewayUnknown, Object: at, Why: "it could not be looked at"})
		}
		if len(p.hosts) == 0 {
			for _, h := range vs.Spec.Hosts {
				p.hosts = append(p.hosts, site{host: istioHost(h)})
			}
		}
		out = append(out, p)
	}
	return out
}

// unbound is a fault where no pod carries the labels by which a Gateway picks the proxies to configure.
func (m *Map) unbound(gw *custom.IstioGateway) (Fault, bool) {
	if c, _ := m.s.Coverage(snapshot.Pods); !c.Whole() || len(gw.Spec.Selector) == 0 {
		return Fault{}, false
	}
	for p := range m.s.Pods().All() {
		if snapshot.Matches(gw.Spec.Selector, p.Labels) {
			return Fault{}, false
		}
	}
	return Fault{Kind: NotProgrammed, Object: model.FieldRef{Ref: gw.Ref(), Field: "spec.selector"},
		Why: fmt.Sprintf("no pod has the labels %s by which %s picks its proxies", selectorText(gw.Spec.Selector), gw.Ref())}, true
}

// istioHost is a host pattern in our form: none for any.
func istioHost(h string) string {
	if h == "*" {
		return ""
	}
	return strings.ToLower(h)
}

// istioHosts adds the hosts that a VirtualService gets at a Gateway's servers. A server's host may be
// held back for namespaces: "shop/*.example".
func istioHosts(vs *custom.VirtualService, gw *custom.IstioGateway, p *parent) {
	for i, server := range gw.Spec.Servers {
		l := Listener{Name: cmp.Or(server.Port.Name, strconv.Itoa(int(server.Port.Number))), Port: server.Port.Number, At: fmt.Sprintf("spec.servers[%d]", i)}
		switch strings.ToUpper(server.Port.Protocol) {
		case "HTTP", "HTTP2", "GRPC":
			l.Protocol = "HTTP"
		case "HTTPS", "TLS":
			l.Protocol = "HTTPS"
		default:
			continue
		}
		if server.TLS != nil && server.TLS.Mode == "PASSTHROUGH" {
			continue // spec.tls of a VirtualService decides, not spec.http
		}
		for _, h := range server.Hosts {
			host, held := heldBack(h, gw.Namespace, vs.Namespace)
			if held {
				continue
			}
			for _, own := range vs.Spec.Hosts {
				if both, ok := intersect(istioHost(host), istioHost(own)); ok {
					p.add(both, l)
				}
			}
		}
	}
}

// heldBack splits a server's host from the namespaces that may have it, and reports whether a VirtualService's
// is none of them.
func heldBack(h, gateway, virtualService string) (host string, held bool) {
	namespace, host, two := strings.Cut(h, "/")
	if !two {
		return h, false
	}
	return host, namespace != "*" && namespace != virtualService && (namespace != "." || gateway != virtualService)
}

// virtualRule makes a Route of each match of a rule; of a rule that delegates, of each match of each
// rule of the VirtualService to which it does.
func (m *Map) virtualRule(vs *custom.VirtualService, i int) []Route {
	rule := &vs.Spec.HTTP[i]
	if rule.Delegate == nil {
		return m.virtualMatches(vs, i)
	}
	namespace := or(rule.Delegate.Namespace, vs.Namespace)
	j := slices.IndexFunc(m.custom.VirtualServices, func(o *custom.VirtualService) bool { return o.Namespace == namespace && o.Name == rule.Delegate.Name })
	if j < 0 {
		return nil // Istio drops the rule
	}
	child := m.custom.VirtualServices[j]
	var out []Route
	for _, above := range m.virtualMatches(vs, i) {
		for k := range child.Spec.HTTP {
			if child.Spec.HTTP[k].Delegate != nil {
				continue // one level only
			}
			for _, r := range m.virtualMatches(child, k) {
				out = append(out, r.below(above))
			}
		}
	}
	return out
}

// below adds the conditions of a rule that delegates to r.
func (r Route) below(above Route) Route {
	if r.Path == "/" && r.PathType == Prefix {
		r.Path, r.PathType, r.Pattern = above.Path, above.PathType, above.Pattern
	} else if above.Pattern.How == proxy.Leading {
		r.Headers = append(r.Headers, newCondition(":path", Begins, above.Path))
	}
	r.Headers = append(slices.Clip(r.Headers), above.Headers...)
	r.Queries = append(slices.Clip(r.Queries), above.Queries...)
	r.Method = cmp.Or(r.Method, above.Method)
	return r
}

func (m *Map) virtualMatches(vs *custom.VirtualService, i int) []Route {
	rule := &vs.Spec.HTTP[i]
	base := Route{
		Object: vs.Ref(), Rule: fmt.Sprintf("spec.http[%d]", i), Created: vs.CreationTimestamp.Time, seq: i << 16,
		Controller: istioController, Proxy: envoy.Name, Path: "/", PathType: Prefix, Pattern: proxy.Pattern{How: proxy.Leading, Text: "/"},
	}
	virtualSettings(&base, rule)
	for j := range rule.Route {
		base.Backends = append(base.Backends, m.destination(vs, &rule.Route[j], fmt.Sprintf("%s.route[%d]", base.Rule, j), len(rule.Route) == 1))
	}
	if len(rule.Match) == 0 {
		return []Route{base}
	}
	var out []Route
	for j := range rule.Match {
		match := &rule.Match[j]
		if len(match.Gateways) > 0 && !slices.ContainsFunc(match.Gateways, func(g string) bool { return g != "mesh" }) || len(match.SourceLabels) > 0 {
			continue // for sidecars
		}
		r := base
		r.seq |= j
		r.virtualMatch(match)
		out = append(out, r)
	}
	return out
}

// virtualMatch adds the conditions of a match. A prefix of a URI is one of the text.
func (r *Route) virtualMatch(match *custom.VirtualMatch) {
	if u := match.URI; u != nil {
		switch {
		case u.Exact != "":
			r.Path, r.PathType, r.Pattern = u.Exact, Exact, proxy.Pattern{How: proxy.Equal, Text: u.Exact}
		case u.Prefix != "":
			r.Path, r.Pattern = u.Prefix, proxy.Pattern{How: proxy.Leading, Text: u.Prefix}
			if match.IgnoreURICase {
				r.Pattern.How = proxy.LeadingFold
			}
		case u.Regex != "":
			r.Path, r.PathType, r.Pattern = u.Regex, RegularExpression, proxy.Pattern{How: proxy.Matches, Text: u.Regex}
		}
	}
	on := func(name string, s *custom.StringMatch, not bool) {
		if s == nil {
			return
		}
		c := stringMatch(name, *s)
		c.Not = not
		r.Headers = append(r.Headers, c)
	}
	if match.Method != nil && match.Method.Exact != "" {
		r.Method = match.Method.Exact
	} else {
		on(":method", match.Method, false)
	}
	on(":authority", match.Authority, false)
	for _, name := range slices.Sorted(maps.Keys(match.Headers)) {
		v := match.Headers[name]
		on(strings.ToLower(name), &v, false)
	}
	for _, name := range slices.Sorted(maps.Keys(match.WithoutHeaders)) {
		v := match.WithoutHeaders[name]
		on(strings.ToLower(name), &v, true)
	}
	for _, name := range slices.Sorted(maps.Keys(match.QueryParams)) {
		r.Queries = append(r.Queries, stringMatch(name, match.QueryParams[name]))
	}
}

func stringMatch(name string, s custom.StringMatch) Condition {
	switch {
	case s.Exact != "":
		return newCondition(name, Equals, s.Exact)
	case s.Prefix != "":
		return newCondition(name, Begins, s.Prefix)
	case s.Regex != "":
		return newCondition(name, Fits, s.Regex)
	default:
		return newCondition(name, IsThere, "")
	}
}

// virtualSettings adds what a rule does with a request besides choosing its backend.
func virtualSettings(r *Route, rule *custom.VirtualHTTP) {
	set := func(field string, s proxy.Setting) {
		s.At = model.FieldRef{Ref: r.Object, Field: r.Rule + field}
		r.Settings = append(r.Settings, s)
	}
	timeout := func(knob proxy.Knob, field, value string) {
		if value == "" {
			return
		}
		t, err := time.ParseDuration(value)
		s := proxy.Setting{Knob: knob, Value: value, Time: t, Yes: t != 0}
		if err != nil {
			s.Wrong = fmt.Sprintf("%q is not a time", value)
		}
		set(field, s)
	}
	timeout(proxy.RequestTimeout, ".timeout", rule.Timeout)
	if t := rule.Retries; t != nil {
		timeout(proxy.TryTimeout, ".retries.perTryTimeout", t.PerTryTimeout)
		set(".retries", proxy.Setting{Knob: proxy.Retries, Value: t.RetryOn, Size: t.Attempts, Yes: t.Attempts > 0})
	}
	if w := rule.Rewrite; w != nil {
		if w.URI != "" {
			set(".rewrite.uri", proxy.Setting{Knob: proxy.Rewrite, Value: w.URI, Yes: true})
		}
		if w.Authority != "" {
			set(".rewrite.authority", proxy.Setting{Knob: proxy.UpstreamHost, Value: w.Authority, Yes: true})
		}
	}
	if d := rule.Redirect; d != nil {
		r.Fixed = int(cmp.Or(d.RedirectCode, 301))
		set(".redirect", proxy.Setting{Knob: proxy.Redirect, Value: d.Authority + d.URI, Size: int64(r.Fixed), Yes: true})
	}
	if d := rule.DirectResponse; d != nil {
		r.Fixed = int(d.Status)
		set(".directResponse.status", proxy.Setting{Knob: proxy.DirectAnswer, Size: d.Status, Yes: true})
	}
	if rule.Fault != nil {
		virtualFault(r, rule.Fault, set, timeout)
	}
}

// virtualFault: without a percentage nothing is done.
func virtualFault(r *Route, f *custom.Fault, set func(string, proxy.Setting), timeout func(proxy.Knob, string, string)) {
	if a := f.Abort; a != nil && a.Percentage != nil && a.Percentage.Value > 0 {
		set(".fault.abort", proxy.Setting{Knob: proxy.Abort, Size: a.HTTPStatus, Value: fmt.Sprint(a.Percentage.Value), Yes: true})
		if a.Percentage.Value >= 100 && a.HTTPStatus != 0 {
			r.Fixed = int(a.HTTPStatus)
		}
	}
	if d := f.Delay; d != nil && d.Percentage != nil && d.Percentage.Value > 0 {
		timeout(proxy.Delay, ".fault.delay", d.FixedDelay)
	}
}

// destination resolves a destination to a Service, a subset of it, or a host outside the cluster.
func (m *Map) destination(vs *custom.VirtualService, d *custom.RouteDestination, field string, only bool) Backend {
	b := Backend{
		Service: m.meshHost(vs.Namespace, d.Destination.Host),
		Field:   field + ".destination.host", PortField: field + ".destination.port.number", Weight: d.Weight,
	}
	if only {
		b.Weight = 1
	}
	if d.Destination.Port != nil {
		b.PortNumber = d.Destination.Port.Number
	}
	if d.Destination.Subset != "" {
		b.Subset = m.subset(b.Service, d.Destination.Subset, field+".destination.subset")
	}
	return b
}

// meshHost finds what a host of the mesh stands for. Short names are of the namespace of the object
// that uses them.
func (m *Map) meshHost(namespace, host string) model.Ref {
	service := model.Ref{APIVersion: "v1", Kind: "Service", Namespace: namespace, Name: host}
	name, rest, dotted := strings.Cut(host, ".")
	if !dotted {
		return service
	}
	ns, domain, _ := strings.Cut(rest, ".")
	if domain == "svc" || strings.HasPrefix(domain, "svc.") || domain == "" && m.isService(ns, name) {
		service.Namespace, service.Name = ns, name
		return service
	}
	for _, se := range m.custom.ServiceEntries {
		for _, h := range se.Spec.Hosts {
			if suffix, wild := strings.CutPrefix(h, "*"); h == host || wild && strings.HasSuffix(host, suffix) {
				return se.Ref()
			}
		}
	}
	return service
}

func (m *Map) isService(namespace, name string) bool {
	_, p := m.s.Services().Get(namespace, name)
	return p == snapshot.Present
}

// DestinationRules lists Istio's rules for a Service.
func (m *Map) DestinationRules(service model.Ref) []*custom.DestinationRule {
	return m.destinations[service]
}

// destinationRules finds for each Service the DestinationRules that are about it.
func (m *Map) destinationRules() map[model.Ref][]*custom.DestinationRule {
	out := map[model.Ref][]*custom.DestinationRule{}
	for _, dr := range m.custom.DestinationRules {
		ref := m.meshHost(dr.Namespace, dr.Spec.Host)
		out[ref] = append(out[ref], dr)
	}
	return out
}

// subset finds what a subset asks of pods. It is missing if rules are known and none defines it.
func (m *Map) subset(service model.Ref, name, field string) *Subset {
	out := &Subset{Name: name, Field: field}
	for _, dr := range m.DestinationRules(service) {
		for i, s := range dr.Spec.Subsets {
			if s.Name == name {
				out.LabelsAt = model.FieldRef{Ref: dr.Ref(), Field: fmt.Sprintf("spec.subsets[%d].labels", i)}
				out.Labels = s.Labels
				return out
			}
		}
	}
	out.Missing = len(m.custom.DestinationRules) > 0
	return out
}

// meshSettings are those of the DestinationRules for a backend: the port's, else the host's.
func (m *Map) meshSettings(b Backend, port int32) proxy.Settings {
	var out proxy.Settings
	for _, dr := range m.DestinationRules(b.Service) {
		policy := dr.Spec.TrafficPolicy
		if policy == nil {
			continue
		}
		if b := policy.LoadBalancer; b != nil && b.ConsistentHash != nil {
			h := b.ConsistentHash
			how := cmp.Or(h.HTTPHeaderName, h.HTTPQueryParameterName, map[bool]string{true: "cookie"}[h.HTTPCookie != nil], map[bool]string{true: "client address"}[h.UseSourceIP])
			out = append(out, proxy.Setting{Knob: proxy.Affinity, Value: how, Yes: true, At: model.FieldRef{Ref: dr.Ref(), Field: "spec.trafficPolicy.loadBalancer.consistentHash"}})
		}
		tls, field := policy.TLS, "spec.trafficPolicy.tls"
		for i, p := range policy.PortLevelSettings {
			if p.Port.Number == port && p.TLS != nil {
				tls, field = p.TLS, fmt.Sprintf("spec.trafficPolicy.portLevelSettings[%d].tls", i)
			}
		}
		if tls == nil || tls.Mode == "" {
			continue
		}
		at := model.FieldRef{Ref: dr.Ref(), Field: field + ".mode"}
		out = append(out, proxy.Setting{Knob: proxy.MeshTLS, Value: tls.Mode, Yes: tls.Mode != "DISABLE", At: at})
		if tls.Mode == "SIMPLE" || tls.Mode == "MUTUAL" {
			out = append(out, proxy.Setting{Knob: proxy.Protocol, Value: "HTTPS", Yes: true, At: at})
		}
		if tls.SNI != "" {
			at.Field = field + ".sni"
			out = append(out, proxy.Setting{Knob: proxy.ServerName, Value: tls.SNI, Yes: true, At: at})
		}
	}
	return out
}
