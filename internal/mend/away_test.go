package mend

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatemend/gatemend/internal/plan"
)

// TestAnUndoIsLeftToALaterRun: an API server that does not come back is waited for as long as it was said, also one that comes and
// goes. What is left is told, and the next run with the same journal takes it back.
func TestAnUndoIsLeftToALaterRun(t *testing.T) {
	for name, o := range map[string]outage{
		"before the undo":                   {at: plan.EventUndoing, lasts: time.Hour},
		"the undo is made, its answer lost": {at: plan.EventUndoing, lasts: time.Hour, makes: true},
		"while it is proven":                {at: plan.EventApplied, lasts: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o.cluster = wrongPort(t)
				e := o.failing()
				e.Options.Limits.MaxPlans, e.Options.Outage = 1, 10*time.Minute
				began := time.Now()
				got, err := e.Run(t.Context(), Incident{ID: "i1"})
				away, isAway := errors.AsType[*AwayError](err)
				if !isAway || got.Outcome != "" || time.Since(began) > 15*time.Minute {
					t.Fatalf("got %s (%s), %v after %s; want it left open", got.Outcome, got.Because, err, time.Since(began))
				}
				undoing := o.at == plan.EventUndoing
				if undoing != (len(away.Left) == 1) || undoing != strings.Contains(err.Error(), "Service shop/cart did not help") {
					t.Errorf("got %q and %v left", err, away.Left)
				}
				time.Sleep(2 * time.Hour)
				if got, err = e.Run(t.Context(), Incident{ID: "i1"}); err != nil || got.Outcome != plan.NotHelped || o.targetPort() != 9999 {
					t.Errorf("got %s (%s), %v, targetPort %d; want it taken back", got.Outcome, got.Because, err, o.targetPort())
				}
			})
		})
	}
}

// TestAChangeHasItsTimeAfterARestart: a short outage that took gatemend down with it is not told from a crash. It need not be: what
// was changed has all of its time once gatemend is back, and gateways that catch up late show that it helped.
func TestAChangeHasItsTimeAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		back := time.Now().Add(time.Hour)
		c.fails["cart"] = func() bool { return time.Now().Before(back.Add(90 * time.Second)) }
		time.Sleep(10 * time.Second)           // it fails for a while
		j := &crashJournal{at: 4, after: true} // once the change was made
		if _, err := engine(c, j).Run(t.Context(), Incident{ID: "i1"}); !errors.Is(err, errCrash) || j.events[4].Kind != plan.EventApplied {
			t.Fatalf("after %v: %v", kinds(j.events), err)
		}
		time.Sleep(2 * time.Minute)
		j.at, back = -1, time.Now()
		got, err := engine(c, j).Run(t.Context(), Incident{ID: "i1"})
		if err != nil || got.Outcome != plan.Mended || len(c.writes) != 1 {
			t.Errorf("got %s (%s), %v after %q, want it kept", got.Outcome, got.Because, err, c.writes)
		}
	})
}
