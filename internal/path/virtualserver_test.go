package path

import (
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/proxy"
)

func TestVirtualServer(t *testing.T) {
	cafe := `{apiVersion: k8s.nginx.org/v1, kind: VirtualServer, metadata: {name: cafe, namespace: shop}, spec: {host: cafe.example, upstreams: [
{name: front, service: front, port: 80, read-timeout: 5s}, {name: menu, service: menu, port: 80, tls: {enable: true}, subselector: {tier: menu}}, {name: beta, service: beta, port: 80}, {name: picture, service: media/picture, port: 80, type: grpc}],
routes: [{path: /, action: {pass: front}},
{path: /menu, matches: [{conditions: [{header: X-Beta, value: "yes"}], splits: [{weight: 90, action: {pass: beta}}, {weight: 10, action: {pass: menu}}]}, {conditions: [{argument: v, value: "!2"}, {cookie: user, value: admin}], action: {return: {code: 403}}}, {conditions: [{variable: $remote_addr, value: "10.0.0.1"}], action: {pass: front}}], action: {pass: menu}},
{path: "=/menu/today", action: {pass: beta}}, {path: "~* \\.(png|jpg)$", action: {pass: picture}}, {path: "~^/menu/.*[.]png$", action: {pass: front}}, {path: "^~/static/", action: {pass: front}},
{path: /old, action: {redirect: {url: "http://cafe.example/"}}}, {path: /tea, route: tea/tea}, {path: /gone, route: gone}, {path: /alien, route: alien},
{path: /set, routeSelector: {matchLabels: {part: set}}}]}}`
	tea := `{apiVersion: k8s.nginx.org/v1, kind: VirtualServerRoute, metadata: {name: tea, namespace: tea}, spec: {host: cafe.example, upstreams: [{name: tea, service: tea, port: 80}], subroutes: [{path: /tea/green, action: {proxy: {upstream: tea, rewritePath: /}}}]}}`
	set := `{apiVersion: k8s.nginx.org/v1, kind: VirtualServerRoute, metadata: {name: set, namespace: tea, labels: {part: set}}, spec: {host: cafe.example, upstreams: [{name: set, service: set, port: 80}], subroutes: [{path: /set, action: {pass: set}}]}}`
	alien := `{apiVersion: k8s.nginx.org/v1, kind: VirtualServerRoute, metadata: {name: alien, namespace: shop}, spec: {host: other.example, upstreams: [{name: tea, service: tea, port: 80}], subroutes: [{path: /alien, action: {pass: tea}}]}}`
	m := New(world(t, []string{cafe, tea, set, alien}))
	lead(t, m, map[string]string{
		"cafe.example/":               "front",
		"cafe.example/menu":           "menu:menu",
		"cafe.example/menus":          "menu:menu",
		"cafe.example/menu/today":     "beta",
		"cafe.example/menu/today/x":   "menu:menu",
		"cafe.example/menu/x.PNG":     "picture",
		"cafe.example/menu/x.png":     "picture", // expressions are asked in their order
		"cafe.example/static/x.png":   "front",
		"cafe.example/old":            "none",
		"cafe.example/tea/green":      "tea",
		"cafe.example/tea":            "front", // of the VirtualServerRoute only the subroutes are served
		"cafe.example/gone":           "front", // no location is made of it
		"cafe.example/set/1":          "set",
		"other.example/alien":         "",
		"any.cafe.example/":           "",
		"cafe.example/menu?v=2&w=1":   "menu:menu",
		"cafe.example/menu/today?v=2": "beta",
	})
	req := at("cafe.example/menu?v=1")
	req.Headers = map[string]string{"x-beta": "YES"} // nginx's map does not mind
	if r, _ := m.Match(req); len(r.Backends) != 2 || r.Backends[0].Weight != 90 || r.Rule != "spec.routes[1].matches[0]" {
		t.Errorf("with the header to %s %+v, want both splits", r.Rule, r.Backends)
	}
	req.Headers = map[string]string{"cookie": "a=b; user=admin"}
	if r, _ := m.Match(req); r.Fixed != 403 {
		t.Errorf("with the cookie to %s, want 403", r.Rule)
	}
	r, _ := m.Match(at("cafe.example/"))
	legs := m.Legs(r)
	read, _ := m.Setting(r, legs[0], proxy.ReadTimeout)
	send, _ := m.Setting(r, legs[0], proxy.SendTimeout)
	if read.Time != 5*time.Second || read.Default || send.At.Field != "spec.upstreams[0].send-timeout" || send.At.Ref != r.Object || !send.Default {
		t.Errorf("timeouts %+v, %+v", read, send)
	}
	if b := r.Backends[0]; b.NameAt(r.Object).Field != "spec.upstreams[0].service" {
		t.Errorf("the Service is named at %v", b.NameAt(r.Object))
	}
	var protocols, missing []string
	for _, r := range m.Routes() {
		for _, b := range r.Backends {
			if s, ok := b.Settings.Written(proxy.Protocol); ok {
				protocols = append(protocols, b.Service.Namespace+"/"+b.Service.Name+" "+s.Value)
			}
		}
		for _, f := range r.Faults {
			missing = append(missing, string(f.Kind)+" "+f.Object.Kind+" "+f.Object.Field)
		}
	}
	if got := strings.Join(protocols, ", "); got != "shop/menu HTTPS, shop/menu HTTPS, media/picture GRPC" {
		t.Errorf("protocols %s", got)
	}
	if got := strings.Join(missing, ", "); got != "route-missing VirtualServer spec.routes[8].route, route-missing VirtualServerRoute spec.host" {
		t.Errorf("faults %s", got)
	}
}

func TestVirtualServerNotServed(t *testing.T) {
	server := func(name, created, more string) string {
		return `{apiVersion: k8s.nginx.org/v1, kind: VirtualServer, metadata: {name: ` + name + `, namespace: shop, creationTimestamp: "` + created + `"}, spec: {host: cafe.example, upstreams: [{name: a, service: ` + name + `, port: 80}], routes: [{path: /, action: {pass: a}}]}` + more + `}`
	}
	ingress := `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: old, namespace: shop, creationTimestamp: "2026-01-02T00:00:00Z"}, spec: {ingressClassName: nginx, rules: [{host: cafe.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: old, port: {number: 80}}}}]}}]}}`
	class := `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: nginx.org/ingress-controller}}`
	controller := `{apiVersion: apps/v1, kind: Deployment, metadata: {name: nginx, namespace: nginx}, spec: {selector: {matchLabels: {app: nginx}}, template: {metadata: {labels: {app: nginx}}, spec: {containers: [{name: nginx, image: "nginx/nginx-ingress:5.1.1", args: [-ingress-class=edge]}]}}}}`
	for name, test := range map[string]struct {
		objects []string
		serves  string
		faults  string
	}{
		"the oldest":             {[]string{server("first", "2026-01-01T00:00:00Z", ""), server("second", "2026-01-03T00:00:00Z", ""), ingress, class}, "first", "host-taken Ingress old spec.rules[0].host; host-taken VirtualServer second spec.host"},
		"an older Ingress":       {[]string{server("second", "2026-01-03T00:00:00Z", ""), ingress, class}, "old", "host-taken VirtualServer second spec.host"},
		"one that is refused":    {[]string{server("first", "2026-01-01T00:00:00Z", `, status: {state: Invalid, reason: Rejected, message: wrong}`), ingress, class}, "old", "refused VirtualServer first spec"},
		"one that nginx refused": {[]string{server("first", "2026-01-01T00:00:00Z", `, status: {state: Invalid, reason: AddedOrUpdatedWithError, message: wrong}`)}, "first", ""},
		"another class":          {[]string{strings.Replace(server("first", "2026-01-01T00:00:00Z", ""), "host:", "ingressClassName: inner, host:", 1), controller}, "first", "class-missing VirtualServer first spec.ingressClassName"},
		"the controller's class": {[]string{strings.Replace(server("first", "2026-01-01T00:00:00Z", ""), "host:", "ingressClassName: edge, host:", 1), controller}, "first", ""},
		"no class":               {[]string{server("first", "2026-01-01T00:00:00Z", ""), controller}, "first", ""},
	} {
		m := New(world(t, test.objects))
		var faults []string
		for _, r := range m.Routes() {
			for _, f := range r.Faults {
				faults = append(faults, string(f.Kind)+" "+f.Object.Kind+" "+f.Object.Name+" "+f.Object.Field)
			}
		}
		if got := strings.Join(faults, "; "); got != test.faults || goes(m, at("cafe.example/")) != test.serves {
			t.Errorf("%s: %q serves, faults %s; want %q, %s", name, goes(m, at("cafe.example/")), got, test.serves, test.faults)
		}
	}
}
