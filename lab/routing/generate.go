package routing

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Namespace is where routes and backends are.
const Namespace = "routing"

// Backends are the Services to which routes lead.
func Backends() []string { return []string{"ash", "birch", "cedar", "elm", "fir"} }

// Label marks what a set consists of, so that it can be removed.
const Label = "lab.gatemend.dev/routing"

// Request is one request of a set.
type Request struct {
	Method, Host, Path string // the path with its query
	Headers            map[string]string
}

// String reads "GET a.test/x?q=1 map[x:1]".
func (r Request) String() string {
	return fmt.Sprintf("%s %s%s %v", r.Method, r.Host, r.Path, r.Headers)
}

// Kind is what a set consists of.
type Kind struct {
	Class string // of Ingresses; empty: HTTPRoutes
	// Regex is set where paths may be expressions: Contour's that look like one, ingress-nginx's of a
	// host that asks for them.
	Regex bool
	// Shared is set where two Ingresses may have the same host and path, because it is known which wins.
	Shared bool
}

// Generator makes sets. Its zero value is not useful.
type Generator struct {
	kind Kind
	rand *rand.Rand
	seen map[string]bool // host, type and path of this set
}

// New makes a generator for a kind of set.
func New(k Kind, seed, round uint64) *Generator {
	return &Generator{kind: k, rand: rand.New(rand.NewPCG(seed, round)), seen: map[string]bool{}} //nolint:gosec // to be repeated, not to be secret
}

// Objects makes the routes of a set.
func (g *Generator) Objects() []runtime.Object {
	var out []runtime.Object
	for i := range 5 + g.rand.IntN(5) {
		name := fmt.Sprintf("r%d", i)
		if g.kind.Class != "" {
			out = append(out, g.ingress(name))
		} else {
			out = append(out, g.httpRoute(name))
		}
	}
	return out
}

// Marker is a route for a host of its own, by which one sees that the proxy has the set.
func (g *Generator) Marker(host string) runtime.Object {
	exact := networkingv1.PathTypePrefix
	if g.kind.Class != "" {
		return g.wrap("z-marker", nil, []networkingv1.IngressRule{{Host: host, IngressRuleValue: paths(path("/", exact, "ash"))}})
	}
	return g.route("z-marker", []gatewayv1.Hostname{gatewayv1.Hostname(host)}, []gatewayv1.HTTPRouteRule{{BackendRefs: backend("ash")}})
}

func pick[T any](g *Generator, from ...T) T { return from[g.rand.IntN(len(from))] }

func (g *Generator) host() string {
	return pick(g, "a.test", "a.test", "b.test", "b.test", "*.test", "x.a.test", "*.a.test", "re.test")
}

func (g *Generator) path() string {
	return pick(g, "/", "/", "/a", "/a", "/a/", "/a/b", "/a/b", "/a/b/c", "/ab", "/b", "/b/c", "/img/v1", "/A")
}

func (g *Generator) ingress(name string) runtime.Object {
	var rules []networkingv1.IngressRule
	var annotations map[string]string
	for range 1 + g.rand.IntN(3) {
		host := g.host()
		if host == "re.test" && g.kind.Regex && g.kind.Class == "nginx" {
			annotations = map[string]string{"nginx.ingress.kubernetes.io/use-regex": "true"}
		}
		var all []networkingv1.HTTPIngressPath
		for range 1 + g.rand.IntN(4) {
			kind, p := g.ingressPath(host)
			key := fmt.Sprint(host, kind, "/"+strings.Trim(p, "/")) // a prefix is the same with and without its last slash
			if !g.kind.Shared && g.seen[key] {
				continue
			}
			g.seen[key] = true
			all = append(all, path(p, kind, pick(g, Backends()...)))
		}
		if len(all) > 0 {
			rules = append(rules, networkingv1.IngressRule{Host: host, IngressRuleValue: paths(all...)})
		}
	}
	if len(rules) == 0 {
		rules = []networkingv1.IngressRule{{Host: name + ".test", IngressRuleValue: paths(path("/", networkingv1.PathTypePrefix, "ash"))}}
	}
	return g.wrap(name, annotations, rules)
}

func (g *Generator) ingressPath(host string) (networkingv1.PathType, string) {
	kind := pick(g, networkingv1.PathTypePrefix, networkingv1.PathTypePrefix, networkingv1.PathTypeExact, networkingv1.PathTypeImplementationSpecific)
	p := g.path()
	if g.kind.Class == "nginx" && p == "/a/" {
		p = "/a" // nginx sends /a to /a/ by a redirect, which is not what is compared here
	}
	if kind == networkingv1.PathTypeImplementationSpecific {
		p = pick(g, "/a", "/ab", "/b/c", "/img", "/A")
		if g.kind.Regex && (g.kind.Class != "nginx" || host == "re.test") && g.rand.IntN(2) == 0 {
			p = pick(g, "/v[0-9]+", "/x.*", "/a/[a-z]/c", "/[a-c]/b")
		}
	}
	return kind, p
}

func (g *Generator) wrap(name string, annotations map[string]string, rules []networkingv1.IngressRule) runtime.Object {
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: g.kind.Class + "-" + name, Labels: map[string]string{Label: "yes"}, Annotations: annotations},
		Spec:       networkingv1.IngressSpec{IngressClassName: &g.kind.Class, Rules: rules},
	}
}

func paths(all ...networkingv1.HTTPIngressPath) networkingv1.IngressRuleValue {
	return networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: all}}
}

func path(p string, kind networkingv1.PathType, service string) networkingv1.HTTPIngressPath {
	return networkingv1.HTTPIngressPath{Path: p, PathType: &kind, Backend: networkingv1.IngressBackend{
		Service: &networkingv1.IngressServiceBackend{Name: service, Port: networkingv1.ServiceBackendPort{Number: 80}},
	}}
}

func (g *Generator) httpRoute(name string) runtime.Object {
	var hosts []gatewayv1.Hostname
	for range g.rand.IntN(3) {
		hosts = append(hosts, gatewayv1.Hostname(g.host()))
	}
	var rules []gatewayv1.HTTPRouteRule
	for range 1 + g.rand.IntN(3) {
		rule := gatewayv1.HTTPRouteRule{BackendRefs: backend(pick(g, Backends()...))}
		for range 1 + g.rand.IntN(2) {
			rule.Matches = append(rule.Matches, g.match())
		}
		rules = append(rules, rule)
	}
	return g.route(name, hosts, rules)
}

func (g *Generator) match() gatewayv1.HTTPRouteMatch {
	kind, p := pick(g, gatewayv1.PathMatchPathPrefix, gatewayv1.PathMatchPathPrefix, gatewayv1.PathMatchExact), g.path()
	if g.kind.Regex && g.rand.IntN(6) == 0 {
		kind, p = gatewayv1.PathMatchRegularExpression, pick(g, "/v[0-9]+", "/x.*", "/a/[a-z]/c")
	}
	m := gatewayv1.HTTPRouteMatch{Path: &gatewayv1.HTTPPathMatch{Type: &kind, Value: &p}}
	if g.rand.IntN(4) == 0 {
		method := pick(g, gatewayv1.HTTPMethodGet, gatewayv1.HTTPMethodPost)
		m.Method = &method
	}
	for _, name := range []string{"x-one", "x-two"} {
		if g.rand.IntN(5) == 0 {
			h := gatewayv1.HTTPHeaderMatch{Name: gatewayv1.HTTPHeaderName(name), Value: pick(g, "1", "2")}
			if g.kind.Regex && g.rand.IntN(3) == 0 {
				regex := gatewayv1.HeaderMatchRegularExpression
				h.Type, h.Value = &regex, "[0-9]"
			}
			m.Headers = append(m.Headers, h)
		}
	}
	if g.rand.IntN(6) == 0 {
		m.QueryParams = append(m.QueryParams, gatewayv1.HTTPQueryParamMatch{Name: "q", Value: pick(g, "1", "2")})
	}
	return m
}

func (g *Generator) route(name string, hosts []gatewayv1.Hostname, rules []gatewayv1.HTTPRouteRule) runtime.Object {
	namespace := gatewayv1.Namespace("projectcontour")
	return &gatewayv1.HTTPRoute{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: name, Labels: map[string]string{Label: "yes"}},
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: []gatewayv1.ParentReference{{Namespace: &namespace, Name: "shop"}}},
			Hostnames:       hosts, Rules: rules,
		},
	}
}

func backend(service string) []gatewayv1.HTTPBackendRef {
	port := gatewayv1.PortNumber(80)
	return []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{BackendObjectReference: gatewayv1.BackendObjectReference{
		Name: gatewayv1.ObjectName(service), Port: &port,
	}}}}
}

// Requests makes n requests for sets of this kind.
func (g *Generator) Requests(n int) []Request {
	out := make([]Request, n)
	for i := range out {
		r := Request{Method: http.MethodGet, Headers: map[string]string{}}
		r.Host = pick(g, "a.test", "a.test", "b.test", "b.test", "c.test", "x.a.test", "y.a.test", "z.y.a.test", "re.test", "re.test", "other.example")
		r.Path = pick(g, "/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/b/c/d", "/ab", "/abc", "/A", "/A/b", "/b", "/b/c", "/b/c/d",
			"/img/v1", "/img/v1/x", "/imgs", "/v1", "/v12", "/v1/x", "/xyz", "/x/y", "/zzz", "/c/b")
		if g.kind.Class == "" {
			if g.rand.IntN(3) == 0 {
				r.Method = http.MethodPost
			}
			for _, name := range []string{"x-one", "x-two"} {
				if g.rand.IntN(2) == 0 {
					r.Headers[name] = pick(g, "1", "2")
				}
			}
			if g.rand.IntN(3) == 0 {
				r.Path += pick(g, "?q=1", "?q=2", "?p=1&q=1")
			}
		}
		out[i] = r
	}
	return out
}
