package remedy

import (
	"testing"

	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// A container that the last good revision had is known by its name: a sidecar before it moves its place in the list.
func TestTheFormerValueIsThatOfTheSameContainer(t *testing.T) {
	probe := func(path string) map[string]any {
		return map[string]any{"httpGet": map[string]any{"path": path, "port": 8080}}
	}
	c := plantest.Shop("cart", "web")
	c.Edit("ReplicaSet/cart-1", []any{
		map[string]any{"name": "proxy", "readinessProbe": probe("/proxy")}, map[string]any{"name": "cart", "readinessProbe": probe("/good")},
	}, "spec", "template", "spec", "containers")
	f := plantest.Finding("readiness-probe-misconfigured", "Deployment", "cart", plantest.Container+".readinessProbe.httpGet.path", "", "goodRevision", "ReplicaSet", "cart-1")
	path, err := tokens(f.Object.Field)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := goodValue(Case{Snapshot: c.Snapshot(), Finding: f}, path); !ok || got != "/good" {
		t.Errorf("got %v %v, want the path of container cart", got, ok)
	}
	c.Edit("ReplicaSet/cart-1", "shop", "spec", "template", "spec", "containers", 1, "name")
	if got, ok := goodValue(Case{Snapshot: c.Snapshot(), Finding: f}, path); ok {
		t.Errorf("got %v of a container that was not there", got)
	}
}
