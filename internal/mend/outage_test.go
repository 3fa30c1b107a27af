package mend

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// outage is a cluster whose API server goes away at an event, which is noticed a little later.
type outage struct {
	*cluster

	at     plan.EventKind
	began  time.Time
	lasts  time.Duration
	makes  bool // the first change of that time is made, and its answer lost
	unread int  // so many times what was seen before is not given either
	// refuses is how long it refuses everybody after its return, until it has read who may do what.
	refuses time.Duration
}

func (o *outage) away() bool {
	return !o.began.IsZero() && time.Since(o.began) < o.lasts
}

func (o *outage) heard(e plan.Event) {
	if e.Kind == o.at && o.began.IsZero() {
		o.began = time.Now()
	}
}

func (o *outage) Silent() string {
	if o.away() && time.Since(o.began) > 8*time.Second {
		o.back = time.Now()
		return "it does not answer"
	}
	return ""
}

func (o *outage) Snapshot(ctx context.Context) (*snapshot.Snapshot, error) {
	if o.away() && o.unread > 0 {
		o.unread--
		return nil, errLost
	}
	return o.cluster.Snapshot(ctx)
}

func (o *outage) Apply(ctx context.Context, c model.Change) (act.Receipt, error) {
	if !o.away() && !o.began.IsZero() && time.Since(o.began) < o.lasts+o.refuses {
		return act.Receipt{}, &act.ForbiddenError{Verb: "patch", Namespace: c.Target.Namespace, Words: "may not"}
	}
	if !o.away() {
		return o.cluster.Apply(ctx, c)
	}
	if o.makes {
		o.makes = false
		if _, err := o.cluster.Apply(ctx, c); err != nil {
			return act.Receipt{}, err
		}
		o.heardOf(o.lasts - time.Since(o.began) + 5*time.Second)
	}
	return act.Receipt{}, errLost
}

// heardOf sets when the observer hears of the last change.
func (o *outage) heardOf(in time.Duration) { o.cluster.heard = time.Now().Add(in) }

// TestAnUndoOutlastsAnOutage: what did not help is taken back once the API server answers again, however long that takes.
func TestAnUndoOutlastsAnOutage(t *testing.T) {
	for name, o := range map[string]outage{
		"before the undo":                     {at: plan.EventUndoing, lasts: 5 * time.Minute},
		"the undo is made, its answer lost":   {at: plan.EventUndoing, lasts: 5 * time.Minute, makes: true},
		"a short one":                         {at: plan.EventUndoing, lasts: 20 * time.Second},
		"it refuses everybody at first":       {at: plan.EventUndoing, lasts: time.Second, refuses: 10 * time.Second},
		"while it is looked whether it holds": {at: plan.EventUndone, lasts: 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o.cluster = wrongPort(t)
				e := o.failing()
				e.Options.Limits.MaxPlans = 1
				got, err := e.Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != plan.NotHelped || o.targetPort() != 9999 {
					t.Errorf("got %s (%s), targetPort %d after %v; want it taken back", got.Outcome, got.Because, o.targetPort(), kinds(got.Events))
				}
			})
		})
	}
}

// TestAnUndoThatIsForbidden: a right that is lacking for good is told.
func TestAnUndoThatIsForbidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := outage{cluster: wrongPort(t), at: plan.EventUndoing, refuses: time.Hour}
		e := o.failing()
		got, err := e.Run(t.Context(), Incident{ID: "i1"})
		if err != nil || got.Outcome != plan.UndoFailed || !strings.Contains(got.Because, "may not") {
			t.Errorf("got %s (%s), %v; want %s and why", got.Outcome, got.Because, err, plan.UndoFailed)
		}
	})
}

// TestAnUndoThatCannotBeLookedAtIsGoneOnWith: that the cluster cannot be read is no answer to an undo.
func TestAnUndoThatCannotBeLookedAtIsGoneOnWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := outage{cluster: wrongPort(t), at: plan.EventUndoing, lasts: time.Second, unread: 1}
		e := o.failing()
		e.Options.Limits.MaxPlans = 1
		got, err := e.Run(t.Context(), Incident{ID: "i1"})
		if !errors.Is(err, errUnread) || got.Outcome != "" {
			t.Fatalf("got %s (%s), %v; want the repair still open", got.Outcome, got.Because, err)
		}
		time.Sleep(time.Minute)
		if got, err = e.Run(t.Context(), Incident{ID: "i1"}); err != nil || got.Outcome != plan.NotHelped || o.targetPort() != 9999 {
			t.Errorf("got %s (%s), %v, targetPort %d; want it taken back", got.Outcome, got.Because, err, o.targetPort())
		}
	})
}

// TestAChangeIsLookedForAfterAnOutage: a change was made, its answer lost, and the API server away from then on. What was seen
// before does not show the change, and does not say that it was not made.
func TestAChangeIsLookedForAfterAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := outage{cluster: wrongPort(t), at: plan.EventApplying, lasts: 5 * time.Minute, makes: true}
		time.Sleep(10 * time.Second) // it fails for a while
		e := engine(o.cluster, &MemoryJournal{})
		e.Observer, e.Actor, e.Options.OnEvent = &o, &o, o.heard
		got, err := e.Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{right}, o.writes); got.Outcome != plan.Mended || d != "" {
			t.Errorf("got %s (%s) after %v, writes (-want +got):\n%s", got.Outcome, got.Because, kinds(got.Events), d)
		}
	})
}

// TestARestartUnderAnOutage: the API server was away for all of the time in which an attempt should have shown its effect, and
// took gatemend down with it. The attempt is made once more. A restart alone is no outage.
func TestARestartUnderAnOutage(t *testing.T) {
	for name, tc := range map[string]struct {
		down  time.Duration
		wrote int
	}{"a long while": {10 * time.Minute, 4}, "a moment": {5 * time.Second, 2}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t)
				c.fails["cart"] = func() bool { return true }
				time.Sleep(10 * time.Second)           // it fails for a while
				j := &crashJournal{at: 4, after: true} // once the change was made
				if _, err := engine(c, j).Run(t.Context(), Incident{ID: "i1"}); !errors.Is(err, errCrash) || j.events[4].Kind != plan.EventApplied {
					t.Fatalf("after %v: %v", kinds(j.events), err)
				}
				time.Sleep(tc.down)
				j.at = -1
				got, err := engine(c, j).Run(t.Context(), Incident{ID: "i1"})
				if err != nil || got.Outcome != plan.NotHelped || len(c.writes) != tc.wrote {
					t.Errorf("got %s (%s), %v after %q, want %d writes", got.Outcome, got.Because, err, c.writes, tc.wrote)
				}
			})
		})
	}
}

// failing is an engine on whose cluster requests have failed for a while, and go on to do so whatever is changed.
func (o *outage) failing() *Engine {
	o.fails["cart"] = func() bool { return true }
	time.Sleep(10 * time.Second)
	e := engine(o.cluster, &MemoryJournal{})
	e.Observer, e.Actor, e.Options.OnEvent = o, o, o.heard
	return e
}
