package path

import (
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// world makes a snapshot of YAML objects; kinds in unread could not be read.
func world(t *testing.T, objects []string, unread ...snapshot.Kind) *snapshot.Snapshot {
	t.Helper()
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	for _, k := range unread {
		b.Cover(k, snapshot.Denied, "", "forbidden")
	}
	for _, o := range objects {
		data, err := yaml.YAMLToJSON([]byte(o))
		if err != nil {
			t.Fatalf("%v in:\n%s", err, o)
		}
		decoded, err := snapshot.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(decoded); err != nil {
			t.Fatal(err)
		}
	}
	return b.Seal(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
}

const class = `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: k8s.io/ingress-nginx}}`

func ingress(name, rules string) string {
	return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: ` + name + `, namespace: shop}, spec: {ingressClassName: nginx, ` + rules + `}}`
}

// annotated puts an annotation on an object of [ingress].
func annotated(object, name, value string) string {
	return strings.Replace(object, "namespace: shop}", `namespace: shop, annotations: {"`+name+`": "`+value+`"}}`, 1)
}

// annotatedMore puts a further annotation on an object of [annotated].
func annotatedMore(object, name, value string) string {
	return strings.Replace(object, "annotations: {", `annotations: {"`+name+`": "`+value+`", `, 1)
}

func rule(host, kind, path, service string) string {
	return `{host: "` + host + `", http: {paths: [{path: "` + path + `", pathType: ` + kind + `, backend: {service: {name: ` + service + `, port: {number: 80}}}}]}}`
}

func TestMatch(t *testing.T) {
	m := New(world(t, []string{
		class,
		ingress("a", `rules: [`+rule("shop.example", "Prefix", "/cart", "cart")+`, `+
			rule("shop.example", "Prefix", "/cart/pay", "pay")+`, `+
			rule("shop.example", "Exact", "/cart/pay", "exact")+`, `+
			rule("shop.example", "ImplementationSpecific", "/img", "images")+`, `+
			rule("*.example", "Prefix", "/", "wild")+`]`),
		ingress("b", `defaultBackend: {service: {name: fallback, port: {number: 80}}}, rules: [`+rule("other.example", "Prefix", "/x", "other")+`]`),
		annotated(ingress("c", `rules: [`+rule("api.example", "ImplementationSpecific", "/v[0-9]+/api", "versions")+`]`), "nginx.ingress.kubernetes.io/use-regex", "true"),
	}))
	for _, tt := range []struct{ name, host, path, want string }{
		{"a prefix takes its own path", "shop.example", "/cart", "cart"},
		{"a prefix takes what is below", "shop.example", "/cart/items", "cart"},
		{"a prefix does not take a longer word", "shop.example", "/cartoon", ""},
		{"the longest prefix wins", "shop.example", "/cart/pay/now", "pay"},
		{"an exact path wins over a prefix", "shop.example", "/cart/pay", "exact"},
		{"an implementation's path is a plain prefix", "shop.example", "/imgs/1", "images"},
		{"an implementation's path may be an expression", "api.example", "/v12/api/x", "versions"},
		{"a wildcard takes one label", "a.example", "/", "wild"},
		{"a wildcard does not take two labels", "a.b.example", "/", "fallback"},
		{"a named host is not shared with the wildcard", "shop.example", "/nowhere", ""},
		{"hosts are compared without case", "SHOP.example", "/cart", "cart"},
		{"a default backend takes what its rules leave", "other.example", "/y", "fallback"},
		{"a default backend takes unknown hosts", "unknown.test", "/", "fallback"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if r, ok := m.Match(model.Request{Host: tt.host, Path: tt.path}); ok {
				got = r.Backends[0].Service.Name
			}
			if got != tt.want {
				t.Errorf("%s%s goes to %q, want %q", tt.host, tt.path, got, tt.want)
			}
		})
	}
}

const gateway = `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: public, namespace: edge}, spec: {gatewayClassName: envoy, listeners: [{name: http, port: 80, protocol: HTTP, hostname: "*.example", allowedRoutes: {namespaces: {from: All}}}]}}`

const gatewayClass = `{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: envoy}, spec: {controllerName: projectcontour.io/gateway-controller}}`

func TestMatchHTTPRoute(t *testing.T) {
	backend := func(name string) string { return `backendRefs: [{name: ` + name + `, port: 80}]` }
	m := New(world(t, []string{gatewayClass, gateway, `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: r, namespace: shop}, spec: {
hostnames: [shop.example, elsewhere.test], parentRefs: [{name: public, namespace: edge}], rules: [
{` + backend("prefix") + `, matches: [{path: {type: PathPrefix, value: /a}}]},
{` + backend("post") + `, matches: [{path: {type: PathPrefix, value: /a}, method: POST}]},
{` + backend("canary") + `, matches: [{path: {type: PathPrefix, value: /a}, headers: [{name: X-Canary, value: "1"}]}]},
{` + backend("query") + `, matches: [{path: {type: PathPrefix, value: /a}, queryParams: [{name: v, value: "2"}]}]},
{` + backend("regex") + `, matches: [{path: {type: RegularExpression, value: "/b/[0-9]+"}}]}]}}`}))
	for _, tt := range []struct {
		name string
		req  model.Request
		want string
	}{
		{"the path alone", model.Request{Host: "shop.example", Path: "/a/b"}, "prefix"},
		{"a method is more specific", model.Request{Host: "shop.example", Path: "/a", Method: "POST"}, "post"},
		{"a header is more specific", model.Request{Host: "shop.example", Path: "/a", Headers: map[string]string{"x-canary": "1"}}, "canary"},
		{"a query parameter is more specific", model.Request{Host: "shop.example", Path: "/a?v=2"}, "query"},
		{"an expression takes the whole path", model.Request{Host: "shop.example", Path: "/b/12"}, "regex"},
		{"an expression does not take a part", model.Request{Host: "shop.example", Path: "/b/12/x"}, ""},
		{"a host that the listener does not have", model.Request{Host: "elsewhere.test", Path: "/a"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if r, ok := m.Match(tt.req); ok {
				got = r.Backends[0].Service.Name
			}
			if got != tt.want {
				t.Errorf("%s goes to %q, want %q", tt.req, got, tt.want)
			}
		})
	}
}

func TestLocate(t *testing.T) {
	m := New(world(t, []string{
		class,
		ingress("web", `rules: [`+rule("shop.example", "Prefix", "/cart", "cart-api")+`, `+rule("shop.example", "Prefix", "/", "front")+`]`),
		`{apiVersion: v1, kind: Service, metadata: {name: cart-api, namespace: shop}, spec: {ports: [{name: http, port: 80}]}}`,
		`{apiVersion: v1, kind: Service, metadata: {name: front, namespace: shop}, spec: {ports: [{name: http, port: 80}]}}`,
	}))
	for _, tt := range []struct {
		name string
		sig  model.Signal
		want string
	}{
		{"host and path", model.Signal{Request: model.Request{Host: "shop.example", Path: "/cart/1"}}, "cart-api"},
		{"a joint name with the port's number", model.Signal{Service: "shop-cart-api-80", Request: model.Request{Path: "/cart/1"}}, "cart-api"},
		{"a joint name with the port's name", model.Signal{Service: "shop-cart-api-http", Request: model.Request{Path: "/cart/1"}}, "cart-api"},
		{"separate names", model.Signal{RouteNamespace: "shop", Service: "front", ServicePort: "80", Request: model.Request{Path: "/x"}}, "front"},
		{"Traefik's router", model.Signal{RouteName: "websecure-shop-web-shop-example-cart@kubernetes", Request: model.Request{Path: "/cart/1"}}, "cart-api"},
		{"an Ingress and a path", model.Signal{RouteNamespace: "shop", RouteName: "web", Request: model.Request{Path: "/other"}}, "front"},
		{"a path alone", model.Signal{Request: model.Request{Path: "/cart/1"}}, "cart-api"},
		{"a path alone, of which the proxy knows no host", model.Signal{Request: model.Request{Path: "/cart/1"}, Failure: model.NoRoute}, ""},
		{"nothing that fits", model.Signal{Service: "x-y-80", Request: model.Request{Path: "/cart"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if r, ok := m.Locate(tt.sig); ok {
				got = r.Backends[0].Service.Name
			}
			if got != tt.want {
				t.Errorf("located at %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWalk(t *testing.T) {
	service := `{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {selector: {app: cart}, ports: [{port: 80, targetPort: 8080}]}}`
	slice := `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4, metadata: {name: cart-1, namespace: shop, labels: {kubernetes.io/service-name: cart}}, ports: [{name: "", port: 8080}], endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}, targetRef: {kind: Pod, name: cart-1, namespace: shop}}]}`
	pod := `{apiVersion: v1, kind: Pod, metadata: {name: cart-1, namespace: shop, labels: {app: cart}}, spec: {containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]}, status: {phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: "True"}]}}`
	ing := ingress("web", `rules: [`+rule("shop.example", "Prefix", "/", "cart")+`]`)
	for _, tt := range []struct {
		name    string
		objects []string
		unread  []snapshot.Kind
		want    string
		healthy bool
	}{
		{"all is well", []string{class, ing, service, slice, pod}, nil, "200", true},
		{"no Service", []string{class, ing}, nil, "503", false},
		{"no endpoint", []string{class, ing, service}, nil, "503", false},
		{"a slice that names a pod that is gone", []string{class, ing, service, slice}, nil, "504", false},
		{"Services could not be read", []string{class, ing}, []snapshot.Kind{snapshot.Services}, UnknownOutcome, false},
		{"pods could not be read", []string{class, ing, service, slice}, []snapshot.Kind{snapshot.Pods}, UnknownOutcome, false},
		{"slices could not be read, pods tell", []string{class, ing, service, pod}, []snapshot.Kind{snapshot.EndpointSlices}, UnknownOutcome, false},
		{"policies could not be read", []string{class, ing, service, slice, pod}, []snapshot.Kind{snapshot.NetworkPolicies}, "200", false},
		{"no class", []string{ing, service, slice, pod}, nil, "404", false},
		{"no rule", []string{class}, nil, "404", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			trace := New(world(t, tt.objects, tt.unread...)).Walk(model.Request{Host: "shop.example", Path: "/x"})
			if trace.Predicts != tt.want || trace.Healthy() != tt.healthy {
				t.Errorf("predicts %s, healthy %v; want %s, %v\n%+v", trace.Predicts, trace.Healthy(), tt.want, tt.healthy, trace.Hops)
			}
		})
	}
}
