package plan

import (
	"errors"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// saved is a plan as it comes back from a file.
func saved(t *testing.T, p model.Plan) model.Plan {
	t.Helper()
	data, err := yaml.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var out model.Plan
	if err := yaml.UnmarshalStrict(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestASavedPlanIsTheSamePlan saves and restores every kind of plan on the cluster that it was made on.
func TestASavedPlanIsTheSamePlan(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.Name, func(t *testing.T) {
			in := f.input()
			p, err := Make(in)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Restore(saved(t, p), in)
			if err != nil {
				t.Fatal(err)
			}
			if hasGuard(back, "unconfirmed") || back.Finding.Confidence != p.Finding.Confidence {
				t.Errorf("a diagnosis that names it does not confirm it: %.2f, guards %+v", back.Finding.Confidence, back.Guards)
			}
			if back.Diff != p.Diff || back.Remedy.Predicts != p.Remedy.Predicts || len(back.Mends) != len(p.Mends) || len(back.Basis) != len(p.Basis) {
				t.Errorf("got\n%s\nwant\n%s", story(t, back), story(t, p))
			}
			for _, g := range p.Guards {
				if g.Guard != "machine" && !hasGuard(back, g.Guard) {
					t.Errorf("guard %s is forgotten", g.Guard)
				}
			}
		})
	}
}

func hasGuard(p model.Plan, name string) bool {
	for _, g := range p.Guards {
		if g.Guard == name {
			return true
		}
	}
	return false
}

// TestASavedPlanIsRefusedOnAnotherState changes something between the plan and its application.
func TestASavedPlanIsRefusedOnAnotherState(t *testing.T) {
	wrongPort := func(c *plantest.Cluster) {
		c.Edit("Service/cart", 9999, "spec", "ports", 0, "targetPort")
		c.Edit("EndpointSlice/cart-x", 9999, "ports", 0, "port")
	}
	port := plantest.Finding("target-port-mismatch", "Service", "cart", "spec.ports[0].targetPort", "8080", "workload", "Deployment", "cart")
	gone := func(c *plantest.Cluster) { c.Delete("Service/cart"); c.Delete("EndpointSlice/cart-x") }
	missing := plantest.Finding("service-missing", "Service", "cart", "metadata.name (object missing)", "", "route", "Ingress", "cart")
	for name, tc := range map[string]struct {
		breaks  func(*plantest.Cluster)
		finding model.Finding
		moves   func(*plantest.Cluster)
		because string // empty: it may be carried out
	}{
		"nothing": {wrongPort, port, func(*plantest.Cluster) {}, ""},
		"status only": {wrongPort, port, func(c *plantest.Cluster) {
			c.Edit("Service/cart", "21", "metadata", "resourceVersion")
			c.Edit("Service/cart", map[string]any{"loadBalancer": map[string]any{"ingress": []any{map[string]any{"ip": "203.0.113.1"}}}}, "status")
		}, ""},
		"another field": {wrongPort, port, func(c *plantest.Cluster) {
			c.Edit("Service/cart", "21", "metadata", "resourceVersion")
			c.Edit("Service/cart", "ClientIP", "spec", "sessionAffinity")
		}, "version 20, and this is version 21"},
		"a label": {wrongPort, port, func(c *plantest.Cluster) {
			c.Edit("Service/cart", "21", "metadata", "resourceVersion")
			c.Edit("Service/cart", "shop", "metadata", "labels", "team")
		}, "version 20, and this is version 21"},
		"the field itself": {wrongPort, port, func(c *plantest.Cluster) {
			c.Edit("Service/cart", "21", "metadata", "resourceVersion")
			c.Edit("Service/cart", 9998, "spec", "ports", 0, "targetPort")
		}, "version 20, and this is version 21"},
		"created anew": {wrongPort, port, func(c *plantest.Cluster) { c.Edit("Service/cart", "another", "metadata", "uid") }, "created anew"},
		"deleted":      {wrongPort, port, func(c *plantest.Cluster) { c.Delete("Service/cart") }, "does not exist any more"},
		"what would mend does not any more": {wrongPort, port, func(c *plantest.Cluster) {
			plantest.Unready(c)
		}, "would still fail"},
		"somebody created it":   {gone, missing, func(c *plantest.Cluster) { c.Add("cart", 1) }, "it exists now"},
		"it is still not there": {gone, missing, func(*plantest.Cluster) {}, ""},
		"somebody else manages it": {wrongPort, port, func(c *plantest.Cluster) {
			c.Edit("Service/cart", "21", "metadata", "resourceVersion")
			c.Edit("Service/cart", "shop:/Service:shop/cart", "metadata", "annotations", "argocd.argoproj.io/tracking-id")
		}, "version 20, and this is version 21"},
	} {
		t.Run(name, func(t *testing.T) {
			c := plantest.Shop("cart", "web")
			tc.breaks(c)
			p, err := Make(Input{Diagnosis: model.Diagnosis{Causes: []model.Finding{tc.finding}}, Snapshot: c.Snapshot()})
			if err != nil {
				t.Fatal(err)
			}
			tc.moves(c)
			_, err = Restore(saved(t, p), Input{Snapshot: c.Snapshot()})
			switch {
			case tc.because == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.because != "" && (!errors.Is(err, ErrMoved) || !strings.Contains(err.Error(), tc.because)):
				t.Errorf("got %v, want a refusal that says %q", err, tc.because)
			}
		})
	}
}

// TestGuardsOfASavedPlanAreAskedAnew: what the file says of guards counts for nothing.
func TestGuardsOfASavedPlanAreAskedAnew(t *testing.T) {
	in := faults()[0].input()
	p, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	p.Finding.Confidence, p.Guards = 0.5, nil
	back, err := Restore(saved(t, p), Input{Snapshot: in.Snapshot})
	if err != nil || !blocked(back.Guards) {
		t.Errorf("got guards %+v, error %v; want the confidence to be asked for", back.Guards, err)
	}
	in.Memory.Attempts = []Attempt{{Cause: p.Finding.ID, Object: p.Finding.Object, Action: p.Remedy.Action, Target: p.Remedy.Change.Target}}
	if _, err := Restore(saved(t, p), Input{Snapshot: in.Snapshot, Memory: in.Memory}); !errors.Is(err, ErrAllRefused) {
		t.Errorf("a remedy that did not help before: got %v, want %v", err, ErrAllRefused)
	}
}

// TestASavedPlanIsAsCertainAsTheDiagnosisOfTheMoment: what the file says of the cause's certainty counts only as
// far as it is less, and a cause that is not named any more takes a person.
func TestASavedPlanIsAsCertainAsTheDiagnosisOfTheMoment(t *testing.T) {
	in := faults()[0].input()
	p, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := p.Finding
	elsewhere.Object.Name = "web"
	unsure, sure := p.Finding, p.Finding
	unsure.Confidence, sure.Confidence = 0.6, 1
	for name, tc := range map[string]struct {
		now        model.Diagnosis
		confidence float64
		guard      string // empty: none
		absolute   bool
	}{
		"as certain":            {model.Diagnosis{Causes: []model.Finding{p.Finding}}, p.Finding.Confidence, "", false},
		"more certain":          {model.Diagnosis{Causes: []model.Finding{sure}}, p.Finding.Confidence, "", false},
		"beside another cause":  {model.Diagnosis{Causes: []model.Finding{elsewhere}, AlsoWrong: []model.Finding{p.Finding}}, p.Finding.Confidence, "", false},
		"less certain":          {model.Diagnosis{Causes: []model.Finding{unsure}}, 0.6, "confidence", true},
		"of another object":     {model.Diagnosis{Causes: []model.Finding{elsewhere}}, p.Finding.Confidence, "unconfirmed", false},
		"nothing is wrong now":  {model.Diagnosis{Healthy: true}, p.Finding.Confidence, "unconfirmed", false},
		"nobody knows anything": {model.Diagnosis{}, p.Finding.Confidence, "unconfirmed", false},
	} {
		t.Run(name, func(t *testing.T) {
			back, err := Restore(saved(t, p), Input{Snapshot: in.Snapshot, Diagnosis: tc.now})
			if err != nil {
				t.Fatal(err)
			}
			if back.Finding.Confidence != tc.confidence {
				t.Errorf("it is %.2f certain, want %.2f", back.Finding.Confidence, tc.confidence)
			}
			if len(back.Guards) == 0 != (tc.guard == "") || tc.guard != "" && !hasGuard(back, tc.guard) || blocked(back.Guards) != tc.absolute {
				t.Errorf("got guards %+v, want %q", back.Guards, tc.guard)
			}
		})
	}
}

func TestWhatIsNoPlan(t *testing.T) {
	for name, spoil := range map[string]func(*model.Plan){
		"another kind":           func(p *model.Plan) { p.Kind = "Diagnosis" },
		"an unknown cause":       func(p *model.Plan) { p.Finding.ID = "bad-mood" },
		"another cause's":        func(p *model.Plan) { p.Remedy.Action = "scale" },
		"nothing to do":          func(p *model.Plan) { p.Remedy.Changes = nil },
		"a deletion":             func(p *model.Plan) { p.Remedy.Changes[0].Op = model.OpDelete },
		"an unknown operation":   func(p *model.Plan) { p.Remedy.Changes[0].Op = "melt" },
		"a patch of no field":    func(p *model.Plan) { p.Remedy.Changes[0].Fields = nil },
		"a Secret":               func(p *model.Plan) { p.Remedy.Changes[0].Target.Kind = "Secret" },
		"an object without name": func(p *model.Plan) { p.Remedy.Changes[0].Target.Name = "" },
	} {
		in := faults()[0].input()
		p, err := Make(in)
		if err != nil {
			t.Fatal(err)
		}
		p = saved(t, p)
		spoil(&p)
		if _, err := Restore(p, Input{Snapshot: in.Snapshot}); !errors.Is(err, ErrNoPlan) {
			t.Errorf("%s: got %v, want %v", name, err, ErrNoPlan)
		}
	}
	in := faults()[0].input()
	p, _ := Make(in)
	p.Basis = nil
	if _, err := Restore(saved(t, p), Input{Snapshot: in.Snapshot}); !errors.Is(err, ErrMoved) {
		t.Errorf("without a basis: got %v, want %v", err, ErrMoved)
	}
}
