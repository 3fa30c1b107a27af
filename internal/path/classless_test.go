package path

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// TestClassless: an Ingress without a class is served where a controller's arguments say that it takes such.
func TestClassless(t *testing.T) {
	const (
		community = "registry.k8s.io/ingress-nginx/controller:v1.13.3"
		jcm       = "quay.io/jcmoraisjr/haproxy-ingress:v0.15.0"
		tech      = "haproxytech/kubernetes-ingress:3.1.12"
		traefik   = "docker.io/traefik:v3.5.3"
		contour   = "ghcr.io/projectcontour/contour:v1.33.0"
		inc       = "docker.io/nginx/nginx-ingress:5.1.1"
	)
	for _, tt := range []struct{ name, image, args, proxy string }{
		{"ingress-nginx does not", community, `/nginx-ingress-controller, --ingress-class=nginx`, ""},
		{"ingress-nginx that is told to", community, `/nginx-ingress-controller, --watch-ingress-without-class=true`, "nginx"},
		{"ingress-nginx that is told not to", community, `/nginx-ingress-controller, --watch-ingress-without-class=false`, ""},
		{"haproxy-ingress that is told to", jcm, `--watch-ingress-without-class`, "haproxy"},
		{"haproxy-ingress does not", jcm, `--configmap=ingress/haproxy`, ""},
		{"HAProxy Technologies without a class", tech, `--configmap=haproxy/haproxy`, "haproxy"},
		{"HAProxy Technologies of a class", tech, `--ingress.class=haproxy`, ""},
		{"HAProxy Technologies of a class, and none", tech, `--ingress.class=haproxy, --empty-ingress-class`, "haproxy"},
		{"HAProxy Technologies whose arguments are not known", tech, ``, ""},
		{"Traefik", traefik, `--providers.kubernetescrd, --providers.kubernetesingress`, "traefik"},
		{"Traefik of a class", traefik, `--providers.kubernetesingress, --providers.kubernetesingress.ingressclass=traefik`, ""},
		{"Traefik without Ingresses", traefik, `--providers.kubernetescrd`, ""},
		{"Traefik with those of ingress-nginx", traefik, `--providers.kubernetesingressnginx`, ""},
		{"Contour", contour, `serve, --incluster`, "envoy"},
		{"Contour of a class", contour, `serve, --incluster, --ingress-class-name=contour`, ""},
		{"Contour that is told elsewhere", contour, `serve, --contour-config-name=contour`, ""},
		{"F5", inc, `-nginx-configmaps=nginx/nginx`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := New(world(t, []string{
				strings.Replace(ingress("web", `rules: [`+rule("shop.example", "Prefix", "/", "web")+`]`), "ingressClassName: nginx, ", "", 1),
				`{apiVersion: apps/v1, kind: Deployment, metadata: {name: gw, namespace: edge}, spec: {selector: {}, template: {metadata: {labels: {app: gw}}, spec: {containers: [{name: c, image: '` + tt.image + `', args: [` + tt.args + `]}]}}}}`,
			}))
			r := m.Routes()[0]
			if r.Proxy != tt.proxy || r.Served() != (tt.proxy != "") {
				t.Errorf("served by %q, faults %v, want %q", r.Proxy, r.Faults, tt.proxy)
			}
		})
	}
}

// TestCiliumSwitchedOff: nobody serves Cilium's class where its controller of Ingresses is switched off, whether the class is
// there or not.
func TestCiliumSwitchedOff(t *testing.T) {
	const (
		off   = `{apiVersion: v1, kind: ConfigMap, metadata: {name: cilium-config, namespace: kube-system}, data: {enable-ingress-controller: "false"}}`
		on    = `{apiVersion: v1, kind: ConfigMap, metadata: {name: cilium-config, namespace: kube-system}, data: {enable-ingress-controller: "true"}}`
		its   = `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: cilium}, spec: {controller: cilium.io/ingress-controller}}`
		other = `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: cilium}, spec: {controller: example.com/ours}}`
	)
	for name, tt := range map[string]struct {
		objects []string
		unread  snapshot.Kind
		served  bool
	}{
		"off":                     {[]string{off, its}, snapshot.Events, false},
		"off, and no class seen":  {[]string{off}, snapshot.IngressClasses, false},
		"off, and another's name": {[]string{off, other}, snapshot.Events, true},
		"on":                      {[]string{on, its}, snapshot.Events, true},
	} {
		t.Run(name, func(t *testing.T) {
			web := strings.Replace(ingress("web", `rules: [`+rule("shop.example", "Prefix", "/", "web")+`]`), "ingressClassName: nginx", "ingressClassName: cilium", 1)
			m := New(world(t, append(tt.objects, web), tt.unread))
			r := m.Routes()[0]
			missing := slices.ContainsFunc(r.Faults, func(f Fault) bool { return f.Kind == ClassMissing })
			if missing == tt.served {
				t.Errorf("faults %v, want served %t", r.Faults, tt.served)
			}
		})
	}
}
