package path

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// sites makes one Ingress of a controller for each line of "[annotation=value] TYPE PATH", each with a
// Service named after its place.
func sites(controller string, lines ...[3]string) []string {
	out := []string{`{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: ` + controller + `}}`}
	for i, l := range lines {
		name := fmt.Sprint("s", i)
		object := ingress(name, `rules: [`+rule("shop.example", l[1], l[2], name)+`]`)
		if l[0] != "" {
			object = annotated(object, l[0], map[bool]string{true: "regex", false: "true"}[l[0] == "haproxy-ingress.github.io/path-type"])
		}
		out = append(out, object)
	}
	return out
}

// TestPathSemantics: how each controller compares the same paths.
func TestPathSemantics(t *testing.T) {
	const (
		community = "k8s.io/ingress-nginx"
		inc       = "nginx.org/ingress-controller"
		contour   = "projectcontour.io/ingress-controller"
		tech      = "haproxy.org/ingress-controller/haproxy"
		jcm       = "haproxy-ingress.github.io/controller"
		traefik   = "traefik.io/ingress-controller"
		istio     = "istio.io/ingress-controller"
		specific  = "ImplementationSpecific"
	)
	for _, tt := range []struct {
		name, controller string
		rules            [][3]string
		want             map[string]string
	}{
		{"ingress-nginx: plain", community, [][3]string{{"", "Prefix", "/a"}, {"", specific, "/b"}, {"", "Exact", "/a/x"}},
			map[string]string{"/a": "s0", "/a/y": "s0", "/ab": "", "/bc": "s1", "/a/x": "s2", "/A": ""}},
		{"ingress-nginx: one expression turns the host's paths into such", community,
			[][3]string{{"", "Prefix", "/a"}, {"nginx.ingress.kubernetes.io/use-regex", specific, "/b/[0-9]+$"}, {"", "Exact", "/a/xyz"}},
			map[string]string{"/ab": "s0", "/A": "s0", "/b/12": "s1", "/b/12/c": "", "/a/xyz/more": "s2"}},
		{"ingress-nginx: an Ingress whose path an older one has asks for nothing", community,
			[][3]string{{"", "Prefix", "/a/b"}, {"nginx.ingress.kubernetes.io/use-regex", "Prefix", "/a/b"}, {"", "Prefix", "/"}},
			map[string]string{"/a/b": "s0", "/A/b": "s2"}},
		{"ingress-nginx: an expression without the annotation is text", community, [][3]string{{"", specific, "/b/[0-9]+"}}, map[string]string{"/b/12": ""}},
		{"NGINX Inc.: a Prefix is text", inc, [][3]string{{"", "Prefix", "/a"}}, map[string]string{"/ab": "s0", "/b": ""}},
		{"Contour", contour, [][3]string{{"", "Prefix", "/a/"}, {"", specific, "/b/[0-9]+"}, {"", specific, "/c"}, {"", "Prefix", "/b"}},
			map[string]string{"/a": "s0", "/a/x": "s0", "/ab": "", "/b/12": "s1", "/b/12/x": "s3", "/cd": "s2"}},
		{"HAProxy Technologies", tech, [][3]string{{"", "Prefix", "/a/"}, {"", specific, "/b/"}, {"", "Exact", "/a/x"}},
			map[string]string{"/a": "s0", "/a/x": "s2", "/ab": "", "/bc": "s1"}},
		{"haproxy-ingress", jcm, [][3]string{{"", specific, "/a"}, {"haproxy-ingress.github.io/path-type", specific, "/[a-z]/x"}, {"", "Prefix", "/a/x"}},
			map[string]string{"/AB": "s0", "/b/xy": "s1", "/a/x/1": "s2"}},
		{"Traefik: a Prefix is text, the longest rule wins", traefik, [][3]string{{"", "Prefix", "/a"}, {"", "Prefix", "/a/b"}},
			map[string]string{"/ab": "s0", "/a/b": "s1", "/a/bc": "s1"}},
		{"Istio: what is ImplementationSpecific is exact", istio, [][3]string{{"", specific, "/a"}, {"", specific, "/b/*"}},
			map[string]string{"/a": "s0", "/a/x": "", "/b/x": "s1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			objects := sites(tt.controller, tt.rules...)
			if tt.controller == inc {
				objects = objects[:2] // a host belongs to one Ingress
			}
			m := New(world(t, objects))
			for path, want := range tt.want {
				got := ""
				if r, ok := m.Match(model.Request{Host: "shop.example", Path: path}); ok {
					got = r.Backends[0].Service.Name
				}
				if got != want {
					t.Errorf("%s goes to %q, want %q", path, got, want)
				}
			}
		})
	}
}

func TestOldestWins(t *testing.T) {
	at := func(o, when string) string {
		return o[:len("{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {")] + "creationTimestamp: " + when + ", " + o[len("{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {"):]
	}
	young := at(ingress("a", `rules: [`+rule("shop.example", "Prefix", "/", "young")+`, `+rule("shop.example", "Prefix", "/x", "young-x")+`]`), `"2026-02-01T00:00:00Z"`)
	old := at(ingress("b", `rules: [`+rule("shop.example", "Prefix", "/", "old")+`]`), `"2026-01-01T00:00:00Z"`)
	for controller, want := range map[string][2]string{"k8s.io/ingress-nginx": {"old", "young-x"}, "nginx.org/ingress-controller": {"old", "old"}} {
		m := New(world(t, []string{`{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: ` + controller + `}}`, young, old}))
		for i, path := range []string{"/", "/x"} {
			r, _ := m.Match(model.Request{Host: "shop.example", Path: path})
			if got := r.Backends[0].Service.Name; got != want[i] {
				t.Errorf("%s: %s goes to %s, want %s", controller, path, got, want[i])
			}
		}
	}
}

func TestCanary(t *testing.T) {
	main := ingress("main", `rules: [`+rule("shop.example", "Prefix", "/", "main")+`]`)
	canary := annotated(ingress("a", `rules: [`+rule("shop.example", "Prefix", "/", "canary")+`]`), "nginx.ingress.kubernetes.io/canary", "true")
	m := New(world(t, []string{class, main, canary}))
	if n := len(m.Routes()); n != 1 {
		t.Errorf("%d routes, want 1: a canary without weight or header takes nothing", n)
	}
	weighted := annotatedMore(canary, "nginx.ingress.kubernetes.io/canary-weight", "10")
	m = New(world(t, []string{class, main, weighted}))
	r, _ := m.Match(model.Request{Host: "shop.example", Path: "/"})
	if len(m.Routes()) != 2 || r.Backends[0].Service.Name != "main" {
		t.Errorf("%d routes, first %s; want 2, main", len(m.Routes()), r.Backends[0].Service.Name)
	}
}

// TestSettings: what is nearest to the backend holds, then the route, then the controller's default.
func TestSettings(t *testing.T) {
	objects := []string{
		class,
		annotatedMore(annotated(ingress("web", `rules: [`+rule("shop.example", "Prefix", "/", "cart")+`]`), "nginx.ingress.kubernetes.io/proxy-read-timeout", "7"), "nginx.ingress.kubernetes.io/proxy-connect-timeout", "3s"),
		`{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {ports: [{name: http, port: 80}]}}`,
	}
	m := New(world(t, objects))
	r := m.Routes()[0]
	s := m.Settings(r, m.Legs(r)[0])
	read, _ := s.Get(proxy.ReadTimeout)
	connect, _ := s.Get(proxy.ConnectTimeout)
	if read.Time != 7*time.Second || read.Default || read.At.Ref != r.Object {
		t.Errorf("read timeout %+v, want the Ingress's 7 s", read)
	}
	if connect.Time != 5*time.Second || !connect.Default || connect.At.Field != "metadata.annotations['nginx.ingress.kubernetes.io/proxy-connect-timeout']" || connect.At.Ref != r.Object {
		t.Errorf("connect timeout %+v, want the default's 5 s, because 3s is no number", connect)
	}
	if w := s.Wrong(); len(w) != 1 || w[0].Value != "3s" {
		t.Errorf("wrong: %+v, want 3s", w)
	}
}
