package path

import (
	"regexp"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

func (m *Map) grpcRoutes() []Route {
	var out []Route
	for gr := range m.s.GRPCRoutes().All() {
		a := askingGRPC(gr)
		for _, p := range m.parents(a) {
			for i := range gr.Spec.Rules {
				out = append(out, m.grpcRule(a, p, i, &gr.Spec.Rules[i])...)
			}
		}
	}
	return out
}

// grpcRule makes a Route of each host and match of a rule. To a gateway gRPC is a POST with the service
// and method as path; towards the backend it must speak HTTP/2.
func (m *Map) grpcRule(a asking, p parent, i int, rule *gatewayv1.GRPCRouteRule) []Route {
	base := p.base(a, i)
	base.Settings = append(grpcFilters(a.ref, base.Rule+".filters", rule.Filters),
		proxy.Setting{Knob: proxy.Protocol, Value: "GRPC", Yes: true, At: model.FieldRef{Ref: a.ref, Field: base.Rule}})
	if len(rule.BackendRefs) == 0 {
		base.Fixed = m.filterAnswers(&base)
	}
	refs := make([]gatewayv1.BackendRef, len(rule.BackendRefs))
	for j := range rule.BackendRefs {
		refs[j] = rule.BackendRefs[j].BackendRef
	}
	m.backends(a, &base, refs)
	matches := rule.Matches
	if len(matches) == 0 {
		matches = []gatewayv1.GRPCRouteMatch{{}}
	}
	var each []Route
	for _, match := range matches {
		r := base
		r.Path, r.PathType = grpcPath(match.Method)
		r.Pattern = gatewayPattern(r.PathType, r.Path)
		for _, h := range match.Headers {
			test := Equals
			if h.Type != nil && *h.Type == gatewayv1.GRPCHeaderMatchRegularExpression {
				test = Fits
			}
			r.Headers = append(r.Headers, newCondition(strings.ToLower(string(h.Name)), test, h.Value))
		}
		each = append(each, r)
	}
	return p.spread(base, each)
}

// grpcPath is the path of a service and method: exact where both are named.
func grpcPath(match *gatewayv1.GRPCMethodMatch) (string, Comparison) {
	var service, method string
	if match != nil && match.Service != nil {
		service = *match.Service
	}
	if match != nil && match.Method != nil {
		method = *match.Method
	}
	switch {
	case service == "" && method == "":
		return "/", Prefix
	case match.Type != nil && *match.Type == gatewayv1.GRPCMethodMatchRegularExpression:
		return "/" + anyIfEmpty(service) + "/" + anyIfEmpty(method), RegularExpression
	case method == "":
		return "/" + service, Prefix
	case service == "":
		return "/[^/]+/" + regexp.QuoteMeta(method), RegularExpression
	default:
		return "/" + service + "/" + method, Exact
	}
}

func anyIfEmpty(expression string) string {
	if expression == "" {
		return "[^/]+"
	}
	return expression
}

func grpcFilters(route model.Ref, field string, list []gatewayv1.GRPCRouteFilter) proxy.Settings {
	same := make([]gatewayv1.HTTPRouteFilter, len(list))
	for i, f := range list {
		same[i] = gatewayv1.HTTPRouteFilter{RequestHeaderModifier: f.RequestHeaderModifier, RequestMirror: f.RequestMirror, ExtensionRef: f.ExtensionRef}
	}
	return filters(route, field, same)
}
