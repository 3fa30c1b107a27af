package path

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/envoy"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// contourController is what stands for Contour where a route names no class.
const contourController = "projectcontour.io/contour"

// httpProxyRoutes walks each root HTTPProxy and what it includes. One that no root includes has no host
// and takes no request.
func (m *Map) httpProxyRoutes() []Route {
	tree := proxyTree{m: m, byName: map[[2]string]*custom.HTTPProxy{}}
	for _, p := range m.custom.HTTPProxies {
		tree.byName[[2]string{p.Namespace, p.Name}] = p
	}
	contours := m.contours()
	for _, p := range m.custom.HTTPProxies {
		if p.Spec.VirtualHost == nil {
			continue
		}
		tree.root = Route{
			Host: strings.ToLower(p.Spec.VirtualHost.FQDN), Proxy: envoy.Name, Controller: contourController,
		}
		var field string
		tree.root.Class, field = proxyClass(p)
		tree.unclaimed = m.unclaimed(tree.root.Class, model.FieldRef{Ref: p.Ref(), Field: field}, contours)
		if class, ok := m.s.IngressClasses().Get("", tree.root.Class); ok == snapshot.Present {
			tree.root.Controller = class.Spec.Controller
		}
		tree.walk(p, nil, nil)
	}
	return tree.out
}

// proxyClass is the class that a root names, and the field that does: an annotation counts before the spec
// (projectcontour/contour, internal/ingressclass).
func proxyClass(p *custom.HTTPProxy) (class, field string) {
	for _, name := range []string{"projectcontour.io/ingress.class", classAnnotation} {
		if class := p.Annotations[name]; class != "" {
			return class, "metadata.annotations['" + name + "']"
		}
	}
	return p.Spec.IngressClassName, "spec.ingressClassName"
}

// proxyTree is a walk from a root through its includes.
type proxyTree struct {
	m         *Map
	byName    map[[2]string]*custom.HTTPProxy
	root      Route
	unclaimed []Fault // of the root, which no Contour takes
	out       []Route
}

func (t *proxyTree) walk(p *custom.HTTPProxy, above []custom.MatchCondition, visited []*custom.HTTPProxy) {
	if slices.Contains(visited, p) {
		return // a cycle; the status says so
	}
	visited = append(visited, p)
	for i := range p.Spec.Includes {
		in := &p.Spec.Includes[i]
		conditions := append(slices.Clip(above), in.Conditions...)
		namespace := or(in.Namespace, p.Namespace)
		included := t.byName[[2]string{namespace, in.Name}]
		if included == nil || included.Spec.VirtualHost != nil {
			t.notIncluded(p, i, namespace, conditions, included != nil)
			continue
		}
		t.walk(included, conditions, visited)
	}
	faults := slices.Concat(proxyRefused(p), t.unclaimed)
	for i := range p.Spec.Routes {
		r := t.route(p, fmt.Sprintf("spec.routes[%d]", i), i, append(slices.Clip(above), p.Spec.Routes[i].Conditions...))
		r.Faults = faults
		proxyRoute(&r, p, i)
		t.out = append(t.out, r)
	}
	if tcp := p.Spec.TCPProxy; tcp != nil && len(p.Spec.Routes) == 0 {
		r := t.route(p, "spec.tcpproxy", len(p.Spec.Routes), nil)
		r.Faults = faults
		r.Settings = proxy.Settings{{Knob: proxy.Passthrough, Yes: true, At: model.FieldRef{Ref: r.Object, Field: "spec.tcpproxy"}}}
		for j := range tcp.Services {
			r.Backends = append(r.Backends, proxyBackend(r.Object, &tcp.Services[j], fmt.Sprintf("spec.tcpproxy.services[%d]", j)))
		}
		t.out = append(t.out, r)
	}
}

// notIncluded is the answer 502 that Contour gives below an include that leads nowhere.
func (t *proxyTree) notIncluded(p *custom.HTTPProxy, i int, namespace string, conditions []custom.MatchCondition, isRoot bool) {
	field := fmt.Sprintf("spec.includes[%d]", i)
	r := t.route(p, field, i, conditions)
	r.Fixed = 502
	why := fmt.Sprintf("%s includes HTTPProxy %s/%s, which does not exist", r.Object, namespace, p.Spec.Includes[i].Name)
	if isRoot {
		why = fmt.Sprintf("%s includes HTTPProxy %s/%s, which is a root itself", r.Object, namespace, p.Spec.Includes[i].Name)
	}
	r.Faults = []Fault{{Kind: BackendInvalid, Object: model.FieldRef{Ref: r.Object, Field: field + ".name"}, Why: why}}
	t.out = append(t.out, r)
}

func (t *proxyTree) route(p *custom.HTTPProxy, rule string, seq int, conditions []custom.MatchCondition) Route {
	r := t.root
	r.Object, r.Rule, r.seq, r.Created = p.Ref(), rule, seq<<16, p.CreationTimestamp.Time
	r.Path, r.PathType, r.Pattern = mergedPath(conditions)
	for _, c := range conditions {
		if c.Header != nil {
			r.Headers = append(r.Headers, valueConditions(strings.ToLower(c.Header.Name), c.Header)...)
		}
		if c.QueryParameter != nil {
			r.Queries = append(r.Queries, valueConditions(c.QueryParameter.Name, c.QueryParameter)...)
		}
	}
	return r
}

// mergedPath puts the conditions of a chain of includes together (projectcontour/contour,
// internal/dag/conditions.go: mergePathMatchConditions). A prefix is one of the text, not of elements.
func mergedPath(conditions []custom.MatchCondition) (string, Comparison, proxy.Pattern) {
	isRegex := slices.ContainsFunc(conditions, func(c custom.MatchCondition) bool { return c.Regex != "" })
	path := ""
	kind := Prefix
	for _, c := range conditions {
		kind = Prefix
		switch {
		case c.Prefix != "" && isRegex:
			path += regexp.QuoteMeta(strings.TrimRight(c.Prefix, "/"))
		case c.Prefix != "":
			path += c.Prefix
		case c.Exact != "":
			path += c.Exact
			kind = Exact
		case c.Regex != "" && path != "":
			path += "(?:" + c.Regex + ")"
		case c.Regex != "":
			path = c.Regex
		}
	}
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	switch {
	case isRegex:
		return path, RegularExpression, gatewayPattern(RegularExpression, path)
	case kind == Exact:
		return path, Exact, gatewayPattern(Exact, path)
	default:
		path = cmp.Or(path, "/")
		return path, Prefix, proxy.Pattern{How: proxy.Leading, Text: path, Rank: 2 * len(path)}
	}
}

func valueConditions(name string, v *custom.ValueCondition) []Condition {
	var c Condition
	switch {
	case v.Exact != "":
		c = newCondition(name, Equals, v.Exact)
	case v.NotExact != "":
		c = newCondition(name, Equals, v.NotExact).negate()
	case v.Contains != "":
		c = newCondition(name, Contains, v.Contains)
	case v.NotContains != "":
		c = newCondition(name, Contains, v.NotContains).negate()
	case v.Prefix != "":
		c = newCondition(name, Begins, v.Prefix)
	case v.Suffix != "":
		c = newCondition(name, Ends, v.Suffix)
	case v.Regex != "":
		c = newCondition(name, Fits, v.Regex)
	case v.NotPresent:
		c = newCondition(name, IsThere, "").negate()
	case v.Present:
		c = newCondition(name, IsThere, "")
	default:
		return nil
	}
	c.Fold = v.IgnoreCase
	return []Condition{c}
}

// proxyRoute adds what a route does with a request.
func proxyRoute(r *Route, p *custom.HTTPProxy, i int) {
	spec := &p.Spec.Routes[i]
	set := func(field string, s proxy.Setting) {
		s.At = model.FieldRef{Ref: r.Object, Field: r.Rule + field}
		r.Settings = append(r.Settings, s)
	}
	timeout := func(knob proxy.Knob, field, value string) {
		if value != "" {
			s := envoy.Timeout(value)
			s.Knob = knob
			set(field, s)
		}
	}
	if t := spec.TimeoutPolicy; t != nil {
		timeout(proxy.RequestTimeout, ".timeoutPolicy.response", t.Response)
		timeout(proxy.IdleTimeout, ".timeoutPolicy.idle", t.Idle)
		timeout(proxy.KeepAlive, ".timeoutPolicy.idleConnection", t.IdleConnection)
	}
	if t := spec.RetryPolicy; t != nil {
		timeout(proxy.TryTimeout, ".retryPolicy.perTryTimeout", t.PerTryTimeout)
		set(".retryPolicy", proxy.Setting{Knob: proxy.Retries, Value: strings.Join(t.RetryOn, ","), Size: t.Count, Yes: t.Count > 0})
	}
	if b := spec.LoadBalancerPolicy; b != nil {
		set(".loadBalancerPolicy.strategy", proxy.Setting{Knob: proxy.Affinity, Value: b.Strategy, Yes: b.Strategy == "Cookie" || b.Strategy == "RequestHash"})
	}
	if h := spec.HealthCheckPolicy; h != nil {
		set(".healthCheckPolicy.path", proxy.Setting{Knob: proxy.HealthPath, Value: h.Path, Yes: true})
	}
	if w := spec.PathRewritePolicy; w != nil && len(w.ReplacePrefix) > 0 {
		set(".pathRewritePolicy.replacePrefix[0].replacement", proxy.Setting{Knob: proxy.Rewrite, Value: w.ReplacePrefix[0].Replacement, Yes: true})
	}
	if d := spec.RequestRedirectPolicy; d != nil {
		r.Fixed = cmp.Or(d.StatusCode, 302)
		set(".requestRedirectPolicy", proxy.Setting{Knob: proxy.Redirect, Value: d.Hostname + d.Path, Size: int64(r.Fixed), Yes: true})
	}
	if d := spec.DirectResponsePolicy; d != nil {
		r.Fixed = d.StatusCode
		set(".directResponsePolicy.statusCode", proxy.Setting{Knob: proxy.DirectAnswer, Size: int64(d.StatusCode), Yes: true})
	}
	weights := slices.ContainsFunc(spec.Services, func(s custom.HTTPProxyService) bool { return s.Weight > 0 })
	for j := range spec.Services {
		field := fmt.Sprintf("%s.services[%d]", r.Rule, j)
		if s := &spec.Services[j]; s.Mirror {
			set(fmt.Sprintf(".services[%d]", j), proxy.Setting{Knob: proxy.Mirror, Value: r.Object.Namespace + "/" + s.Name, Yes: true})
			continue
		}
		b := proxyBackend(r.Object, &spec.Services[j], field)
		if !weights { // no weight anywhere: equal shares
			b.Weight = 1
		}
		r.Backends = append(r.Backends, b)
	}
}

func proxyBackend(owner model.Ref, s *custom.HTTPProxyService, field string) Backend {
	b := Backend{
		Service: model.Ref{APIVersion: "v1", Kind: "Service", Namespace: owner.Namespace, Name: s.Name},
		Field:   field, PortField: field + ".port", PortNumber: s.Port, Weight: int32(min(s.Weight, 1<<30)), //nolint:gosec // bounded
	}
	if s.Protocol != "" {
		value := map[string]string{"tls": "HTTPS", "h2": "H2", "h2c": "H2C"}[s.Protocol]
		b.Settings = append(b.Settings, proxy.Setting{Knob: proxy.Protocol, Value: value, Yes: true, At: model.FieldRef{Ref: owner, Field: field + ".protocol"}})
	}
	if v := s.Validation; v != nil {
		b.Settings = append(b.Settings,
			proxy.Setting{Knob: proxy.BackendCA, Value: v.CACertificate, Yes: true, At: model.FieldRef{Ref: owner, Field: field + ".validation.caSecret"}},
			proxy.Setting{Knob: proxy.ServerName, Value: v.SubjectName, Yes: true, At: model.FieldRef{Ref: owner, Field: field + ".validation.subjectName"}})
	}
	return b
}

// proxyRefused takes Contour's word for what makes it leave an HTTPProxy's routes out. A Service or an
// include that is not there costs those requests only, and is seen by itself.
func proxyRefused(p *custom.HTTPProxy) []Fault {
	if p.Status.CurrentStatus != "invalid" {
		return nil
	}
	for _, c := range p.Status.Conditions {
		if Outdated(c.ObservedGeneration, p.Generation) {
			continue
		}
		for _, e := range c.Errors {
			if e.Reason == "ServiceUnresolvedReference" || e.Reason == "IncludeNotFound" || e.Reason == "RootIncludesRoot" {
				continue
			}
			return []Fault{{Kind: Refused, Object: model.FieldRef{Ref: p.Ref(), Field: proxyErrorAt(e.Type, e.Reason)},
				Why: fmt.Sprintf("Contour does not serve %s (%s): %s", p.Ref(), e.Reason, e.Message)}}
		}
	}
	return nil
}

// proxyErrorAt is the part of an HTTPProxy that an error of its status is about.
// Of its TLS it is the Secret that is not delegated, or no good (projectcontour/contour, internal/dag/httpproxy_processor.go).
func proxyErrorAt(kind, reason string) string {
	if kind == "TLSError" && (reason == "DelegationNotPermitted" || reason == "SecretNotValid") {
		return "spec.virtualhost.tls.secretName"
	}
	return map[string]string{
		"TLSError": "spec.virtualhost.tls", "VirtualHostError": "spec.virtualhost.fqdn", "AuthError": "spec.virtualhost.authorization",
		"IncludeError": "spec.includes", "RouteError": "spec.routes", "ServiceError": "spec.routes", "PrefixReplaceError": "spec.routes",
		"TCPProxyError": "spec.tcpproxy", "TCPProxyIncludeError": "spec.tcpproxy", "CORSError": "spec.virtualhost.corsPolicy",
	}[kind]
}
