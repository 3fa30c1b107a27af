package path

import (
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// goes says to which backend a request goes: its Service, with a subset after a colon.
func goes(m *Map, req model.Request) string {
	r, ok := m.Match(req)
	if !ok {
		return ""
	}
	if len(r.Backends) == 0 {
		return "none"
	}
	b := r.Backends[0]
	if b.Subset != nil {
		return b.Service.Name + ":" + b.Subset.Name
	}
	return b.Service.Name
}

// lead checks where requests for each of some targets go.
func lead(t *testing.T, m *Map, want map[string]string) {
	t.Helper()
	for target, to := range want {
		if got := goes(m, at(target)); got != to {
			t.Errorf("%s goes to %q, want %q", target, got, to)
		}
	}
}

func at(target string) model.Request {
	host, path, _ := strings.Cut(target, "/")
	return model.Request{Host: host, Path: "/" + path}
}

func TestHTTPProxy(t *testing.T) {
	root := `{apiVersion: projectcontour.io/v1, kind: HTTPProxy, metadata: {name: root, namespace: shop}, spec: {virtualhost: {fqdn: shop.example},
includes: [{name: cart, namespace: carts, conditions: [{prefix: /cart}]}, {name: gone, conditions: [{prefix: /gone}]}],
routes: [{services: [{name: front, port: 80}], timeoutPolicy: {response: infinity, idle: 5s}}, {conditions: [{prefix: /front, header: {name: X-Beta, present: true}}], services: [{name: beta, port: 80}, {name: copy, port: 80, mirror: true}]}]}}`
	child := `{apiVersion: projectcontour.io/v1, kind: HTTPProxy, metadata: {name: cart, namespace: carts}, spec: {routes: [
{conditions: [{prefix: /v2}], services: [{name: new, port: 80, weight: 0, protocol: h2c}, {name: old, port: 80, weight: 100}]},
{conditions: [{regex: "/[0-9]+"}], services: [{name: number, port: 80}]}, {services: [{name: rest, port: 80}]}]}}`
	orphan := `{apiVersion: projectcontour.io/v1, kind: HTTPProxy, metadata: {name: orphan, namespace: shop}, spec: {routes: [{services: [{name: nobody, port: 80}]}]}, status: {currentStatus: orphaned}}`
	m := New(world(t, []string{root, child, orphan}))
	lead(t, m, map[string]string{
		"shop.example/":            "front",
		"shop.example/cart":        "rest",
		"shop.example/cart/v2":     "new",
		"shop.example/cart/v22":    "new",
		"shop.example/cart/12":     "number",
		"shop.example/cart/12/x":   "rest",
		"shop.example/gone/x":      "none",
		"other.example/":           "",
		"shop.example/frontoffice": "front",
	})
	req := at("shop.example/front")
	req.Headers = map[string]string{"x-beta": "1"}
	r, _ := m.Match(req)
	if len(r.Backends) != 1 || r.Backends[0].Service.Name != "beta" {
		t.Errorf("with the header to %+v, want beta alone: the other one is a mirror", r.Backends)
	}
	r, _ = m.Match(at("shop.example/gone/x"))
	if trace := m.WalkRoute(r); trace.Predicts != "502" || r.Faults[0].Object.Field != "spec.includes[1].name" {
		t.Errorf("an include that leads nowhere predicts %s at %s", trace.Predicts, r.Faults[0].Object.Field)
	}
	r, _ = m.Match(at("shop.example/cart/v2"))
	if len(m.Legs(r)) != 1 || m.Legs(r)[0].Backend.Service.Name != "old" {
		t.Errorf("legs %+v, want old alone", m.Legs(r))
	}
	r, _ = m.Match(at("shop.example/"))
	timeout, _ := r.Settings.Get(proxy.RequestTimeout)
	idle, _ := r.Settings.Get(proxy.IdleTimeout)
	if timeout.Yes || timeout.At.Field != "spec.routes[0].timeoutPolicy.response" || idle.Time != 5*time.Second {
		t.Errorf("timeouts %+v, %+v", timeout, idle)
	}
}

func TestHTTPProxyRefused(t *testing.T) {
	m := New(world(t, []string{`{apiVersion: projectcontour.io/v1, kind: HTTPProxy, metadata: {name: root, namespace: shop}, spec: {virtualhost: {fqdn: shop.example, tls: {secretName: gone}}, routes: [{services: [{name: front, port: 80}]}]},
status: {currentStatus: invalid, conditions: [{type: Valid, status: "False", errors: [{type: TLSError, reason: SecretNotValid, message: Secret not found}]}]}}`}))
	if f := m.Routes()[0].Faults; len(f) != 1 || f[0].Kind != Refused || f[0].Object.Field != "spec.virtualhost.tls.secretName" {
		t.Errorf("faults %+v", f)
	}
}

func TestIngressRoute(t *testing.T) {
	object := func(name, routes string) string {
		return `{apiVersion: traefik.io/v1alpha1, kind: IngressRoute, metadata: {name: ` + name + `, namespace: shop}, spec: {entryPoints: [web], routes: [` + routes + `]}}`
	}
	route := func(match, service, more string) string {
		return `{kind: Rule, match: '` + match + `', services: [{name: ` + service + `, port: http}]` + more + `}`
	}
	m := New(world(t, []string{object("a",
		route("Host(`shop.example`)", "front", "")+`, `+
			route("Host(`shop.example`) && PathPrefix(`/cart`)", "cart", "")+`, `+
			route("Host(`shop.example`) && (Path(`/x`) || PathPrefix(`/y`)) && !Header(`X-Old`, `1`)", "xy", "")+`, `+
			route("HostRegexp(`^[a-z]+\\.example$`)", "any", ", priority: 1")+`, `+
			route("Host(`api.example`) && Query(`v`, `2`)", "v2", ", middlewares: [{name: auth}]")+`, `+
			route("Host(`v2.example`) && Path(`/users/{id:[0-9]+}`)", "user", "")),
		object("b", route("Host(`bad.example`", "bad", "")),
		`{apiVersion: traefik.io/v1alpha1, kind: IngressRoute, metadata: {name: c, namespace: shop}, spec: {routes: [{match: "Host(` + "`w.example`" + `)", services: [{kind: TraefikService, name: split}]}]}}`,
		`{apiVersion: traefik.io/v1alpha1, kind: TraefikService, metadata: {name: split, namespace: shop}, spec: {weighted: {services: [{name: one, port: 80, weight: 3}, {name: two, port: 80, weight: 0}]}}}`,
		`{apiVersion: traefik.io/v1alpha1, kind: Middleware, metadata: {name: other, namespace: shop}, spec: {}}`,
	}))
	lead(t, m, map[string]string{
		"shop.example/":        "front",
		"shop.example/cartoon": "cart",
		"shop.example/x":       "xy",
		"shop.example/y/z":     "xy",
		"abc.example/":         "any",
		"api.example/?v=2":     "any", // the rule's middleware is missing
		"api.example/":         "any",
		"v2.example/users/12":  "user",
		"v2.example/users/x":   "",
		"w.example/":           "one",
		"1.test/":              "",
	})
	req := at("shop.example/x")
	req.Headers = map[string]string{"x-old": "1"}
	if got := goes(m, req); got != "front" {
		t.Errorf("with the header to %q, want front", got)
	}
	fields := map[string]bool{}
	for _, r := range m.Routes() {
		for _, f := range r.Faults {
			fields[r.Object.Name+" "+f.Object.Field] = true
		}
	}
	if len(fields) != 2 || !fields["b spec.routes[0].match"] || !fields["a spec.routes[4].middlewares[0].name"] {
		t.Errorf("faults at %v", fields)
	}
	front := Route{Object: model.Ref{Namespace: "shop", Name: "a"}}
	sig := model.Signal{RouteName: "websecure-" + crdRouterName(front, "Host(`shop.example`)") + "@kubernetescrd"}
	if r, ok := m.Locate(sig); !ok || r.Backends[0].Service.Name != "front" {
		t.Errorf("router %s is located at %+v", sig.RouteName, r)
	}
	for name, want := range map[string]string{"shop-a-0123456789abcdef0123": "a", "websecure-shop-b-0123456789abcdef0123": "b", "shop-none-0123456789abcdef0123": "", "shop-a-0123": ""} {
		r, _ := m.Locate(model.Signal{RouteName: name + "@kubernetescrd", Failure: model.NoRoute})
		if r.Object.Name != want {
			t.Errorf("router %s, with the hash of a former rule, is located at %q, want %q", name, r.Object.Name, want)
		}
	}
}

// A router of a route that is gone is not that of a like-named one of a namespace whose name is the end of the former's.
func TestRouterOfAnotherNamespace(t *testing.T) {
	const route = "{apiVersion: traefik.io/v1alpha1, kind: IngressRoute, metadata: {name: a, namespace: shop}, spec: {routes: [{match: 'Host(`shop.example`)', kind: Rule, services: [{name: front, port: 80}]}]}}"
	for _, tc := range []struct{ args, prefix, want string }{
		{`"--entryPoints.web.address=:8000/tcp", "--entrypoints.web-secure.address=:8443"`, "", "a"},
		{`"--entryPoints.web.address=:8000/tcp", "--entrypoints.web-secure.address=:8443"`, "web-", "a"},
		{`"--entryPoints.web.address=:8000/tcp", "--entrypoints.web-secure.address=:8443"`, "web-secure-", "a"},
		{`"--entryPoints.web.address=:8000/tcp", "--entrypoints.web-secure.address=:8443"`, "b-", ""},
		{`"--configFile=/etc/traefik.yaml"`, "b-", "a"}, // it may be an entry point
	} {
		m := New(world(t, []string{route,
			`{apiVersion: v1, kind: Pod, metadata: {name: gw, namespace: edge}, spec: {containers: [{name: traefik, image: "traefik:v3.5", args: [` + tc.args + `]}]}}`}))
		for _, router := range []string{"shop-a-0123456789abcdef0123", crdRouterName(m.Routes()[0], "Host(`shop.example`)")} {
			r, _ := m.Locate(model.Signal{RouteName: tc.prefix + router + "@kubernetescrd", Failure: model.NoRoute})
			if r.Object.Name != tc.want {
				t.Errorf("%s: router %s%s is located at %q, want %q", tc.args, tc.prefix, router, r.Object.Name, tc.want)
			}
		}
	}
}

func TestVirtualService(t *testing.T) {
	gw := `{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: public, namespace: edge}, spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.example"]}]}}`
	pod := `{apiVersion: v1, kind: Pod, metadata: {name: gw, namespace: edge, labels: {istio: ingressgateway}}, spec: {containers: [{name: istio-proxy, image: istio/proxyv2, args: [proxy, router]}]}, status: {phase: Running, conditions: [{type: Ready, status: "True"}]}}`
	vs := `{apiVersion: networking.istio.io/v1beta1, kind: VirtualService, metadata: {name: shop, namespace: shop}, spec: {hosts: [shop.example, elsewhere.test], gateways: [edge/public, mesh], http: [
{match: [{uri: {prefix: /cart}, headers: {x-v: {exact: "2"}}}], route: [{destination: {host: cart, subset: v2}}]},
{match: [{uri: {prefix: /cart}, withoutHeaders: {x-no: {}}}], route: [{destination: {host: cart.shop.svc.cluster.local, subset: v9, port: {number: 80}}}], timeout: 3s},
{match: [{uri: {exact: /stop}}], fault: {abort: {httpStatus: 503, percentage: {value: 100}}}, route: [{destination: {host: cart}}]},
{match: [{uri: {prefix: /out}}], route: [{destination: {host: api.partner.test}}]},
{match: [{uri: {prefix: /child}}], delegate: {name: child, namespace: shop}},
{route: [{destination: {host: front}, weight: 0}, {destination: {host: other}, weight: 100}]}]}}`
	child := `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: child, namespace: shop}, spec: {http: [{match: [{uri: {prefix: /child/a}}], route: [{destination: {host: a}}]}, {route: [{destination: {host: b}}]}]}}`
	meshOnly := `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: inner, namespace: shop}, spec: {hosts: [cart], http: [{route: [{destination: {host: cart}}]}]}}`
	dr := `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: cart, namespace: shop}, spec: {host: cart, subsets: [{name: v2, labels: {version: "2"}}], trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}}`
	entry := `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: partner, namespace: shop}, spec: {hosts: ["*.partner.test"]}}`
	cart := `{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}}`
	m := New(world(t, []string{gw, pod, vs, child, meshOnly, dr, entry, cart}))
	lead(t, m, map[string]string{
		"shop.example/cart":    "cart:v9",
		"shop.example/carts":   "cart:v9",
		"shop.example/":        "front",
		"shop.example/out/1":   "partner",
		"shop.example/child/a": "a",
		"shop.example/child/x": "b",
		"elsewhere.test/":      "",
	})
	req := at("shop.example/cart")
	req.Headers = map[string]string{"x-v": "2", "x-no": "1"}
	if got := goes(m, req); got != "cart:v2" {
		t.Errorf("with the header to %q, want cart:v2", got)
	}
	r, _ := m.Match(at("shop.example/cart"))
	s := m.Settings(r, m.Legs(r)[0])
	mesh, _ := s.Get(proxy.MeshTLS)
	timeout, _ := s.Get(proxy.RequestTimeout)
	if !r.Backends[0].Subset.Missing || mesh.Value != "ISTIO_MUTUAL" || mesh.At.Field != "spec.trafficPolicy.tls.mode" || timeout.Time != 3*time.Second {
		t.Errorf("subset %+v, settings %+v", r.Backends[0].Subset, s)
	}
	for target, want := range map[string]string{"shop.example/stop": "503", "shop.example/out/1": "200", "shop.example/cart": "503"} {
		if got := m.Walk(at(target)).Predicts; got != want {
			t.Errorf("%s predicts %s, want %s", target, got, want)
		}
	}
}

// TestOwnClasses: objects of a controller's own kind are served by class, too.
func TestOwnClasses(t *testing.T) {
	controller := func(name, image, args string) string {
		return `{apiVersion: apps/v1, kind: Deployment, metadata: {name: ` + name + `, namespace: edge}, spec: {template: {spec: {containers: [{name: c, image: "` + image + `", args: [` + args + `]}]}}}}`
	}
	contour := func(args string) string {
		return controller("contour", "ghcr.io/projectcontour/contour:v1.32.0", "serve, --incluster"+args)
	}
	traefik := func(name, args string) string {
		return controller(name, "traefik:v3.5", "--providers.kubernetescrd"+args)
	}
	proxy := func(more string) string {
		return `{apiVersion: projectcontour.io/v1, kind: HTTPProxy, metadata: {name: shop, namespace: shop` + more + `, virtualhost: {fqdn: shop.example}, routes: [{services: [{name: front, port: 80}]}]}}`
	}
	ingressRoute := func(more string) string {
		return `{apiVersion: traefik.io/v1alpha1, kind: IngressRoute, metadata: {name: shop, namespace: shop` + more + `}, spec: {routes: [{kind: Rule, match: "Host(` + "`shop.example`" + `)", services: [{name: front, port: 80}]}]}}`
	}
	const annotated = `, annotations: {kubernetes.io/ingress.class: inside}`
	for name, c := range map[string]struct {
		objects []string
		field   string // of the class that nothing takes; empty: it is taken, or not known not to be
		wanted  string
	}{
		"none asked, none told":             {[]string{contour(""), proxy(`}, spec: {tcpproxy: null`)}, "", ""},
		"its own name without being told":   {[]string{contour(""), proxy(`}, spec: {ingressClassName: contour`)}, "", ""},
		"another without being told":        {[]string{contour(""), proxy(`}, spec: {ingressClassName: inside`)}, "spec.ingressClassName", `"contour"`},
		"one of a list":                     {[]string{contour(`, "--ingress-class-name=outside,inside"`), proxy(`}, spec: {ingressClassName: inside`)}, "", ""},
		"as the next argument":              {[]string{contour(`, --ingress-class-name, inside`), proxy(`}, spec: {ingressClassName: inside`)}, "", ""},
		"none asked, one told":              {[]string{contour(`, --ingress-class-name=outside`), proxy(`}, spec: {tcpproxy: null`)}, "spec.ingressClassName", ""},
		"the annotation counts":             {[]string{contour(`, --ingress-class-name=outside`), proxy(annotated + `}, spec: {ingressClassName: outside`)}, "metadata.annotations['kubernetes.io/ingress.class']", `"outside"`},
		"told by a ContourConfiguration":    {[]string{contour(`, --contour-config-name=c`), proxy(`}, spec: {ingressClassName: inside`)}, "", ""},
		"no Contour seen":                   {[]string{proxy(`}, spec: {ingressClassName: inside`)}, "", ""},
		"one of two Traefiks takes it":      {[]string{traefik("a", ", --providers.kubernetescrd.ingressclass=outside"), traefik("b", ", --providers.kubernetescrd.ingressclass=inside"), ingressRoute(annotated)}, "", ""},
		"none of two does":                  {[]string{traefik("a", ", --providers.kubernetescrd.ingressclass=x"), traefik("b", ", --providers.kubernetescrd.ingressclass=y"), ingressRoute(annotated)}, "metadata.annotations['kubernetes.io/ingress.class']", ""},
		"one may be told by its file":       {[]string{traefik("a", ", --providers.kubernetescrd.ingressclass=x"), traefik("b", ""), ingressRoute(annotated)}, "", ""},
		"k3s' own Traefik takes it":         {[]string{traefik("a", ", --providers.kubernetescrd.ingressclass=x"), controller("k3s", "rancher/mirrored-library-traefik:3.3.6", "--providers.kubernetescrd"), ingressRoute("")}, "", ""},
		"without the annotation it is left": {[]string{traefik("a", ", --providers.kubernetescrd.ingressclass=x"), ingressRoute("")}, "metadata.annotations['kubernetes.io/ingress.class']", ""},
	} {
		faults := New(world(t, c.objects)).Routes()[0].Faults
		got := Fault{}
		if len(faults) > 0 {
			got = faults[0]
		}
		if len(faults) > 1 || got.Object.Field != c.field || got.Wanted != c.wanted || c.field != "" && got.Kind != ClassMissing {
			t.Errorf("%s: faults %+v, want one at %q, wanted %s", name, faults, c.field, c.wanted)
		}
	}
}
