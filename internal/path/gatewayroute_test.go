package path

import (
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// httpRoute makes an HTTPRoute of shop.example at the Gateway of the tests; more is put into its metadata.
func httpRoute(name, more, rules string) string {
	return `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: ` + name + `, namespace: shop` + more + `}, spec: {
hostnames: [shop.example], parentRefs: [{name: public, namespace: edge}], rules: [` + rules + `]}}`
}

func to(service string) string { return `backendRefs: [{name: ` + service + `, port: 80}]` }

// TestPrecedence: the order that the Gateway API demands among matches, across routes and within one.
func TestPrecedence(t *testing.T) {
	old, young := `, creationTimestamp: "2026-01-01T00:00:00Z"`, `, creationTimestamp: "2026-02-01T00:00:00Z"`
	match := func(text, service string) string { return `{matches: [{` + text + `}], ` + to(service) + `}` }
	get := func(path string) model.Request { return model.Request{Host: "shop.example", Path: path} }
	with := func(req model.Request, header string) model.Request {
		req.Headers = map[string]string{}
		for h := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(h, "=")
			req.Headers[name] = value
		}
		return req
	}
	for _, tt := range []struct {
		name   string
		routes []string
		req    model.Request
		want   string
	}{
		{"exact before a longer prefix", []string{httpRoute("a", "", match(`path: {type: PathPrefix, value: /a/b}`, "prefix")+`, `+match(`path: {type: Exact, value: /a/b}`, "exact"))}, get("/a/b"), "exact"},
		{"the longest prefix, across routes", []string{httpRoute("a", old, match(`path: {value: /a}`, "short")), httpRoute("b", young, match(`path: {value: /a/b}`, "long"))}, get("/a/b/c"), "long"},
		{"a method before headers", []string{httpRoute("a", "", match(`path: {value: /a}, headers: [{name: x, value: "1"}, {name: z, value: "1"}]`, "headers")+`, `+match(`path: {value: /a}, method: GET`, "method"))}, with(get("/a"), "x=1,z=1"), "method"},
		{"more headers", []string{httpRoute("a", "", match(`headers: [{name: x, value: "1"}]`, "one")+`, `+match(`headers: [{name: x, value: "1"}, {name: z, value: "1"}]`, "two"))}, with(get("/a"), "X=1,Z=1"), "two"},
		{"headers before query parameters", []string{httpRoute("a", "", match(`queryParams: [{name: q, value: "1"}, {name: p, value: "1"}]`, "query")+`, `+match(`headers: [{name: x, value: "1"}]`, "header"))}, with(get("/a?q=1&p=1"), "x=1"), "header"},
		{"the older route", []string{httpRoute("a", young, match(`path: {value: /a}`, "young")), httpRoute("b", old, match(`path: {value: /a}`, "old"))}, get("/a"), "old"},
		{"of the same age, the first by name", []string{httpRoute("b", old, match(`path: {value: /a}`, "b")), httpRoute("a", old, match(`path: {value: /a}`, "a"))}, get("/a"), "a"},
		{"within a route, the first rule", []string{httpRoute("a", "", match(`path: {value: /a}`, "first")+`, `+match(`path: {value: /a}`, "second"))}, get("/a"), "first"},
		{"the eleventh rule is after the second", []string{httpRoute("a", "", strings.Repeat(match(`path: {value: /x}`, "x")+`, `, 2)+match(`path: {value: /a}`, "third")+`, `+strings.Repeat(match(`path: {value: /x}`, "x")+`, `, 8)+match(`path: {value: /a}`, "twelfth"))}, get("/a"), "third"},
		{"a header as an expression", []string{httpRoute("a", "", match(`headers: [{name: x, type: RegularExpression, value: "v[0-9]+"}]`, "regex")+`, {`+to("rest")+`}`)}, with(get("/a"), "x=v12"), "regex"},
		{"an expression takes the whole header", []string{httpRoute("a", "", match(`headers: [{name: x, type: RegularExpression, value: "v[0-9]+"}]`, "regex")+`, {`+to("rest")+`}`)}, with(get("/a"), "x=v12b"), "rest"},
		{"a query parameter as an expression", []string{httpRoute("a", "", match(`queryParams: [{name: q, type: RegularExpression, value: "a.*"}]`, "regex"))}, get("/?q=abc"), "regex"},
		{"a query parameter is decoded", []string{httpRoute("a", "", match(`queryParams: [{name: q, value: "a b"}]`, "query"))}, get("/?q=a%20b"), "query"},
		{"a path as a broken expression takes nothing", []string{httpRoute("a", "", match(`path: {type: RegularExpression, value: "/("}`, "broken")+`, {`+to("rest")+`}`)}, get("/("), "rest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(world(t, append([]string{gatewayClass, gateway}, tt.routes...)))
			r, ok := m.Match(tt.req)
			if !ok || r.Backends[0].Service.Name != tt.want {
				t.Errorf("%s goes to %+v, want %s", tt.req, r.Backends, tt.want)
			}
		})
	}
}

// TestListeners: which listener takes a route, for which host, port and scheme.
func TestListeners(t *testing.T) {
	gw := func(listeners string) string {
		return `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: edge}, spec: {gatewayClassName: envoy, listeners: [` + listeners + `]}}`
	}
	all := `allowedRoutes: {namespaces: {from: All}}`
	route := func(parent string) string {
		return `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: shop}, spec: {hostnames: [shop.example, "*.shop.example"], parentRefs: [` + parent + `], rules: [{` + to("web") + `}]}}`
	}
	public := `{name: public, namespace: edge}`
	for _, tt := range []struct {
		name, gateway, route string
		req                  model.Request
		takes                bool
		field                string // of the fault, if there is one
	}{
		{"any host", gw(`{name: http, port: 80, protocol: HTTP, ` + all + `}`), route(public), model.Request{Host: "shop.example"}, true, ""},
		{"the host of the listener", gw(`{name: http, port: 80, protocol: HTTP, hostname: "*.shop.example", ` + all + `}`), route(public), model.Request{Host: "a.shop.example"}, true, ""},
		{"a host that is not the listener's", gw(`{name: http, port: 80, protocol: HTTP, hostname: "*.shop.example", ` + all + `}`), route(public), model.Request{Host: "shop.example"}, false, ""},
		{"no host in common", gw(`{name: http, port: 80, protocol: HTTP, hostname: other.test, ` + all + `}`), route(public), model.Request{Host: "shop.example"}, true, "spec.hostnames"},
		{"another port", gw(`{name: http, port: 80, protocol: HTTP, ` + all + `}`), route(public), model.Request{Host: "shop.example", Port: 8080}, false, ""},
		{"https at a plain listener", gw(`{name: http, port: 80, protocol: HTTP, ` + all + `}`), route(public), model.Request{Host: "shop.example", Scheme: "https"}, false, ""},
		{"https beside http", gw(`{name: http, port: 80, protocol: HTTP, ` + all + `}, {name: tls, port: 443, protocol: HTTPS, ` + all + `}`), route(public), model.Request{Host: "shop.example", Scheme: "https"}, true, ""},
		{"https, but only http is asked for", gw(`{name: http, port: 80, protocol: HTTP, ` + all + `}, {name: tls, port: 443, protocol: HTTPS, ` + all + `}`), route(`{name: public, namespace: edge, sectionName: http}`), model.Request{Host: "shop.example", Scheme: "https"}, false, ""},
		{"both by name", gw(`{name: http, port: 80, protocol: HTTP, ` + all + `}, {name: tls, port: 443, protocol: HTTPS, ` + all + `}`), route(`{name: public, namespace: edge, sectionName: http}, {name: public, namespace: edge, sectionName: tls}`), model.Request{Host: "shop.example", Port: 443}, true, ""},
		{"no such name", gw(`{name: http, port: 80, protocol: HTTP, ` + all + `}`), route(`{name: public, namespace: edge, sectionName: web}`), model.Request{Host: "shop.example"}, true, "spec.parentRefs[0].sectionName"},
		{"no such port", gw(`{name: http, port: 80, protocol: HTTP, ` + all + `}`), route(`{name: public, namespace: edge, port: 81}`), model.Request{Host: "shop.example"}, true, "spec.parentRefs[0].port"},
		{"its own namespace only", gw(`{name: http, port: 80, protocol: HTTP}`), route(public), model.Request{Host: "shop.example"}, true, "spec.listeners[0].allowedRoutes.namespaces.from"},
		{"no namespace at all", gw(`{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: None}}}`), route(public), model.Request{Host: "shop.example"}, true, "spec.listeners[0].allowedRoutes.namespaces.from"},
		{"another kind", gw(`{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}, kinds: [{kind: GRPCRoute}]}}`), route(public), model.Request{Host: "shop.example"}, true, "spec.listeners[0].allowedRoutes.kinds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(world(t, []string{gatewayClass, tt.gateway, tt.route}))
			tt.req.Path = "/"
			r, ok := m.Match(tt.req)
			field := ""
			if len(r.Faults) > 0 {
				field = r.Faults[0].Object.Field
			}
			if ok != tt.takes || field != tt.field {
				t.Errorf("taken %v with fault at %q, want %v, %q\n%+v", ok, field, tt.takes, tt.field, r)
			}
		})
	}
}

// TestListenerDown: a listener that is not programmed takes nothing, while another one does.
func TestListenerDown(t *testing.T) {
	gw := `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: edge}, spec: {gatewayClassName: envoy, listeners: [{name: tls, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}, tls: {certificateRefs: [{name: gone}]}}]},
status: {listeners: [{name: tls, attachedRoutes: 1, supportedKinds: [], conditions: [{type: ResolvedRefs, status: "False", reason: InvalidCertificateRef, message: no Secret gone}]}]}}`
	m := New(world(t, []string{gatewayClass, gw, httpRoute("r", "", `{`+to("web")+`}`)}))
	r := m.Routes()[0]
	if len(r.Faults) != 1 || r.Faults[0].Kind != NotProgrammed || r.Faults[0].Object.Field != "spec.listeners[0].tls.certificateRefs" {
		t.Errorf("faults %+v, want the listener's certificateRefs", r.Faults)
	}
}

// TestBackendRefs: what cannot be used as a backend, and its share of the requests.
func TestBackendRefs(t *testing.T) {
	for _, tt := range []struct {
		name, refs     string
		field, predict string
	}{
		{"a Pod", `{kind: Pod, name: web, port: 80}`, "spec.rules[0].backendRefs[0].kind", "500"},
		{"a Service of another group", `{group: apps, kind: Service, name: web, port: 80}`, "spec.rules[0].backendRefs[0].group", "500"},
		{"no port", `{name: web}`, "spec.rules[0].backendRefs[0].port", "500"},
		{"another namespace", `{name: web, namespace: far, port: 80}`, "spec.rules[0].backendRefs[0].namespace", "500"},
		{"one of two", `{name: missing, port: 80, weight: 9}, {name: web, namespace: far, port: 80}`, "spec.rules[0].backendRefs[1].namespace", "500"},
		{"without a share", `{name: web, port: 80}, {kind: Pod, name: web, port: 80, weight: 0}`, "spec.rules[0].backendRefs[1].kind", "503"},
		{"all weights zero", `{name: web, port: 80, weight: 0}, {name: web, port: 80, weight: 0}`, "", "500"},
		{"a kind of the controller's own", `{group: gateway.envoyproxy.io, kind: Backend, name: web}`, "", "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := `{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {ports: [{port: 80}]}}`
			m := New(world(t, []string{gatewayClass, gateway, service, httpRoute("r", "", `{backendRefs: [`+tt.refs+`]}`)}))
			r := m.Routes()[0]
			field := ""
			if len(r.Faults) > 0 {
				field = r.Faults[0].Object.Field
			}
			if got := m.WalkRoute(r).Predicts; field != tt.field || got != tt.predict {
				t.Errorf("fault at %q, predicts %s; want %q, %s", field, got, tt.field, tt.predict)
			}
		})
	}
}

// TestFilters: filters and timeouts are settings with the place where they are written.
func TestFilters(t *testing.T) {
	m := New(world(t, []string{gatewayClass, gateway, httpRoute("r", "", `{timeouts: {request: 10s, backendRequest: 2s}, filters: [
{type: URLRewrite, urlRewrite: {hostname: inner.test, path: {type: ReplacePrefixMatch, replacePrefixMatch: /v2}}},
{type: RequestMirror, requestMirror: {backendRef: {name: copy, port: 80}}}], `+to("web")+`}`)}))
	r := m.Routes()[0]
	for _, want := range []proxy.Setting{
		{Knob: proxy.RequestTimeout, Value: "10s", Time: 10 * time.Second, Yes: true, At: model.FieldRef{Ref: r.Object, Field: "spec.rules[0].timeouts.request"}},
		{Knob: proxy.TryTimeout, Value: "2s", Time: 2 * time.Second, Yes: true, At: model.FieldRef{Ref: r.Object, Field: "spec.rules[0].timeouts.backendRequest"}},
		{Knob: proxy.UpstreamHost, Value: "inner.test", Yes: true, At: model.FieldRef{Ref: r.Object, Field: "spec.rules[0].filters[0].urlRewrite.hostname"}},
		{Knob: proxy.Rewrite, Value: "/v2", Yes: true, At: model.FieldRef{Ref: r.Object, Field: "spec.rules[0].filters[0].urlRewrite.path"}},
		{Knob: proxy.Mirror, Value: "shop/copy", Yes: true, At: model.FieldRef{Ref: r.Object, Field: "spec.rules[0].filters[1].requestMirror.backendRef"}},
	} {
		if got, _ := r.Settings.Get(want.Knob); got != want {
			t.Errorf("%s is %+v, want %+v", want.Knob, got, want)
		}
	}
}

func TestGRPCRoute(t *testing.T) {
	m := New(world(t, []string{gatewayClass, gateway, `{apiVersion: gateway.networking.k8s.io/v1, kind: GRPCRoute, metadata: {name: g, namespace: shop}, spec: {
hostnames: [shop.example], parentRefs: [{name: public, namespace: edge}], rules: [
{matches: [{method: {service: cart.Cart}}], ` + to("service") + `},
{matches: [{method: {service: cart.Cart, method: Add}}], ` + to("both") + `},
{matches: [{method: {method: List}}], ` + to("method") + `},
{matches: [{headers: [{name: x, value: "1"}]}], ` + to("header") + `}]}}`}))
	for _, tt := range []struct {
		path, header, want string
	}{
		{"/cart.Cart/Get", "", "service"},
		{"/cart.Cart/Add", "", "both"},
		{"/pay.Pay/List", "", "method"},
		{"/pay.Pay/Get", "1", "header"},
		{"/pay.Pay/Get", "", ""},
	} {
		got := ""
		r, ok := m.Match(model.Request{Host: "shop.example", Path: tt.path, Method: "POST", Headers: map[string]string{"x": tt.header}})
		if ok {
			got = r.Backends[0].Service.Name
		}
		if p, _ := r.Settings.Get(proxy.Protocol); got != tt.want || ok && p.Value != "GRPC" {
			t.Errorf("%s goes to %q by %q, want %q", tt.path, got, p.Value, tt.want)
		}
	}
}

// TestFilterAnswers: what a rule without a backend answers by a filter of its controller's own.
func TestFilterAnswers(t *testing.T) {
	for _, tt := range []struct{ name, filter, object, want string }{
		{"Envoy Gateway", `{group: gateway.envoyproxy.io, kind: HTTPRouteFilter, name: f}`, `{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: HTTPRouteFilter, metadata: {name: f, namespace: shop}, spec: {directResponse: {statusCode: 503}}}`, "503"},
		{"Envoy Gateway, by default", `{group: gateway.envoyproxy.io, kind: HTTPRouteFilter, name: f}`, `{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: HTTPRouteFilter, metadata: {name: f, namespace: shop}, spec: {directResponse: {}}}`, "200"},
		{"one that does something else", `{group: gateway.envoyproxy.io, kind: HTTPRouteFilter, name: f}`, `{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: HTTPRouteFilter, metadata: {name: f, namespace: shop}, spec: {urlRewrite: {}}}`, "unknown"},
		{"kgateway", `{group: gateway.kgateway.dev, kind: DirectResponse, name: f}`, `{apiVersion: gateway.kgateway.dev/v1alpha1, kind: DirectResponse, metadata: {name: f, namespace: shop}, spec: {status: 418}}`, "418"},
		{"one of another namespace", `{group: gateway.kgateway.dev, kind: DirectResponse, name: f}`, `{apiVersion: gateway.kgateway.dev/v1alpha1, kind: DirectResponse, metadata: {name: f, namespace: far}, spec: {status: 418}}`, "unknown"},
		{"of a kind that nobody knows", `{group: example.org, kind: Lambda, name: f}`, class, "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(world(t, []string{gatewayClass, gateway, tt.object, httpRoute("r", "", `{filters: [{type: ExtensionRef, extensionRef: `+tt.filter+`}]}`)}))
			if got := m.WalkRoute(m.Routes()[0]).Predicts; got != tt.want {
				t.Errorf("predicts %s, want %s", got, tt.want)
			}
		})
	}
}
