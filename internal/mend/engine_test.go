package mend

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
)

const right = "patch service/cart /spec/ports/0/targetPort=8080"

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup func(*cluster, *Engine)
		want  plan.Outcome
	}{
		{"a person says no", func(_ *cluster, e *Engine) { e.Asker = answer{} }, plan.Declined},
		{"a policy's yes does not lift a guard", func(c *cluster, e *Engine) {
			c.finding.ID = "traffic-policy-local" // a cause that needs a person
			e.Asker = answer{Yes: true}
		}, plan.Refused},
		{"a rule says no", func(_ *cluster, e *Engine) { e.Asker = answer{Refused: true, Because: "p/all: mode propose"} }, plan.Refused},
		{"it is held back", func(_ *cluster, e *Engine) {
			e.Options.Hold = func(*snapshot.Snapshot, model.Plan) string { return "stopped" }
		}, plan.CouldNotAct},
		{"the dry run is rejected", func(c *cluster, _ *Engine) {
			c.dryRun = &act.RejectedError{Err: errors.New("webhook says no")}
		}, plan.CouldNotAct},
		{"the API server rejects the change", func(c *cluster, _ *Engine) {
			c.refuse = &act.RejectedError{Err: errors.New("quota")}
		}, plan.CouldNotAct},
		{"the cause is not certain enough", func(c *cluster, _ *Engine) { c.finding.Confidence = 0.7 }, plan.Refused},
		{"only a person can", func(c *cluster, _ *Engine) { c.finding.ID, c.finding.Wanted = "app-error", "" }, plan.OnlyAdvice},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t)
				e := engine(c, &MemoryJournal{})
				tc.setup(c, e)
				got, err := e.Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want || len(c.writes) > 0 {
					t.Errorf("got %s (%s), writes %v; want %s and no write", got.Outcome, got.Because, c.writes, tc.want)
				}
			})
		})
	}
}

type answer Answer

func (a answer) Ask(context.Context, model.Plan) (Answer, error) { return Answer(a), nil }

// TestALostAnswerIsLookedFor: the change took effect and the answer of the API server was lost.
func TestALostAnswerIsLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		c.lose = 1
		time.Sleep(5 * time.Second)
		got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.Mended || len(c.writes) != 1 {
			t.Errorf("got %s (%s), writes %v; want it mended with one write", got.Outcome, got.Because, c.writes)
		}
	})
}

// TestACrashNeitherRepeatsNorForgets kills the process at every record of every course, before and
// after it is written, and starts it again.
func TestACrashNeitherRepeatsNorForgets(t *testing.T) {
	for _, helps := range []bool{true, false} {
		for _, after := range []bool{false, true} {
			for at := range 14 {
				synctest.Test(t, func(t *testing.T) {
					c := wrongPort(t)
					if !helps {
						c.fails["cart"] = func() bool { return true }
					}
					time.Sleep(5 * time.Second)
					j := &crashJournal{at: at, after: after}
					got, err := engine(c, j).Run(t.Context(), Incident{ID: "i1"})
					if err != nil && !errors.Is(err, errCrash) {
						t.Fatal(err)
					}
					if errors.Is(err, errCrash) {
						time.Sleep(3 * time.Second)
						if got, err = engine(c, j).Run(t.Context(), Incident{ID: "i1"}); err != nil {
							t.Fatalf("at %d after=%v: resume: %v", at, after, err)
						}
					}
					checkAfterCrash(t, c, got, helps)
					if open, _ := Open(j); len(open) > 0 {
						t.Errorf("at %d: incidents %v are still open", at, open)
					}
				})
			}
		}
	}
}

func checkAfterCrash(t *testing.T, c *cluster, got Result, helps bool) {
	t.Helper()
	times := map[string]int{}
	for _, w := range c.writes {
		times[w]++
	}
	if times[right] > 1 {
		t.Errorf("the change was made %d times: %v", times[right], c.writes)
	}
	changed := c.targetPort() == 8080
	switch {
	case got.Outcome == plan.Mended && (!helps || !changed):
		t.Errorf("mended, but helps=%v changed=%v", helps, changed)
	case got.Outcome != plan.Mended && changed:
		t.Errorf("%s (%s), but the change is still there", got.Outcome, got.Because)
	case !helps && got.Outcome == plan.Unverified:
		t.Errorf("what did not help is kept")
	}
}

// TestAPlanThatTheClusterMovedAwayFromIsMadeAnew: what somebody else changed while a person was
// thinking is no attempt that failed to help.
func TestAPlanThatTheClusterMovedAwayFromIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		e := engine(c, &MemoryJournal{})
		e.Asker = &meddler{t: t, c: c}
		got, err := e.Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.Mended || got.Plan == nil || string(got.Plan.Remedy.Change.Fields[0].Old) != "9998" {
			t.Errorf("got %s (%s), want it mended from the port that it had at last", got.Outcome, got.Because)
		}
	})
}

// meddler says yes, and while it is asked for the first time somebody sets another wrong port.
type meddler struct {
	t     *testing.T
	c     *cluster
	asked int
}

func (m *meddler) Ask(context.Context, model.Plan) (Answer, error) {
	if m.asked++; m.asked == 1 {
		field := model.FieldChange{Path: "/spec/ports/0/targetPort", Old: []byte("9999"), New: []byte("9998")}
		next, err := m.c.now.With(model.Change{Op: model.OpPatch, Target: plantest.Ref("Service", "cart"), Fields: []model.FieldChange{field}})
		if err != nil {
			m.t.Error(err)
			return Answer{}, err
		}
		m.c.now = m.c.controllers(next)
	}
	return Answer{Yes: true, Person: true}, nil
}

// TestWhatWasRefusedOnceIsTriedInTheNextIncident: a right that was lacking says nothing of the change.
func TestWhatWasRefusedOnceIsTriedInTheNextIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		journal := &MemoryJournal{}
		c.dryRun = &act.ForbiddenError{Verb: "patch", Namespace: plantest.Namespace, Words: "may not"}
		got, err := engine(c, journal).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.CouldNotAct || strings.Contains(got.Because, "did not help") {
			t.Errorf("without the right: %s (%s), want %s, and no word of a change that did not help", got.Outcome, got.Because, plan.CouldNotAct)
		}
		c.dryRun = nil
		if got, err = engine(c, journal).Run(t.Context(), Incident{ID: "i2"}); err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.Mended {
			t.Errorf("with the right: %s (%s), want %s", got.Outcome, got.Because, plan.Mended)
		}
	})
}
