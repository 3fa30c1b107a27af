package mend

import (
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/verify"
)

// Steps of a clock that are no mere drift begin the count anew, if they lead back.
func TestClockSet(t *testing.T) {
	at := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name       string
		step       time.Duration
		set, anew  bool
		old, fresh bool // whether a signal of the former clock and one of the new clock are of that clock
	}{
		{"a poll", 100 * time.Millisecond, false, false, false, false},
		{"drift", -time.Second, false, false, false, false},
		{"set back", -time.Hour, true, true, true, false},
		{"set forward", time.Hour, true, false, false, false},
	} {
		n := &count{looked: at, effect: at, from: at.Add(-time.Minute), after: verify.Tally{Run: 7}}
		now := at.Add(c.step)
		if got := n.clockSet(now); got != c.set {
			t.Errorf("%s: set %v", c.name, got)
		}
		if got := n.after.Run == 0 && n.effect.Equal(now) && n.from.Equal(now); got != c.anew {
			t.Errorf("%s: begun anew %v: %+v", c.name, got, n)
		}
		if got := ahead(at, now); got != c.old {
			t.Errorf("%s: a signal of before is ahead: %v", c.name, got)
		}
		if got := ahead(now, now); got != c.fresh {
			t.Errorf("%s: a signal of now is ahead: %v", c.name, got)
		}
	}
}
