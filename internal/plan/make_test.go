package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/testkit"
)

type fault plantest.Fault

func faults() []fault {
	var out []fault
	for _, f := range plantest.Faults() {
		out = append(out, fault(f))
	}
	return out
}

func (f fault) input() Input {
	c := plantest.Shop("cart", "web")
	f.Break(c)
	s := c.Snapshot()
	return Input{
		Diagnosis: model.Diagnosis{At: s.At(), Causes: []model.Finding{f.Finding}, Observed: f.Observed}, Snapshot: s, Memory: Memory{Deleted: f.Deleted},
	}
}

// TestPlans keeps every kind of plan as a person sees it.
func TestPlans(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.Name, func(t *testing.T) {
			p, err := Make(f.input())
			if err != nil {
				t.Fatal(err)
			}
			testkit.Golden(t, "testdata/plans/"+f.Name+".txt", story(t, p))
		})
	}
}

// story writes down what matters in a plan.
func story(t *testing.T, p model.Plan) string {
	t.Helper()
	var b strings.Builder
	r := p.Remedy
	fmt.Fprintf(&b, "%s for %s, %s risk, machine: %s, proof: %s\n%s\nbecause %s\n\n", r.Action, r.Cause, r.Risk, r.Machine, r.Proof, r.Summary, r.Why)
	b.WriteString(p.Diff + "\n")
	for i := range p.Before {
		fmt.Fprintf(&b, "%s: %s -> %s\n", p.Before[i].Request, p.Before[i].Predicts, p.After[i].Predicts)
	}
	for _, u := range r.Undo {
		data, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "undo: %s\n", data)
	}
	for _, x := range p.Refused {
		fmt.Fprintf(&b, "not taken: %s\n", x)
	}
	for _, g := range p.Guards {
		fmt.Fprintf(&b, "guard: %s (absolute: %v): %s\n", g.Guard, g.Absolute, g.Because)
	}
	fmt.Fprintf(&b, "by hand: %s\n", r.Kubectl)
	return b.String()
}

// TestUndoTakesBack applies every plan and its undo, and compares the objects with those before.
func TestUndoTakesBack(t *testing.T) {
	for _, f := range faults() {
		t.Run(f.Name, func(t *testing.T) {
			in := f.input()
			p, err := Make(in)
			if err != nil {
				t.Fatal(err)
			}
			there, err := in.Snapshot.With(p.Remedy.Changes...)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range p.Remedy.Changes {
				if got := IsCarried(there, c); got != Made {
					t.Errorf("after the change IsCarried says %d, want %d", got, Made)
				}
				if got := IsCarried(in.Snapshot, c); got != NotMade {
					t.Errorf("before the change IsCarried says %d, want %d", got, NotMade)
				}
			}
			back, err := there.With(p.Remedy.Undo...)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range p.Remedy.Changes {
				if c.Op == model.OpEvict {
					continue // its controller makes another pod
				}
				want, _ := document(in.Snapshot, c.Target)
				got, _ := document(back, c.Target)
				if string(got) != string(want) {
					t.Errorf("%s after change and undo:\n%s\nwant\n%s", c.Target, got, want)
				}
			}
		})
	}
}

func TestWhatIfRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, because string
		breaks        func(*plantest.Cluster)
		finding       model.Finding
	}{
		{
			"a port that is no better", "cart.shop.test/ would still fail",
			func(c *plantest.Cluster) {
				c.Edit("Service/cart", 9999, "spec", "ports", 0, "targetPort")
				c.Edit("EndpointSlice/cart-x", 9999, "ports", 0, "port")
			},
			plantest.Finding("target-port-mismatch", "Service", "cart", "spec.ports[0].targetPort", "9998"),
		},
		{
			"a port that another route asks for", "it would break web.shop.test/",
			func(c *plantest.Cluster) {
				// web's Ingress also leads to the Service cart, which is right for it.
				c.Edit("Ingress/web", "cart", "spec", "rules", 0, "http", "paths", 0, "backend", "service", "name")
				c.Edit("Ingress/cart", 81, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "number")
			},
			plantest.Finding("service-port-missing", "Ingress", "cart", "spec.rules[0].http.paths[0].backend.service.port.number", "", "service", "Service", "cart"),
		},
		{
			"a template that keeps what is broken", "would still fail",
			func(c *plantest.Cluster) {
				plantest.Unready(c)
				plantest.Revision(c, "shop:bad", "image")
				c.Edit("ReplicaSet/cart-1", "shop:bad", "spec", "template", "spec", "containers", 0, "image")
				c.Edit("ReplicaSet/cart-1", "64Mi", "spec", "template", "spec", "containers", 0, "resources", "limits", "memory")
			},
			plantest.Finding("image-pull", "Deployment", "cart", plantest.Container+".image", "", "goodRevision", "ReplicaSet", "cart-1"),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Make(fault{Break: tc.breaks, Finding: tc.finding}.input())
			var refused *RefusedError
			if !errors.As(err, &refused) || !errors.Is(err, ErrAllRefused) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if !strings.Contains(err.Error(), tc.because) {
				t.Errorf("got %q, want it to say %q", err, tc.because)
			}
		})
	}
}

func TestNoPlan(t *testing.T) {
	s := plantest.Shop("cart").Snapshot()
	if _, err := Make(Input{Snapshot: s}); !errors.Is(err, ErrNothingToDo) {
		t.Errorf("without a cause: got %v, want %v", err, ErrNothingToDo)
	}
	d := model.Diagnosis{Causes: []model.Finding{plantest.Finding("app-error", "Deployment", "cart", "", "")}}
	if _, err := Make(Input{Snapshot: s, Diagnosis: d}); !errors.Is(err, ErrOnlyAdvice) {
		t.Errorf("for an application's own error: got %v, want %v", err, ErrOnlyAdvice)
	}
	if _, err := Make(Input{Snapshot: s, Diagnosis: d}); err == nil || !strings.Contains(err.Error(), "What a person should do: ") {
		t.Errorf("for an application's own error: got %q, want what a person should do", err)
	}
}

func TestPlanningIsDeterministicAndChangesNothing(t *testing.T) {
	for _, f := range faults() {
		in := f.input()
		before, _ := document(in.Snapshot, in.Diagnosis.Causes[0].Object.Ref)
		first, err1 := Make(in)
		second, err2 := Make(in)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if a, b := story(t, first), story(t, second); a != b {
			t.Errorf("%s: two plans of one input differ:\n%s\n%s", f.Name, a, b)
		}
		if after, _ := document(in.Snapshot, in.Diagnosis.Causes[0].Object.Ref); string(after) != string(before) {
			t.Errorf("%s: planning changed the snapshot", f.Name)
		}
	}
}
