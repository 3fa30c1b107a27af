package path

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

const gatewayGroup = "gateway.networking.k8s.io"

func (m *Map) httpRoutes() []Route {
	var out []Route
	for hr := range m.s.HTTPRoutes().All() {
		for _, p := range m.parents(hr) {
			for i, rule := range hr.Spec.Rules {
				out = append(out, m.httpRule(hr, p, i, rule)...)
			}
		}
	}
	return out
}

// httpRule makes a Route of each host and match of a rule.
func (m *Map) httpRule(hr *gatewayv1.HTTPRoute, p parent, i int, rule gatewayv1.HTTPRouteRule) []Route {
	base := Route{
		Object: snapshot.RefOf(hr), Rule: fmt.Sprintf("spec.rules[%d]", i),
		Class: p.class, Controller: p.controller, Proxy: p.proxy, Gateway: p.gateway, Listener: p.listener,
		Faults: slices.Clone(p.faults),
	}
	for _, f := range rule.Filters {
		if f.RequestRedirect != nil {
			base.Fixed = 302
			if f.RequestRedirect.StatusCode != nil {
				base.Fixed = *f.RequestRedirect.StatusCode
			}
		}
	}
	for j, ref := range rule.BackendRefs {
		b := httpBackend(hr, ref, fmt.Sprintf("%s.backendRefs[%d]", base.Rule, j))
		base.Backends = append(base.Backends, b)
		if f, ok := m.grant(hr, b); !ok {
			base.Faults = append(base.Faults, f)
		}
	}
	matches := rule.Matches
	if len(matches) == 0 {
		matches = []gatewayv1.HTTPRouteMatch{{}}
	}
	var out []Route
	for _, host := range p.hosts {
		for _, match := range matches {
			r := base
			r.Host = host
			setMatch(&r, match)
			out = append(out, r)
		}
	}
	return out
}

func setMatch(r *Route, match gatewayv1.HTTPRouteMatch) {
	r.Path, r.PathType = "/", Prefix
	if match.Path != nil {
		if match.Path.Value != nil {
			r.Path = *match.Path.Value
		}
		if match.Path.Type != nil {
			switch *match.Path.Type {
			case gatewayv1.PathMatchPathPrefix:
			case gatewayv1.PathMatchExact:
				r.PathType = Exact
			case gatewayv1.PathMatchRegularExpression:
				r.PathType = RegularExpression
			}
		}
	}
	if match.Method != nil {
		r.Method = string(*match.Method)
	}
	r.Pattern = gatewayPattern(r.PathType, r.Path)
	for _, h := range match.Headers {
		test := Equals
		if h.Type != nil && *h.Type == gatewayv1.HeaderMatchRegularExpression {
			test = Fits
		}
		r.Headers = append(r.Headers, NewCondition(strings.ToLower(string(h.Name)), test, h.Value))
	}
	for _, q := range match.QueryParams {
		test := Equals
		if q.Type != nil && *q.Type == gatewayv1.QueryParamMatchRegularExpression {
			test = Fits
		}
		r.Queries = append(r.Queries, NewCondition(string(q.Name), test, q.Value))
	}
}

// gatewayPattern is how the Gateway API compares a path: exact first, then the longest prefix. Where
// expressions stand is left to implementations: Contour (internal/sorter/sorter.go) and Envoy Gateway
// (internal/gatewayapi/sort.go) ask them before prefixes.
func gatewayPattern(kind Comparison, path string) proxy.Pattern {
	if kind == RegularExpression {
		return proxy.Pattern{How: proxy.Matches, Text: path, Rank: proxy.RegexFirst + len(path)}
	}
	return proxy.PlainPattern(proxy.PathRule{Path: path, Type: string(kind)}, proxy.Elements)
}

func httpBackend(hr *gatewayv1.HTTPRoute, ref gatewayv1.HTTPBackendRef, field string) Backend {
	b := Backend{
		Service:   model.Ref{APIVersion: "v1", Kind: "Service", Namespace: hr.Namespace, Name: string(ref.Name)},
		Field:     field,
		PortField: field + ".port",
		Weight:    1,
	}
	if ref.Kind != nil && *ref.Kind != "Service" {
		b.Service.Kind, b.Service.APIVersion = string(*ref.Kind), ""
	}
	if ref.Namespace != nil {
		b.Service.Namespace = string(*ref.Namespace)
	}
	if ref.Port != nil {
		b.PortNumber = *ref.Port
	}
	if ref.Weight != nil {
		b.Weight = *ref.Weight
	}
	return b
}

// grant reports whether a backend may be referred to: it is in the route's own namespace, or a
// ReferenceGrant beside it admits the route.
func (m *Map) grant(hr *gatewayv1.HTTPRoute, b Backend) (Fault, bool) {
	if b.Service.Namespace == hr.Namespace {
		return Fault{}, true
	}
	var near *gatewayv1.ReferenceGrant
	from := -1
	for g := range m.s.ReferenceGrants().In(b.Service.Namespace) {
		if !slices.ContainsFunc(g.Spec.To, func(to gatewayv1.ReferenceGrantTo) bool {
			return to.Group == "" && string(to.Kind) == b.Service.Kind && (to.Name == nil || string(*to.Name) == b.Service.Name)
		}) {
			continue
		}
		for i, f := range g.Spec.From {
			if f.Group != gatewayGroup || f.Kind != "HTTPRoute" {
				continue
			}
			if string(f.Namespace) == hr.Namespace {
				return Fault{}, true
			}
			near, from = g, i
		}
	}
	object := model.FieldRef{Ref: model.Ref{
		APIVersion: gatewayGroup + "/v1beta1", Kind: "ReferenceGrant", Namespace: b.Service.Namespace, Name: "(missing)",
	}}
	if !m.s.ReferenceGrants().Covers(b.Service.Namespace) {
		return Fault{Kind: CannotKnow, Object: object, Why: "the ReferenceGrants of namespace " + b.Service.Namespace + " could not be looked at"}, false
	}
	why := fmt.Sprintf("%s refers to %s, and no ReferenceGrant in namespace %s admits HTTPRoutes of namespace %s",
		snapshot.RefOf(hr), b.Service, b.Service.Namespace, hr.Namespace)
	if near == nil {
		object = model.FieldRef{Ref: snapshot.RefOf(hr), Field: b.Field + ".namespace"}
		return Fault{Kind: GrantMissing, Object: object, Why: why}, false
	}
	object = model.FieldRef{Ref: snapshot.RefOf(near), Field: fmt.Sprintf("spec.from[%d].namespace", from)}
	why += fmt.Sprintf("; ReferenceGrant %s admits those of %s", near.Name, near.Spec.From[from].Namespace)
	return Fault{Kind: GrantMissing, Object: object, Why: why, Wanted: quote(hr.Namespace)}, false
}

// condition finds a condition of a list; nil if it is not there.
func condition(cs []metav1.Condition, kind string) *metav1.Condition {
	for i := range cs {
		if cs[i].Type == kind {
			return &cs[i]
		}
	}
	return nil
}
