package verify

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
)

func at(seconds float64) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

// good is evidence of a change at second 0 after which everything is well: n requests, none failed.
func good(n int) Evidence {
	return Evidence{
		Effect: at(0), Before: Counts{Requests: 100, Errors: 100}, ModelAgrees: true, Ready: true,
		After: Tally{Counts: Counts{Requests: n}, Run: n, First: at(0)}, Proof: model.ProofTraffic,
	}
}

func TestJudge(t *testing.T) {
	with := func(e Evidence, edit func(*Evidence)) Evidence { edit(&e); return e }
	failing := with(good(60), func(e *Evidence) { e.After.Errors, e.After.Run, e.After.LastError = 60, 0, at(120) })
	for _, tc := range []struct {
		name string
		e    Evidence
		now  float64
		want Verdict
	}{
		{"enough successes for long enough", good(60), 4, Helped},
		{"enough successes, too soon", good(60), 2, NeedMore},
		{"long enough, too few", good(10), 4, NeedMore},
		{"too few to be sure at the deadline", good(10), 61, Unverified},
		{"the last error is fresh", with(good(60), func(e *Evidence) { e.After.Errors, e.After.LastError = 1, at(5) }), 7, NeedMore},
		{"errors stopped a while after the change", with(good(60), func(e *Evidence) { e.After.Errors, e.After.LastError = 30, at(5) }), 9, Helped},
		{"errors go on", with(good(60), func(e *Evidence) { e.After.Errors, e.After.Run, e.After.LastError = 60, 0, at(60) }), 61, NotHelped},
		{"errors are rarer but go on", with(good(600), func(e *Evidence) { e.After.Errors, e.After.Run, e.After.LastError = 9, 40, at(59) }), 61, NotHelped},
		{
			"a rare error needs a long run",
			with(good(100), func(e *Evidence) { e.Before = Counts{Requests: 1000, Errors: 30} }), 10, NeedMore,
		},
		{"the model disagrees", with(good(60), func(e *Evidence) { e.ModelAgrees = false }), 5, NeedMore},
		{"the model disagrees to the end", with(good(60), func(e *Evidence) { e.ModelAgrees = false }), 61, Unverified},
		{"pods are not ready", with(good(60), func(e *Evidence) { e.Ready = false }), 5, NeedMore},
		{"pods are ready, but only just", with(good(60), func(e *Evidence) { e.ReadySince = at(3) }), 5, NeedMore},
		{"pods have stayed ready", with(good(60), func(e *Evidence) { e.ReadySince = at(2) }), 5, Helped},
		{"pods come and go to the end", with(good(60), func(e *Evidence) { e.ReadySince = at(59) }), 61, Unverified},
		{"silence, and pods come and go", with(good(0), func(e *Evidence) { e.ReadySince = at(20) }), 21, NeedMore},
		{"silence at first", good(0), 5, NeedMore},
		{"silence, and the model agrees", good(0), 21, Unverified},
		{"silence, and pods do not come up", with(good(0), func(e *Evidence) { e.Ready = false }), 21, NeedMore},
		{"silence to the end, and pods do not come up", with(good(0), func(e *Evidence) { e.Ready = false }), 61, NotHelped},
		{"the deadline counts from the end of the rollout", with(good(10), func(e *Evidence) { e.Started = at(100) }), 120, NeedMore},
		{"errors go on, the API server was away", with(failing, func(e *Evidence) { e.Back = at(5) }), 124, NeedMore},
		{"errors go on long after the API server's return", with(failing, func(e *Evidence) { e.Back = at(5) }), 125, NotHelped},
		{"errors go on, the API server was away long before", with(failing, func(e *Evidence) { e.Back = at(-60) }), 61, NotHelped},
		{"gateways catch up late", with(good(60), func(e *Evidence) { e.Back, e.After.Errors, e.After.LastError = at(5), 60, at(64) }), 68, Helped},
		{
			"another route broke",
			with(good(60), func(e *Evidence) {
				e.Others = []Other{{Route: "web", Touched: true, Before: Counts{Requests: 100}, After: Tally{Counts: Counts{Requests: 100, Errors: 50}, LastError: at(4)}}}
			}), 4.5, WorseElsewhere,
		},
		{
			"another route broke that the change does not touch",
			with(good(60), func(e *Evidence) {
				e.Others = []Other{{Route: "web", Before: Counts{Requests: 100}, After: Tally{Counts: Counts{Requests: 100, Errors: 50}, LastError: at(4)}}}
			}), 4.5, Helped,
		},
		{
			"another route hiccuped while proxies took it up",
			with(good(60), func(e *Evidence) {
				e.Others = []Other{{Route: "web", Touched: true, Before: Counts{Requests: 100}, After: Tally{Counts: Counts{Requests: 100, Errors: 8}, Run: 60, LastError: at(1)}}}
			}), 5, Helped,
		},
		{
			"another route was as bad before",
			with(good(60), func(e *Evidence) {
				e.Others = []Other{{Route: "web", Touched: true, Before: Counts{Requests: 100, Errors: 50}, After: Tally{Counts: Counts{Requests: 100, Errors: 52}, LastError: at(4)}}}
			}), 4.5, Helped,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Judge(tc.e, at(tc.now), Options{}); got.Verdict != tc.want {
				t.Errorf("got %s (%s), want %s", got.Verdict, got.Because, tc.want)
			}
		})
	}
}

func TestJudgeRollout(t *testing.T) {
	race := func(requests, failed int, ended float64) Evidence {
		e := good(requests)
		e.Proof, e.After.Errors = model.ProofRollout, failed
		e.Rollout = Rollout{Done: ended > 0, End: at(ended)}
		return e
	}
	for _, tc := range []struct {
		name string
		e    Evidence
		now  float64
		want Verdict
	}{
		{"under way", race(50, 0, 0), 5, NeedMore},
		{"one error under way", race(50, 1, 0), 5, NotHelped},
		{"ended, not soaked", race(200, 0, 9), 10, NeedMore},
		{"ended and soaked", race(200, 0, 9), 13, Helped},
		{"one error in the soak", race(200, 1, 9), 13, NotHelped},
		{"hardly any request", race(5, 0, 9), 13, Unverified},
		{"never ends", race(900, 0, 0), 61, NotHelped},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Judge(tc.e, at(tc.now), Options{}); got.Verdict != tc.want {
				t.Errorf("got %s (%s), want %s", got.Verdict, got.Because, tc.want)
			}
		})
	}
}

func TestNeed(t *testing.T) {
	for _, tc := range []struct {
		before   Counts
		min, max int
	}{
		{Counts{Requests: 100, Errors: 100}, 20, 20}, // the least
		{Counts{Requests: 1000, Errors: 20}, 300, 360},
		{Counts{}, 60, 60},
		{Counts{Requests: 100_000, Errors: 1}, 900, 930}, // rarer than can be proven
	} {
		if got := needed(tc.before, Options{}); got < tc.min || got > tc.max {
			t.Errorf("after %+v: got %d, want %d to %d", tc.before, got, tc.min, tc.max)
		}
	}
}

// TestLaws checks what must hold for every course of requests: a change is never called helpful while
// errors go on, or without requests, or before the soak; at the deadline there is a verdict; and a
// route that only ever succeeds is never blamed.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e Evidence
		e.Effect = at(0)
		e.Before.Requests = rapid.IntRange(0, 500).Draw(t, "before")
		e.Before.Errors = rapid.IntRange(0, e.Before.Requests).Draw(t, "beforeErrors")
		e.ModelAgrees = rapid.Bool().Draw(t, "agrees")
		e.Ready = rapid.Bool().Draw(t, "ready")
		e.Proof = rapid.SampledFrom([]model.Proof{model.ProofTraffic, model.ProofRollout}).Draw(t, "proof")
		e.Rollout.Done = rapid.Bool().Draw(t, "done")
		e.Rollout.End = at(rapid.Float64Range(0, 30).Draw(t, "end"))
		now, last, run := 0.0, -1.0, 0
		failing := rapid.Float64Range(0, 1).Draw(t, "failing")
		for range rapid.IntRange(0, 300).Draw(t, "requests") {
			now += rapid.Float64Range(0, 0.5).Draw(t, "gap")
			failed := rapid.Float64Range(0, 1).Draw(t, "luck") < failing
			e.After.Add(at(now), failed)
			if run++; failed {
				last, run = now, 0
			}
		}
		e.Others = []Other{{Route: "fine", After: Tally{Counts: Counts{Requests: 50}, Run: 50}}}
		now += rapid.Float64Range(0, 100).Draw(t, "later")
		j := Judge(e, at(now), Options{})
		o := Options{}.Defaults()
		if j.Because == "" {
			t.Fatal("a verdict without a reason")
		}
		if j.Verdict == WorseElsewhere {
			t.Fatalf("a route without errors is blamed: %s", j.Because)
		}
		if now >= o.Deadline.Seconds() && j.Verdict == NeedMore {
			t.Fatalf("no verdict after the deadline: %s", j.Because)
		}
		if j.Verdict != Helped {
			return
		}
		switch {
		case e.After.Relief < detect.Recovered && run < o.MinRequests:
			t.Fatalf("helped after a run of %d", run)
		case e.After.Relief < detect.Recovered && now-max(last, 0) < o.Soak.Seconds():
			t.Fatalf("helped %v s after the last error", now-last)
		case !e.ModelAgrees || !e.Ready:
			t.Fatal("helped, though model or pods say no")
		case e.Proof == model.ProofRollout && e.After.Errors > 0:
			t.Fatal("helped, though the proving rollout had errors")
		}
	})
}

// A busy route has errors all the time: a change that leaves the usual ones has helped, one that leaves more has not.
func TestUsualErrorsGoOn(t *testing.T) {
	for _, tc := range []struct {
		name   string
		before Counts
		every  int // request that fails after the change
		want   Verdict
	}{
		{"one in a thousand is usual", Counts{Requests: 5000, Errors: 4000}, 1000, Helped},
		{"one in fifty is not", Counts{Requests: 5000, Errors: 4000}, 50, NotHelped},
		{"one in a thousand, of one in two hundred before", Counts{Requests: 5000, Errors: 25}, 1000, NotHelped},
	} {
		e := Evidence{Effect: at(0), Before: tc.before, ModelAgrees: true, Ready: true, Proof: model.ProofTraffic}
		i, got := 0, Judgement{Verdict: NeedMore}
		for now := 0.0; got.Verdict == NeedMore; now += 0.1 {
			for range 500 { // 5000 a second
				i++
				e.After.Add(at(now), i%tc.every == 0)
			}
			got = Judge(e, at(now), Options{})
		}
		if got.Verdict != tc.want {
			t.Errorf("%s: %s (%s), want %s", tc.name, got.Verdict, got.Because, tc.want)
		}
	}
}

func TestTally(t *testing.T) {
	var a Tally
	for i, failed := range []bool{false, true, false, false} {
		a.Add(at(float64(i)), failed)
	}
	a.Add(at(0.5), false) // late news from before the error
	if got, want := fmt.Sprint(a.Requests, a.Errors, a.Run, a.LastError.Equal(at(1))), "5 1 2 true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
