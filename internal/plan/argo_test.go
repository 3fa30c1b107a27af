package plan

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// A Rollout is left to a person where its controller would not go back at once, or what it has now is not known.
func TestARolloutLeftToAPerson(t *testing.T) {
	edit := func(value any, path ...any) func(*plantest.Cluster) {
		return func(c *plantest.Cluster) { c.Edit("Rollout/cart", value, path...) }
	}
	for name, tc := range map[string]struct {
		fault string
		edit  func(*plantest.Cluster)
	}{
		"paused by a person":            {"argo-canary", edit(true, "spec", "paused")},
		"steps on the way":              {"argo-canary", edit("h2", "status", "stableRS")},
		"its controller is behind":      {"argo-canary", edit("0", "status", "observedGeneration")},
		"back already":                  {"argo-canary", edit("h1", "status", "currentPodHash")},
		"its controller is behind lent": {"argo-workload-ref", edit("0", "status", "workloadObservedGeneration")},
		"lent by another kind":          {"argo-workload-ref", edit("PodTemplate", "spec", "workloadRef", "kind")},
		"its lender is gone":            {"argo-workload-ref", func(c *plantest.Cluster) { c.Delete("Deployment/cart") }},
	} {
		t.Run(name, func(t *testing.T) {
			in := changed(t, tc.fault, tc.edit)
			var advice *AdviceError
			if p, err := Make(in); !errors.As(err, &advice) {
				t.Errorf("got %+v, %v", p.Remedy, err)
			}
		})
	}
}

// changed is the input for a fault in a shop that is otherwise not as usual.
func changed(t *testing.T, name string, edit func(*plantest.Cluster)) Input {
	t.Helper()
	f := named(t, name)
	c := plantest.Shop("cart", "web")
	f.Break(c)
	edit(c)
	return Input{Diagnosis: model.Diagnosis{Causes: []model.Finding{f.Finding}}, Snapshot: c.Snapshot()}
}

// What Argo CD keeps is changed in its source, which is the object that holds the template.
func TestARolloutThatIsManagedGetsAProposal(t *testing.T) {
	for fault, kind := range map[string]string{"argo-canary": "Rollout", "argo-workload-ref": "Deployment"} {
		p, err := Make(changed(t, fault, func(c *plantest.Cluster) {
			c.Edit(kind+"/cart", "shop:argoproj.io/"+kind+":shop/cart", "metadata", "annotations", "argocd.argoproj.io/tracking-id")
		}))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(p.Guards, func(g model.GuardResult) bool { return g.Guard == "owner" && g.Absolute }) {
			t.Errorf("%s: no guard stands against a live edit: %+v", fault, p.Guards)
		}
		if len(p.Proposals) != 1 || !strings.Contains(p.Proposals[0].StrategicMerge, "kind: "+kind) || !strings.Contains(p.Proposals[0].StrategicMerge, "image: shop:v1") {
			t.Errorf("%s: proposals %+v", fault, p.Proposals)
		}
	}
}

// The pods that a quota must have room for are those that the former revision lacks.
func TestARolloutsQuota(t *testing.T) {
	const quota = `
apiVersion: v1
kind: ResourceQuota
metadata: {name: few, namespace: shop}
spec: {hard: {pods: "4"}}
status: {hard: {pods: "4"}, used: {pods: "4"}}
`
	for name, tc := range map[string]struct {
		unavailable any
		fits        bool
	}{
		"broken pods go first":  {1, true},
		"new pods come first":   {0, false},
		"a quarter of two pods": {"25%", false},
	} {
		_, err := Make(changed(t, "argo-canary", func(c *plantest.Cluster) {
			c.Apply(quota)
			c.Edit("Rollout/cart", tc.unavailable, "spec", "strategy", "canary", "maxUnavailable")
		}))
		if refused := errors.Is(err, ErrAllRefused); refused == tc.fits {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
