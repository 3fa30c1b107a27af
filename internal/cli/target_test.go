package cli

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
)

func request(r model.Request) model.Target { return model.Target{Request: &r} }

func object(apiVersion, kind, namespace, name string) model.Target {
	return model.Target{Object: &model.Ref{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}}
}

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]model.Target{
		"https://shop.example.com/cart?x=1#y": request(model.Request{Scheme: "https", Host: "shop.example.com", Path: "/cart"}),
		"http://Shop.Example.com:8080":        request(model.Request{Scheme: "http", Host: "shop.example.com", Port: 8080, Path: "/"}),
		"https://[2001:db8::1]:8443/a":        request(model.Request{Scheme: "https", Host: "2001:db8::1", Port: 8443, Path: "/a"}),
		"shop.example.com":                    request(model.Request{Host: "shop.example.com", Path: "/"}),
		"shop.example.com/cart/1":             request(model.Request{Host: "shop.example.com", Path: "/cart/1"}),
		"shop.example.com:8080/cart":          request(model.Request{Host: "shop.example.com", Port: 8080, Path: "/cart"}),
		"localhost/x":                         request(model.Request{Host: "localhost", Path: "/x"}),
		"/cart":                               request(model.Request{Path: "/cart"}),
		"*/cart":                              request(model.Request{Path: "/cart"}),
		"ingress/shop":                        object("networking.k8s.io/v1", "Ingress", "", "shop"),
		"ing/shop":                            object("networking.k8s.io/v1", "Ingress", "", "shop"),
		"HTTPRoute/shop/cart":                 object("gateway.networking.k8s.io/v1", "HTTPRoute", "shop", "cart"),
		"svc/cart":                            object("v1", "Service", "", "cart"),
		"deploy/shop/cart":                    object("apps/v1", "Deployment", "shop", "cart"),
		"ns/shop":                             object("v1", "Namespace", "", "shop"),
	} {
		got, err := parseTarget(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	}
	for _, text := range []string{"", "/", "cart", "servce/cart", "service/", "service/a/b/c", "service//b", "ns/a/b", "ftp://x/y", "https://", "shop.example.com:0/x", "shop.example.com:99999/x", "http://a b/"} {
		if got, err := parseTarget(text); !isUsage(err) {
			t.Errorf("%q: got %+v, %v, want an error of usage", text, got, err)
		}
	}
}

func isUsage(err error) bool {
	_, ok := errors.AsType[*UsageError](err)
	return ok
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"https://a.b/c?d", "svc/x", "a:1/b", "[::1]/", "%zz", "*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTarget(text)
		switch {
		case err != nil && !isUsage(err):
			t.Errorf("%q: %v is no error of usage", text, err)
		case err == nil && (got.Object == nil) == (got.Request == nil):
			t.Errorf("%q: got %+v, want an object or a request", text, got)
		case err == nil && got.Request != nil && (got.Request.Path == "" || got.Request.Path[0] != '/'):
			t.Errorf("%q: path %q does not start with a slash", text, got.Request.Path)
		}
	})
}

func TestNear(t *testing.T) {
	names := []string{"cart", "card", "checkout", "api", "cart-canary"}
	for name, want := range map[string][]string{
		"crat":     {"cart"},
		"cat":      {"cart"},
		"checkuot": {"checkout"},
		"cart":     {"card", "cart-canary"},
		"xyz":      nil,
		"":         nil,
	} {
		if got := near(name, names); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"cart", "crat", 1}, {"cart", "card", 1}, {"cart", "chart", 1}, {"kitten", "sitting", 3}, {"ö", "o", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: got %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance(c.b, c.a); got != c.want {
			t.Errorf("%q, %q: got %d, want %d", c.b, c.a, got, c.want)
		}
	}
}
