package mend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func TestTakesBackWhatDidNotHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		c.fails["cart"] = func() bool { return true } // the model is wrong: something else is broken too
		got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.NotHelped {
			t.Errorf("got %s (%s), want %s", got.Outcome, got.Because, plan.NotHelped)
		}
		if d := cmp.Diff([]string{right, "patch service/cart /spec/ports/0/targetPort=9999"}, c.writes); d != "" {
			t.Errorf("writes (-want +got):\n%s", d)
		}
		if c.targetPort() != 9999 {
			t.Errorf("targetPort is %d after the undo, want 9999", c.targetPort())
		}
	})
}

func TestDoesNotRepeatWhatDidNotHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		c.fails["cart"] = func() bool { return true }
		journal := &MemoryJournal{}
		if _, err := engine(c, journal).Run(t.Context(), Incident{ID: "i1"}); err != nil {
			t.Fatal(err)
		}
		before := len(c.writes)
		got, err := engine(c, journal).Run(t.Context(), Incident{ID: "i2"})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.writes) != before || got.Outcome != plan.Refused {
			t.Errorf("the second incident: %s (%s), writes %v; want it refused without a write", got.Outcome, got.Because, c.writes[before:])
		}
	})
}

// callsCart makes a pod of the web application one that calls the cart.
func callsCart(c *plantest.Cluster) {
	c.Edit("Pod/web-2-0", []any{map[string]any{"name": "CART", "value": "http://cart.shop:80/v1"}}, "spec", "containers", 0, "env")
}

func TestTakesBackWhatBreaksAnotherRoute(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup []func(*plantest.Cluster)
		want  plan.Outcome
		port  int32
	}{
		{"one that rests on what was changed", []func(*plantest.Cluster){callsCart}, plan.NotHelped, 9999},
		{"one that began to fail in the same second, for a reason of its own", nil, plan.Mended, 8080},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t, tc.setup...)
				c.fails["web"] = func() bool { return c.targetPort() == 8080 }
				time.Sleep(10 * time.Second)
				got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want || !strings.Contains(got.Because, "web.shop.test") || c.targetPort() != tc.port {
					t.Errorf("got %s (%s) and targetPort %d; want %s, web.shop.test named, and %d", got.Outcome, got.Because, c.targetPort(), tc.want, tc.port)
				}
			})
		})
	}
}

// TestWhatSomebodyElseHasCreatedIsTheirs: gatemend is killed right before it creates a Service, which a person does meanwhile.
func TestWhatSomebodyElseHasCreatedIsTheirs(t *testing.T) {
	fault := plantest.Faults()[slices.IndexFunc(plantest.Faults(), func(f plantest.Fault) bool { return f.Name == "service-deleted-remembered" })]
	synctest.Test(t, func(t *testing.T) {
		shop := plantest.Shop("cart", "web")
		before, _ := shop.Snapshot().Services().Get(plantest.Namespace, "cart")
		fault.Break(shop)
		c := newCluster(t, shop.Snapshot(), fault.Finding)
		c.deleted = fault.Deleted
		c.fails["cart"] = func() bool { return true }
		time.Sleep(10 * time.Second) // it fails for a while
		j := &crashJournal{at: 3, after: true}
		if _, err := engine(c, j).Run(t.Context(), Incident{ID: "i1"}); !errors.Is(err, errCrash) || j.events[3].Kind != plan.EventApplying {
			t.Fatalf("after %v: %v", kinds(j.events), err)
		}
		theirs := before.DeepCopy()
		theirs.UID, theirs.ManagedFields = "theirs", []metav1.ManagedFieldsEntry{{Manager: "kubectl-create", Operation: metav1.ManagedFieldsOperationUpdate}}
		c.now = c.now.WithObjects([]metav1.Object{theirs}, nil)
		j.at = -1
		got, err := engine(c, j).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		o, _ := c.now.Services().Get(plantest.Namespace, "cart")
		if got.Outcome != plan.Interrupted || o == nil || o.UID != "theirs" || len(c.writes) != 0 {
			t.Errorf("got %s (%s) after %v, writes %q", got.Outcome, got.Because, kinds(got.Events), c.writes)
		}
	})
}

// TestWhatIsHeldBackInTheMiddleIsTakenBack: somebody stops gatemend between the two changes of a plan.
func TestWhatIsHeldBackInTheMiddleIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, plantest.Shop("cart", "web").Snapshot(), model.Finding{
			ID: "termination-race", Confidence: 0.97, Wanted: `{"sleep":{"seconds":4}}`,
			Object: model.FieldRef{Ref: plantest.Ref("Deployment", "cart"), Field: "spec.template.spec.containers[0].lifecycle.preStop"},
			Routes: []model.Ref{plantest.Ref("Ingress", "cart")},
		})
		e := engine(c, &MemoryJournal{})
		asked := 0
		e.Options.Hold = func(*snapshot.Snapshot, model.Plan) string {
			if asked++; asked > 1 {
				return "kill-switch: stopped"
			}
			return ""
		}
		got, err := e.Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		d, _ := c.now.Deployments().Get(plantest.Namespace, "cart")
		if l := d.Spec.Template.Spec.Containers[0].Lifecycle; l != nil && l.PreStop != nil || len(c.writes) != 2 {
			t.Errorf("writes %v, want the first change and its undo", c.writes)
		}
		if got.Outcome != plan.NotHelped || !strings.Contains(got.Because, "kill-switch: stopped") {
			t.Errorf("got %s (%s)", got.Outcome, got.Because)
		}
	})
}

// A pod that was changed and has gone since is nothing that is left to be taken back.
func TestAReplacedPodNeedsNoUndo(t *testing.T) {
	f := plantest.Faults()[slices.IndexFunc(plantest.Faults(), func(f plantest.Fault) bool { return f.Name == "oom-in-place" })]
	s, p, _ := broken(t, f)
	synctest.Test(t, func(t *testing.T) {
		x := newShop(t, f, s, p, false)
		x.until = time.Now()
		x.rollout = func(context.Context) error { // the first pod goes while it is resized
			x.raw = x.raw.WithObjects(nil, []model.Ref{p.Remedy.Change.Target})
			x.now = x.raw
			return nil
		}
		got, err := x.live(t)
		if err != nil || got.Outcome == plan.UndoFailed || got.Outcome.Changed() {
			t.Errorf("got %s (%s), %v; want what is left to be taken back", got.Outcome, got.Because, err)
		}
	})
}

// TestWhatSomebodyElseDeletesIsTheirs: an object that was deleted while a change of it is being proven needs no undo,
// and one that was made in its place gets none, whatever is in it.
func TestWhatSomebodyElseDeletesIsTheirs(t *testing.T) {
	for name, meanwhile := range map[string]func(*cluster){
		"deleted": func(c *cluster) { c.now = c.now.WithObjects(nil, []model.Ref{plantest.Ref("Service", "cart")}) },
		"deleted and made anew": func(c *cluster) {
			svc, _ := c.now.Services().Get(plantest.Namespace, "cart")
			svc = svc.DeepCopy()
			svc.UID = "another"
			c.now = c.now.WithObjects([]metav1.Object{svc}, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t)
				c.fails["cart"] = func() bool { return true }
				e := engine(c, &MemoryJournal{})
				e.Options.OnEvent = func(ev plan.Event) {
					if ev.Kind == plan.EventApplied {
						meanwhile(c)
					}
				}
				got, err := e.Run(t.Context(), Incident{ID: "i1"})
				if err != nil || got.Outcome != plan.NotHelped {
					t.Errorf("got %s (%s), %v; want %s", got.Outcome, got.Because, err, plan.NotHelped)
				}
				if d := cmp.Diff([]string{right}, c.writes); d != "" {
					t.Errorf("writes (-want +got):\n%s", d)
				}
			})
		})
	}
}

// TestFieldsAreGivenBack tries again where the API server may yet take it, and tells where it does not.
func TestFieldsAreGivenBack(t *testing.T) {
	stale := &act.StaleError{Object: plantest.Ref("Service", "cart"), Because: "a status was written"}
	for name, tc := range map[string]struct {
		answers []error
		held    bool
		says    string
	}{
		"at once":                   {},
		"somebody wrote in between": {answers: []error{stale, stale}},
		"answers are lost":          {answers: []error{errLost, errLost, errLost}},
		"it is forbidden":           {answers: []error{&act.ForbiddenError{Verb: "patch"}}, held: true, says: "still stand under the field manager gatemend"},
		"it never answers":          {answers: slices.Repeat([]error{errLost}, 10), held: true, says: errLost.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t)
				c.fails["cart"] = func() bool { return true }
				c.keeps = tc.answers
				got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
				if err != nil || got.Outcome != plan.NotHelped || !strings.Contains(got.Because, tc.says) {
					t.Errorf("got %s (%s), %v; want %s, and %q", got.Outcome, got.Because, err, plan.NotHelped, tc.says)
				}
				if c.held[plantest.Ref("Service", "cart")] != tc.held {
					t.Errorf("gatemend holds fields: %v, want %v", !tc.held, tc.held)
				}
			})
		})
	}
}
