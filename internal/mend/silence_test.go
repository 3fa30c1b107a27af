package mend

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatemend/gatemend/internal/plan"
)

// After the API server's return gateways go on for a while by what they knew before.
func TestGatewaysCatchUpLate(t *testing.T) {
	for name, tc := range map[string]struct {
		away  [2]time.Duration // since when, until when
		until time.Duration    // when requests succeed
		want  plan.Outcome
	}{
		"away while it is verified":     {[2]time.Duration{12 * time.Second, 60 * time.Second}, 150 * time.Second, plan.Mended},
		"away until right before":       {[2]time.Duration{0, 9 * time.Second}, 75 * time.Second, plan.Mended},
		"never away, and as late":       {until: 75 * time.Second, want: plan.NotHelped},
		"away, and too late even so":    {[2]time.Duration{12 * time.Second, 20 * time.Second}, time.Hour, plan.NotHelped},
		"away long before, and as late": {[2]time.Duration{-time.Hour, -2 * time.Minute}, 75 * time.Second, plan.NotHelped},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t)
				began := time.Now()
				c.fails["cart"] = func() bool { return time.Since(began) < tc.until }
				c.silent = func() bool { d := time.Since(began); return d >= tc.away[0] && d < tc.away[1] }
				if tc.away[1] != 0 && tc.away[1] < 10*time.Second {
					c.back = began.Add(tc.away[1])
				}
				time.Sleep(10 * time.Second) // it fails for a while
				got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want {
					t.Errorf("got %s (%s) after %q, want %s", got.Outcome, got.Because, c.writes, tc.want)
				}
			})
		})
	}
}

// What was taken back while the API server was away has not been proven useless: it is tried once more, and then no more.
func TestWhatAnOutageSpoiltIsTriedOnceMore(t *testing.T) {
	for name, tc := range map[string]struct {
		away  time.Duration
		until int // so many changes are in vain
		want  plan.Outcome
		wrote int
	}{
		"it helps the second time": {time.Minute, 2, plan.Mended, 3},
		"it never helps":           {time.Minute, 100, plan.NotHelped, 4},
		"nothing was away":         {0, 2, plan.NotHelped, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, journal := wrongPort(t), &MemoryJournal{}
				began := time.Now()
				c.fails["cart"] = func() bool { return len(c.writes) <= tc.until }
				c.silent = func() bool { d := time.Since(began); return d > 12*time.Second && d < 12*time.Second+tc.away }
				time.Sleep(10 * time.Second) // it fails for a while
				got, err := engine(c, journal).Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want || len(c.writes) != tc.wrote {
					t.Errorf("got %s (%s) after %q, want %s after %d", got.Outcome, got.Because, c.writes, tc.want, tc.wrote)
				}
				if _, err := engine(c, journal).Run(t.Context(), Incident{ID: "i2"}); err != nil {
					t.Fatal(err)
				}
				if tc.want == plan.NotHelped && len(c.writes) != tc.wrote {
					t.Errorf("in the next incident it is made again: %q", c.writes)
				}
			})
		})
	}
}

// An API server that comes and goes does not keep what does not help.
func TestSilencesDoNotPutTheVerdictOffForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		c.fails["cart"] = func() bool { return true }
		began := time.Now()
		c.silent = func() bool { return time.Since(began)%(50*time.Second) < 10*time.Second }
		time.Sleep(10 * time.Second) // it fails for a while
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		e := engine(c, &MemoryJournal{})
		e.Options.Limits.MaxPlans = 1 // one verification is looked at
		got, err := e.Run(ctx, Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.NotHelped || c.targetPort() != 9999 {
			t.Errorf("got %s (%s) after %q, want it taken back", got.Outcome, got.Because, c.writes)
		}
		if after := time.Since(began); after > 6*time.Minute {
			t.Errorf("it was kept for %s", after)
		}
	})
}

// The first silences have a limit of time begin anew, further ones have it stand still. Each is told of once.
func TestSilencesAreForgivenAFewTimes(t *testing.T) {
	told, at := 0, true
	r := &run{Engine: &Engine{Observer: &cluster{silent: func() bool { return at }}, Now: time.Now}, options: Options{OnSilence: func(string) { told++ }}}
	var q silence
	for i := range mostForgiven + 1 {
		for range 2 { // each lasts for two looks
			at = true
			if err := r.hear(&q); err != nil || !q.now || q.forgiven() != (i < mostForgiven) || told != i+1 {
				t.Errorf("silence %d: %+v, told %d times", i, q, told)
			}
		}
		at = false
		if err := r.hear(&q); err != nil || q.now || q.forgiven() {
			t.Errorf("after silence %d: %+v", i, q)
		}
	}
}
