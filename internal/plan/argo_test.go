package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
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

// What a plan for a Rollout rests on is asked again before it is carried out: with a workloadRef nothing of that is in the
// object that is changed.
func TestARolloutsPlanHoldsNoMore(t *testing.T) {
	edit := func(value any, path ...any) func(*plantest.Cluster) {
		return func(c *plantest.Cluster) { c.Edit("Rollout/cart", value, path...) }
	}
	byHand := edit(map[string]any{"activeService": "cart", "autoPromotionEnabled": false}, "spec", "strategy", "blueGreen")
	for name, tc := range map[string]struct {
		fault string
		edit  func(*plantest.Cluster)
		want  string
	}{
		"as it was":          {"argo-workload-ref", func(*plantest.Cluster) {}, ""},
		"promoted":           {"argo-workload-ref", edit("h2", "status", "stableRS"), "its controller would wait for an analysis on the way"},
		"paused":             {"argo-workload-ref", edit(true, "spec", "paused"), "somebody has paused it"},
		"by hand from now":   {"argo-workload-ref", byHand, "its controller would wait for a person to promote it"},
		"not seen":           {"argo-workload-ref", edit("", "status", "workloadObservedGeneration"), "its controller has not seen it as it is"},
		"back already":       {"argo-workload-ref", edit("h1", "status", "currentPodHash"), "its newest revision is not one that does not work"},
		"a canary as it was": {"argo-canary", func(*plantest.Cluster) {}, ""},
		"a canary promoted":  {"argo-canary", edit("h2", "status", "stableRS"), "its controller would take all 2 steps of its strategy on the way"},
		"other fields": {"argo-canary", func(c *plantest.Cluster) {
			c.Edit("ReplicaSet/cart-1", "shop:v0", "spec", "template", "spec", "containers", 0, "image")
		}, "what tells its newest revision from the one that worked is not the same any more"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Make(named(t, tc.fault).input())
			if err != nil {
				t.Fatal(err)
			}
			data, err := json.MarshalIndent(p, "", "  ") // as it is stored until somebody has approved it
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &p); err != nil {
				t.Fatal(err)
			}
			s := changed(t, tc.fault, tc.edit).Snapshot
			_, fitErr := FitFirst(p.Rest(0)[0], s, p.Remedy.Changes[0])
			for _, err := range []error{Recheck(p, path.New(s)), fitErr} {
				if (err == nil) != (tc.want == "") || err != nil && (!errors.Is(err, ErrMoved) || !strings.HasSuffix(err.Error(), tc.want)) {
					t.Errorf("got %v, want %q", err, tc.want)
				}
			}
		})
	}
}

// A template that was only asked for again is no other one; where more differs, it goes back as a whole, since its controller
// goes at once to nothing but the former template itself.
func TestARolloutThatWasRestarted(t *testing.T) {
	const mark = "kubectl.kubernetes.io/restartedAt"
	restarted := func(c *plantest.Cluster) {
		for _, name := range []string{"ReplicaSet/cart-2", "Deployment/cart"} {
			c.Edit(name, map[string]any{mark: "2026-05-04T00:00:00Z"}, "spec", "template", "metadata", "annotations")
		}
	}
	p, err := Make(changed(t, "argo-workload-ref", restarted))
	if err != nil || !strings.Contains(p.Diff, mark) || !strings.Contains(p.Diff, "shop:v1") {
		t.Errorf("another image: %v\n%s", err, p.Diff)
	}
	var advice *AdviceError
	p, err = Make(changed(t, "argo-workload-ref", func(c *plantest.Cluster) {
		c.Edit("ReplicaSet/cart-1", c.Document("ReplicaSet/cart-2")["spec"].(map[string]any)["template"].(map[string]any)["spec"], "spec", "template", "spec")
		restarted(c)
	}))
	if !errors.As(err, &advice) {
		t.Errorf("restarted only: got %v\n%s", err, p.Diff)
	}
}

// Of the Deployment that lends it its template, a Rollout takes that alone: its replicas are the Deployment's own pods.
func TestALendersReplicasAreItsOwn(t *testing.T) {
	in := changed(t, "argo-workload-ref", func(*plantest.Cluster) {})
	c := model.Change{
		Op: model.OpPatch, Target: plantest.Ref("Deployment", "cart"),
		Fields: []model.FieldChange{{Path: "/spec/replicas", Old: []byte("0"), New: []byte("3")}},
	}
	after, err := in.Snapshot.With(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := turnover(in.Snapshot, after, c); len(got.Come) != 3 || len(got.Go) != 0 {
		t.Errorf("%d pods come and %d go, want 3 and none", len(got.Come), len(got.Go))
	}
	rollout := in.Diagnosis.Causes[0].Object.Ref
	settled, err := Expect(in.Snapshot, in.Diagnosis.Causes[0], []model.Change{c})
	if err != nil {
		t.Fatal(err)
	}
	if got := custom.RolloutOf(settled, rollout); got == nil || got.Status.CurrentPodHash != "h2" || got.Status.Phase != "Progressing" {
		t.Errorf("its update is taken to have ended: %+v", got)
	}
	p := model.Plan{Finding: in.Diagnosis.Causes[0]}
	if got := Holder(p, c); got != c.Target {
		t.Errorf("its pods are taken for those of %s", got)
	}
	c.Fields[0].Path = "/spec/template/spec/containers/0/image"
	if got := Holder(p, c); got != rollout {
		t.Errorf("the pods of the template that it lends are taken for those of %s", got)
	}
}

// The pods that a quota must have room for are those that the former revision lacks.
func TestARolloutsQuota(t *testing.T) {
	const quota = `
apiVersion: v1
kind: ResourceQuota
metadata: {name: few, namespace: shop}
spec: {hard: {pods: "%[1]d"}}
status: {hard: {pods: "%[1]d"}, used: {pods: "4"}}
`
	canary := func(unavailable any) func(*plantest.Cluster) {
		return func(c *plantest.Cluster) {
			c.Edit("Rollout/cart", unavailable, "spec", "strategy", "canary", "maxUnavailable")
		}
	}
	routed := func(c *plantest.Cluster) {
		canary(1)(c)
		c.Edit("Rollout/cart", map[string]any{"nginx": map[string]any{}}, "spec", "strategy", "canary", "trafficRouting")
	}
	as := func(*plantest.Cluster) {}
	for name, tc := range map[string]struct {
		fault string
		edit  func(*plantest.Cluster)
		pods  int
		fits  bool
	}{
		"broken pods go first":         {"argo-canary", canary(1), 4, true},
		"new pods come first":          {"argo-canary", canary(0), 4, false},
		"a quarter of two pods":        {"argo-canary", canary("25%"), 4, false},
		"blue stays beside green":      {"argo-workload-ref", as, 5, false},
		"blue and green":               {"argo-workload-ref", as, 6, true},
		"a routed canary stays":        {"argo-canary", routed, 5, false},
		"a routed canary and all pods": {"argo-canary", routed, 6, true},
	} {
		_, err := Make(changed(t, tc.fault, func(c *plantest.Cluster) {
			c.Apply(fmt.Sprintf(quota, tc.pods))
			tc.edit(c)
		}))
		if refused := errors.Is(err, ErrAllRefused); refused == tc.fits {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
