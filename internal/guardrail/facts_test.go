package guardrail

import (
	"encoding/json"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// TestLook: how many ready pods of the cart, which has two, a change may take away at once.
func TestLook(t *testing.T) {
	deployment, pod := plantest.Ref("Deployment", "cart"), plantest.Ref("Pod", "cart-2-0")
	template := model.Change{Op: model.OpPatch, Target: deployment, Fields: []model.FieldChange{{Path: "/spec/template/spec/containers/0/image", New: json.RawMessage(`"x"`)}}}
	for name, tc := range map[string]struct {
		edit   func(*plantest.Cluster)
		change model.Change
		takes  int
		about  model.Ref
	}{
		"a port of a Service": {nil, model.Change{Op: model.OpPatch, Target: plantest.Ref("Service", "cart"), Fields: []model.FieldChange{{Path: "/spec/ports/0/targetPort"}}}, 0, plantest.Ref("Service", "cart")},
		"a ready pod":         {nil, model.Change{Op: model.OpEvict, Target: pod}, 1, deployment},
		"a pod that is not ready": {func(c *plantest.Cluster) { c.Edit("Pod/cart-2-0", "False", "status", "conditions", 0, "status") },
			model.Change{Op: model.OpEvict, Target: pod}, 0, deployment},
		"a label of a pod": {nil, model.Change{Op: model.OpPatch, Target: pod, Fields: []model.FieldChange{{Path: "/metadata/labels/app"}}}, 1, deployment},
		"a rollout":        {func(c *plantest.Cluster) { c.Edit("Deployment/cart", map[string]any{}, "spec", "strategy") }, template, 0, deployment}, // 25% of 2, rounded down
		"a rollout of half": {func(c *plantest.Cluster) {
			c.Edit("Deployment/cart", map[string]any{"rollingUpdate": map[string]any{"maxUnavailable": "50%"}}, "spec", "strategy")
		}, template, 1, deployment},
		"a rollout of all": {func(c *plantest.Cluster) {
			c.Edit("Deployment/cart", map[string]any{"type": "Recreate"}, "spec", "strategy")
		}, template, 2, deployment},
		"fewer replicas":          {nil, model.Change{Op: model.OpPatch, Target: deployment, Fields: []model.FieldChange{{Path: "/spec/replicas", Old: json.RawMessage("2"), New: json.RawMessage("1")}}}, 1, deployment},
		"more replicas":           {nil, model.Change{Op: model.OpPatch, Target: deployment, Fields: []model.FieldChange{{Path: "/spec/replicas", Old: json.RawMessage("2"), New: json.RawMessage("3")}}}, 0, deployment},
		"a pod that is not there": {nil, model.Change{Op: model.OpEvict, Target: plantest.Ref("Pod", "none")}, 1, deployment},
	} {
		t.Run(name, func(t *testing.T) {
			c := plantest.Shop("cart", "web")
			if tc.edit != nil {
				tc.edit(c)
			}
			p := model.Plan{Finding: model.Finding{Object: model.FieldRef{Ref: plantest.Ref("Service", "cart")}, Related: map[string]model.Ref{"workload": deployment}}, Remedy: model.Remedy{Changes: []model.Change{tc.change}}}
			f := Look(c.Snapshot(), p)
			if len(f.Targets) != 1 || f.Targets[0].Takes != tc.takes || f.Targets[0].Counted != tc.about {
				t.Errorf("got %+v", f.Targets)
			}
		})
	}
}

// What is created has the labels that it will have, and a plan that nothing is known of the cluster for has none.
func TestLookAtWhatIsNotThere(t *testing.T) {
	made := model.Change{Op: model.OpCreate, Target: plantest.Ref("Service", "new"), Object: json.RawMessage(`{"metadata":{"labels":{"a":"b"}}}`)}
	p := model.Plan{Remedy: model.Remedy{Changes: []model.Change{made}}}
	if got := Look(plantest.Shop("cart").Snapshot(), p).Targets[0]; !got.Known || got.Labels["a"] != "b" {
		t.Errorf("got %+v", got)
	}
	if got := Look(nil, p).Targets[0]; got.Known || got.NamespaceKnown {
		t.Errorf("got %+v", got)
	}
}
