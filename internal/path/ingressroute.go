package path

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/traefik"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// traefikController is what stands for Traefik where a route names no class.
const traefikController = "traefik.io/ingress-controller"

func (m *Map) ingressRouteRoutes() []Route {
	traefiks := m.traefiks()
	var out []Route
	for _, ir := range m.custom.IngressRoutes {
		unclaimed := m.unclaimed(ir.Annotations[classAnnotation], model.FieldRef{Ref: ir.Ref(), Field: "metadata.annotations['" + classAnnotation + "']"}, traefiks)
		for i := range ir.Spec.Routes {
			out = append(out, m.ingressRoute(ir, i, unclaimed)...)
		}
	}
	return out
}

// ingressRoute makes a Route of each alternative of a rule. A router that Traefik cannot build is left
// out, so that its requests find no route.
func (m *Map) ingressRoute(ir *custom.IngressRoute, i int, unclaimed []Fault) []Route {
	rule := &ir.Spec.Routes[i]
	base := Route{
		Object: ir.Ref(), Rule: fmt.Sprintf("spec.routes[%d]", i), Created: ir.CreationTimestamp.Time, seq: i << 16,
		Class: ir.Annotations[classAnnotation], Controller: traefikController, Proxy: traefik.Name, Path: "/", PathType: Prefix, match: rule.Match,
	}
	base.Faults = slices.Clip(unclaimed)
	at := func(field string) model.FieldRef { return model.FieldRef{Ref: base.Object, Field: base.Rule + field} }
	refuse := func(field, why string) {
		base.Faults = append(base.Faults, Fault{Kind: Refused, Object: at(field), Why: why})
	}
	for j, mw := range rule.Middlewares {
		ref := model.Ref{APIVersion: ir.APIVersion, Kind: "Middleware", Namespace: or(mw.Namespace, ir.Namespace), Name: mw.Name}
		field := fmt.Sprintf(".middlewares[%d]", j)
		base.Settings = append(base.Settings, proxy.Setting{Knob: proxy.Middleware, Value: ref.Namespace + "/" + ref.Name, Yes: true, At: at(field)})
		if _, p := m.s.Lookup(ref); p == snapshot.Absent {
			refuse(field+".name", fmt.Sprintf("%s does not exist, so Traefik does not serve the rule", ref))
		}
	}
	for j := range rule.Services {
		base.Backends = append(base.Backends, m.traefikBackends(ir.Namespace, &rule.Services[j], fmt.Sprintf("%s.services[%d]", base.Rule, j), model.FieldRef{}, 0)...)
	}
	ways, err := traefik.ParseRule(rule.Match)
	if err != nil {
		refuse(".match", "Traefik cannot read the "+err.Error())
		base.Pattern = proxy.Pattern{How: proxy.Equal}
		return []Route{base}
	}
	rank := rule.Priority
	if rank == 0 {
		rank = len(rule.Match)
	}
	var out []Route
	for j, way := range ways {
		r := base
		r.seq |= j
		r.Pattern = proxy.Pattern{How: proxy.Leading, Text: "/", Rank: rank}
		for _, matcher := range way {
			r.require(matcher)
		}
		r.Pattern.Rank = rank
		out = append(out, r)
	}
	return out
}

// require adds one matcher to a Route's conditions. The client's address is not known and is taken to
// fit.
func (r *Route) require(matcher traefik.Matcher) {
	v := matcher.Args[0]
	plain := !matcher.Not
	on := func(c Condition) {
		c.Not = matcher.Not
		r.Headers = append(r.Headers, c)
	}
	switch matcher.Name {
	case "Host":
		host := strings.ToLower(v)
		if plain && r.Host == "" && host != "*" {
			r.Host = host
			return
		}
		on(newCondition(":authority", Equals, host))
	case "HostRegexp":
		on(newCondition(":authority", Fits, within(v)))
	case "Path", "PathPrefix", "PathRegexp":
		r.requirePath(matcher)
	case "Method":
		if plain && r.Method == "" {
			r.Method = strings.ToUpper(v)
			return
		}
		on(newCondition(":method", Equals, strings.ToUpper(v)))
	case "Header":
		on(newCondition(strings.ToLower(v), Equals, matcher.Args[1]))
	case "HeaderRegexp":
		on(newCondition(strings.ToLower(v), Fits, within(matcher.Args[1])))
	case "Query", "QueryRegexp":
		c := newCondition(v, Equals, "")
		if len(matcher.Args) > 1 {
			c = newCondition(v, map[string]Test{"Query": Equals, "QueryRegexp": Fits}[matcher.Name], matcher.Args[1])
			if matcher.Name == "QueryRegexp" {
				c = newCondition(v, Fits, within(matcher.Args[1]))
			}
		}
		c.Not = matcher.Not
		r.Queries = append(r.Queries, c)
	}
}

func (r *Route) requirePath(matcher traefik.Matcher) {
	v := matcher.Args[0]
	// Version 2 wrote expressions in braces: /users/{id:[0-9]+}.
	if strings.Contains(v, "{") && matcher.Name != "PathRegexp" {
		end := map[string]string{"Path": "$", "PathPrefix": ""}[matcher.Name]
		matcher.Name, v = "PathRegexp", "^"+braces(v)+end
	}
	first := r.Pattern.Text == "/" && r.Pattern.How == proxy.Leading
	if !matcher.Not && first {
		r.Path, r.Pattern.Text = v, v
		switch matcher.Name {
		case "Path":
			r.PathType, r.Pattern.How = Exact, proxy.Equal
		case "PathRegexp":
			r.PathType, r.Pattern.How = RegularExpression, proxy.Within
		}
		return
	}
	c := newCondition(":path", map[string]Test{"Path": Equals, "PathPrefix": Begins}[matcher.Name], v)
	if matcher.Name == "PathRegexp" {
		c = newCondition(":path", Fits, within(v))
	}
	c.Not = matcher.Not
	r.Headers = append(r.Headers, c)
}

// within makes an expression that may match anywhere one that matches the whole value.
func within(expression string) string { return "(?s:.*)(?:" + expression + ")(?s:.*)" }

// braces turns version 2's path template into an expression.
func braces(v string) string {
	var out strings.Builder
	for v != "" {
		open := strings.IndexByte(v, '{')
		length := strings.IndexByte(v[max(open, 0):], '}')
		if open < 0 || length < 0 {
			out.WriteString(regexp.QuoteMeta(v))
			break
		}
		out.WriteString(regexp.QuoteMeta(v[:open]))
		_, expression, named := strings.Cut(v[open+1:open+length], ":")
		if !named {
			expression = "[^/]+"
		}
		out.WriteString("(?:" + expression + ")")
		v = v[open+length+1:]
	}
	return out.String()
}

// deepest is how far TraefikServices that lead to others are followed.
const deepest = 5

// traefikBackends resolves a reference to a Service, or to the Services behind a TraefikService. by is the field of a
// TraefikService that has the reference, zero for one of the route's own.
func (m *Map) traefikBackends(namespace string, ref *custom.TraefikBackend, field string, by model.FieldRef, depth int) []Backend {
	namespace = or(ref.Namespace, namespace)
	weight := int32(1)
	if ref.Weight != nil {
		weight = *ref.Weight
	}
	if ref.Kind != "TraefikService" {
		b := Backend{
			Service: model.Ref{APIVersion: "v1", Kind: "Service", Namespace: namespace, Name: ref.Name},
			Field:   field, PortField: field + ".port", By: by, Weight: weight,
		}
		if ref.Port.Type == intstr.String {
			b.PortName = ref.Port.StrVal
		} else {
			b.PortNumber = ref.Port.IntVal
		}
		b.Settings = traefikSettings(b, ref)
		return []Backend{b}
	}
	for _, ts := range m.custom.TraefikServices {
		if ts.Namespace != namespace || ts.Name != ref.Name || depth == deepest {
			continue
		}
		var out []Backend
		if ts.Spec.Weighted != nil {
			for i := range ts.Spec.Weighted.Services {
				by := model.FieldRef{Ref: ts.Ref(), Field: fmt.Sprintf("spec.weighted.services[%d]", i)}
				out = append(out, m.traefikBackends(ts.Namespace, &ts.Spec.Weighted.Services[i], field, by, depth+1)...)
			}
		}
		if ts.Spec.Mirroring != nil {
			by := model.FieldRef{Ref: ts.Ref(), Field: "spec.mirroring"}
			out = append(out, m.traefikBackends(ts.Namespace, &ts.Spec.Mirroring.TraefikBackend, field, by, depth+1)...)
		}
		return out
	}
	return []Backend{{Service: model.Ref{APIVersion: "traefik.io/v1alpha1", Kind: "TraefikService", Namespace: namespace, Name: ref.Name}, Field: field, Weight: weight}}
}

func traefikSettings(b Backend, ref *custom.TraefikBackend) proxy.Settings {
	var out proxy.Settings
	at := func(field string) model.FieldRef {
		if b.By.IsZero() {
			return model.FieldRef{Field: b.Field + field}
		}
		return model.FieldRef{Ref: b.By.Ref, Field: b.By.Field + field}
	}
	if ref.Scheme != "" {
		out = append(out, proxy.Setting{Knob: proxy.Protocol, Value: strings.ToUpper(ref.Scheme), Yes: true, At: at(".scheme")})
	}
	if ref.NativeLB != nil {
		out = append(out, proxy.Setting{Knob: proxy.ServiceAddress, Yes: *ref.NativeLB, At: at(".nativeLB")})
	}
	if ref.Sticky != nil && ref.Sticky.Cookie != nil {
		out = append(out, proxy.Setting{Knob: proxy.Affinity, Value: "cookie", Yes: true, At: at(".sticky.cookie")})
	}
	if ref.ServersTransport != "" {
		out = append(out, proxy.Setting{Knob: proxy.Extension, Value: "ServersTransport/" + ref.ServersTransport, Yes: true, At: at(".serversTransport")})
	}
	return out
}

// crdRouterName is the name that Traefik gives a rule of an IngressRoute, without the entry point
// (pkg/provider/kubernetes/crd/kubernetes_http.go, makeServiceKey).
func crdRouterName(r Route, match string) string {
	hash := sha256.Sum256([]byte(match))
	return dashes(fmt.Sprintf("%s-%s-%.10x", r.Object.Namespace, r.Object.Name, hash))
}

// withoutHash cuts the hash off the name that Traefik gives a rule of an IngressRoute.
func withoutHash(router string) (string, bool) {
	i := strings.LastIndexByte(router, '-')
	if i < 0 || len(router)-i-1 != 20 || strings.Trim(router[i+1:], "0123456789abcdef") != "" {
		return router, false
	}
	return router[:i], true
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
