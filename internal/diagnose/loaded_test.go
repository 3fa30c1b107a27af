package diagnose

import (
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

// TestWhatProxiesHaveLoaded compares what a proxy says with the two endpoints of the base.
func TestWhatProxiesHaveLoaded(t *testing.T) {
	gateway := model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "edge", Name: "ingress-nginx-controller-1"}
	for _, c := range []struct {
		name   string
		loaded model.Loaded
		want   string // in the summary; empty: nothing is wrong
	}{
		{"the same", model.Loaded{Namespace: "shop", Service: "cart", Port: "80", Addresses: []string{"10.0.0.11:8080", "10.0.0.12:8080"}}, ""},
		{"by its joint name", model.Loaded{Backend: "shop-cart-80", Addresses: []string{"10.0.0.11:8080", "10.0.0.12:8080"}}, ""},
		{"one too many", model.Loaded{Backend: "shop-cart-80", Addresses: []string{"10.0.0.11:8080", "10.0.0.12:8080", "10.0.0.77:8080"}}, "has 10.0.0.77:8080, which no endpoint is"},
		{"one missing", model.Loaded{Namespace: "shop", Service: "cart", Port: "http", Addresses: []string{"10.0.0.11:8080"}}, "lacks 10.0.0.12:8080"},
		{"none", model.Loaded{Namespace: "shop", Service: "cart", Port: "80"}, "lacks 10.0.0.11:8080, 10.0.0.12:8080"},
		{"the Service's own address", model.Loaded{Namespace: "shop", Service: "cart", Port: "80", Addresses: []string{"10.96.0.10:80"}}, ""},
		{"of another Service", model.Loaded{Namespace: "shop", Service: "card", Port: "80"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.loaded.Gateway = gateway
			d := Diagnose(Input{Snapshot: build(t, base(t), nil), Loaded: []model.Loaded{c.loaded}})
			switch {
			case c.want == "" && len(d.Causes) > 0:
				t.Errorf("something is wrong:\n%s", show(d))
			case c.want != "" && (len(d.Causes) != 1 || d.Causes[0].ID != "stale-endpoints" || !strings.Contains(d.Causes[0].Summary, c.want)):
				t.Errorf("want stale-endpoints that %s:\n%s", c.want, show(d))
			}
		})
	}
}
