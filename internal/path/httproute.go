package path

import (
	"fmt"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

func (m *Map) httpRoutes() []Route {
	var out []Route
	for hr := range m.s.HTTPRoutes().All() {
		a := askingHTTP(hr)
		for _, p := range m.parents(a) {
			for i := range hr.Spec.Rules {
				out = append(out, m.httpRule(a, p, i, &hr.Spec.Rules[i])...)
			}
		}
	}
	return out
}

// httpRule makes a Route of each host and match of a rule.
func (m *Map) httpRule(a asking, p parent, i int, rule *gatewayv1.HTTPRouteRule) []Route {
	base := p.base(a, i)
	at := func(field string) model.FieldRef { return model.FieldRef{Ref: a.ref, Field: base.Rule + field} }
	if t := rule.Timeouts; t != nil {
		base.Settings = append(base.Settings, timing(proxy.RequestTimeout, t.Request, at(".timeouts.request"))...)
		base.Settings = append(base.Settings, timing(proxy.TryTimeout, t.BackendRequest, at(".timeouts.backendRequest"))...)
	}
	if s := rule.SessionPersistence; s != nil {
		how := "cookie" // the default
		if s.Type != nil {
			how = strings.ToLower(string(*s.Type))
		}
		base.Settings = append(base.Settings, proxy.Setting{Knob: proxy.Affinity, Value: how, Yes: true, At: at(".sessionPersistence")})
	}
	base.Settings = append(base.Settings, filters(a.ref, base.Rule+".filters", rule.Filters)...)
	if redirect, ok := base.Settings.Get(proxy.Redirect); ok {
		base.Fixed = int(redirect.Size)
	} else if len(rule.BackendRefs) == 0 {
		base.Fixed = m.filterAnswers(&base)
	}
	refs := make([]gatewayv1.BackendRef, len(rule.BackendRefs))
	for j := range rule.BackendRefs {
		refs[j] = rule.BackendRefs[j].BackendRef
	}
	m.backends(a, &base, refs)
	for j := range rule.BackendRefs {
		base.Backends[j].Settings = filters(a.ref, base.Backends[j].Field+".filters", rule.BackendRefs[j].Filters)
	}
	matches := rule.Matches
	if len(matches) == 0 {
		matches = []gatewayv1.HTTPRouteMatch{{}}
	}
	var each []Route
	for j := range matches {
		r := base
		setMatch(&r, &matches[j])
		each = append(each, r)
	}
	return p.spread(base, each)
}

func setMatch(r *Route, match *gatewayv1.HTTPRouteMatch) {
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
		r.Headers = append(r.Headers, newCondition(strings.ToLower(string(h.Name)), test, h.Value))
	}
	for _, q := range match.QueryParams {
		test := Equals
		if q.Type != nil && *q.Type == gatewayv1.QueryParamMatchRegularExpression {
			test = Fits
		}
		r.Queries = append(r.Queries, newCondition(string(q.Name), test, q.Value))
	}
}

// filters are what the filters of a rule or backend do to a request.
func filters(route model.Ref, field string, list []gatewayv1.HTTPRouteFilter) proxy.Settings {
	var out proxy.Settings
	for i := range list {
		f := &list[i]
		add := func(knob proxy.Knob, below, value string, size int64) {
			at := model.FieldRef{Ref: route, Field: fmt.Sprintf("%s[%d]%s", field, i, below)}
			out = append(out, proxy.Setting{Knob: knob, Value: value, Size: size, Yes: true, At: at})
		}
		if r := f.RequestRedirect; r != nil {
			add(proxy.Redirect, ".requestRedirect", redirectText(r), int64(valueOr(r.StatusCode, 302)))
		}
		if u := f.URLRewrite; u != nil {
			if u.Hostname != nil {
				add(proxy.UpstreamHost, ".urlRewrite.hostname", string(*u.Hostname), 0)
			}
			if u.Path != nil {
				add(proxy.Rewrite, ".urlRewrite.path", pathModifier(u.Path), 0)
			}
		}
		if mirror := f.RequestMirror; mirror != nil {
			namespace := valueOr(mirror.BackendRef.Namespace, gatewayv1.Namespace(route.Namespace))
			add(proxy.Mirror, ".requestMirror.backendRef", string(namespace)+"/"+string(mirror.BackendRef.Name), 0)
		}
		if h := f.RequestHeaderModifier; h != nil {
			add(proxy.SetHeader, ".requestHeaderModifier", headerNames(h), 0)
		}
		if e := f.ExtensionRef; e != nil {
			add(proxy.Extension, ".extensionRef", string(e.Kind)+"/"+string(e.Name), 0)
		}
	}
	return out
}

// filterAnswers is the status with which a filter of a rule answers in the place of a backend; 0 where none is known to.
func (m *Map) filterAnswers(r *Route) int {
	for _, s := range r.Settings {
		if s.Knob != proxy.Extension {
			continue
		}
		for _, f := range m.custom.AnswerFilters {
			if f.Namespace == r.Object.Namespace && f.Kind+"/"+f.Name == s.Value && f.Answers() != 0 {
				return f.Answers()
			}
		}
	}
	return 0
}

func valueOr[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

func redirectText(r *gatewayv1.HTTPRequestRedirectFilter) string {
	var out string
	if r.Scheme != nil {
		out = *r.Scheme + "://"
	}
	if r.Hostname != nil {
		out += string(*r.Hostname)
	}
	if r.Port != nil {
		out += fmt.Sprintf(":%d", *r.Port)
	}
	if r.Path != nil {
		out += pathModifier(r.Path)
	}
	return out
}

func pathModifier(p *gatewayv1.HTTPPathModifier) string {
	switch {
	case p.ReplaceFullPath != nil:
		return *p.ReplaceFullPath
	case p.ReplacePrefixMatch != nil:
		return *p.ReplacePrefixMatch
	default:
		return ""
	}
}

func headerNames(h *gatewayv1.HTTPHeaderFilter) string {
	var names []string
	for _, v := range h.Set {
		names = append(names, string(v.Name))
	}
	for _, v := range h.Add {
		names = append(names, string(v.Name))
	}
	return strings.Join(append(names, h.Remove...), ", ")
}
