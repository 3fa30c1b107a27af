package plan

import (
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

func TestReach(t *testing.T) {
	change := func(kind, name string) []model.Change {
		return []model.Change{{Op: model.OpPatch, Target: plantest.Ref(kind, name)}}
	}
	env := func(value string) func(*plantest.Cluster) {
		return func(c *plantest.Cluster) {
			c.Edit("Pod/web-2-1", []any{map[string]any{"name": "UPSTREAM", "value": value}}, "spec", "containers", 0, "env")
		}
	}
	nothing := func(*plantest.Cluster) {}
	for _, tc := range []struct {
		name    string
		edit    func(*plantest.Cluster)
		cause   model.CauseID
		changes []model.Change
		want    bool
	}{
		{"the Service of another application", nothing, "target-port-mismatch", change("Service", "cart"), false},
		{"its own Service", nothing, "target-port-mismatch", change("Service", "web"), true},
		{"its own Deployment", nothing, "oom-killed", change("Deployment", "web"), true},
		{"another Deployment", nothing, "oom-killed", change("Deployment", "cart"), false},
		{"one of its pods", nothing, "app-error", change("Pod", "web-2-0"), true},
		{"its own Ingress", nothing, "upstream-timeout", change("Ingress", "web"), true},
		{"another Ingress", nothing, "upstream-timeout", change("Ingress", "cart"), false},
		{"another Ingress of the same host", func(c *plantest.Cluster) {
			c.Edit("Ingress/cart", "web.shop.test", "spec", "rules", 0, "host")
			c.Edit("Ingress/cart", "/cart", "spec", "rules", 0, "http", "paths", 0, "path")
		}, "upstream-timeout", change("Ingress", "cart"), true},
		{"the Service that its pods call", env("http://cart:80/"), "target-port-mismatch", change("Service", "cart"), true},
		{"the Deployment behind the Service that its pods call", env("cart.shop.svc.cluster.local"), "oom-killed", change("Deployment", "cart"), true},
		{"a Service of that name elsewhere", env("http://cart.bank"), "target-port-mismatch", change("Service", "cart"), false},
		{"a word that is no host", env("shopping-cart"), "target-port-mismatch", change("Service", "cart"), false},
		{"a policy of its namespace", nothing, "networkpolicy-blocks-ingress", change("NetworkPolicy", "default-deny"), true},
		{"its node", nothing, "app-error", []model.Change{{Target: model.Ref{Kind: "Node", Name: "n1"}}}, true},
		{"the gateway", nothing, "stale-endpoints", nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := plantest.Shop("cart", "web")
			tc.edit(c)
			s := c.Snapshot()
			p := model.Plan{Finding: model.Finding{ID: tc.cause}, Remedy: model.Remedy{Changes: tc.changes}}
			m := path.New(s)
			var web model.Trace
			for _, r := range m.Routes() {
				walk := m.WalkRoute(r)
				if p.Before = append(p.Before, walk); r.Object.Name == "web" {
					web = walk
				}
			}
			if len(tc.changes) > 0 {
				p.Finding.Object.Ref = tc.changes[0].Target
			}
			if got := ReachOf(p, s).Touches(web); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}
