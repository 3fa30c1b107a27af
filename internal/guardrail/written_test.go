package guardrail

import (
	"slices"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// wrote marks an object as written by a manager at a time.
func wrote(c *plantest.Cluster, name, manager, subresource string, at time.Time) {
	c.Edit(name, []any{map[string]any{
		"manager": manager, "operation": "Update", "apiVersion": "v1", "subresource": subresource, "time": at.UTC().Format(time.RFC3339),
		"fieldsType": "FieldsV1", "fieldsV1": map[string]any{"f:spec": map[string]any{}},
	}}, "metadata", "managedFields")
}

// TestALostJournalDoesNotLiftLimits: what the cluster tells of gatemend's changes counts as well.
func TestALostJournalDoesNotLiftLimits(t *testing.T) {
	now := plantest.At()
	cart, web := plantest.Ref("Service", "cart"), plantest.Ref("Service", "web")
	p := model.Plan{
		Finding: model.Finding{ID: "target-port-mismatch", Object: model.FieldRef{Ref: cart}, Confidence: 0.99},
		Remedy: model.Remedy{Action: "patch-service", Machine: model.MachineFix, Changes: []model.Change{{
			Op: model.OpPatch, Target: cart, Fields: []model.FieldChange{{Path: "/spec/ports/0/targetPort"}},
		}}},
	}
	const auto = `
apiVersion: gatemend.dev/v1alpha1
kind: RemediationPolicy
metadata: {name: all}
spec:
  namespaceOptIn: NotRequired
  rules: [{name: all, mode: auto}]
  limits: {actionsPerHour: {object: 1, namespace: 2}, cooldown: 10m}
`
	set, err := Parse("p.yaml", []byte(auto))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		edit    func(*plantest.Cluster)
		history []Action
		allowed bool
	}{
		"nobody wrote":               {func(*plantest.Cluster) {}, nil, true},
		"gatemend, half an hour ago": {func(c *plantest.Cluster) { wrote(c, "Service/cart", "gatemend", "", now.Add(-30*time.Minute)) }, nil, false},
		"gatemend, two hours ago":    {func(c *plantest.Cluster) { wrote(c, "Service/cart", "gatemend", "", now.Add(-2*time.Hour)) }, nil, true},
		"somebody else":              {func(c *plantest.Cluster) { wrote(c, "Service/cart", "argocd", "", now.Add(-30*time.Minute)) }, nil, true},
		"a status":                   {func(c *plantest.Cluster) { wrote(c, "Service/cart", "gatemend", "status", now.Add(-30*time.Minute)) }, nil, true},
		"two others in the namespace": {func(c *plantest.Cluster) {
			wrote(c, "Service/web", "gatemend", "", now.Add(-30*time.Minute))
			wrote(c, "Ingress/web", "gatemend", "", now.Add(-20*time.Minute))
		}, nil, false},
		"one other, which the journal knows of": {func(c *plantest.Cluster) { wrote(c, "Service/web", "gatemend", "", now.Add(-30*time.Minute)) },
			[]Action{{At: now.Add(-30*time.Minute - 2*time.Second), Object: web}}, true},
		"one other, and the journal knows of an earlier change": {func(c *plantest.Cluster) { wrote(c, "Service/web", "gatemend", "", now.Add(-30*time.Minute)) },
			[]Action{{At: now.Add(-50 * time.Minute), Object: web}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := plantest.Shop("cart", "web")
			tc.edit(c)
			d := set.Decide(Input{Plan: p, Now: now, History: History{Actions: tc.history}, Facts: Look(c.Snapshot(), p)})
			if (d.Verdict == model.Allow) != tc.allowed {
				t.Errorf("%+v, want that it is allowed: %v", d, tc.allowed)
			}
		})
	}
}

func TestWrittenIsSorted(t *testing.T) {
	c := plantest.Shop("cart", "web")
	wrote(c, "Service/cart", "gatemend", "", plantest.At())
	wrote(c, "Deployment/web", "gatemend", "", plantest.At().Add(-time.Hour))
	got := written(c.Snapshot())
	if len(got) != 2 || !slices.IsSortedFunc(got, func(a, b Action) int { return a.At.Compare(b.At) }) {
		t.Errorf("got %v, want two, oldest first", got)
	}
	if len(written(plantest.Shop("cart").Snapshot())) != 0 {
		t.Error("nobody has written")
	}
}
