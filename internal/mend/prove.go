package mend

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/verify"
)

// count is what was counted of the routes before and after a change.
type count struct {
	// routes are those of the present state. The observer may not have heard of the change yet when counting begins, and a
	// gateway's log may speak of the former ones still.
	routes  *path.Map
	former  *path.Map
	reach   plan.Reach
	failing []model.Trace
	effect  time.Time
	first   time.Time // when the first change was made: what fails elsewhere since then did not fail before
	from    time.Time // the oldest signal that is looked at
	before  verify.Counts
	after   verify.Tally
	others  map[string]*verify.Other
	next    uint64
	ready   time.Time // since when the pods have been ready; zero: they are not
	looked  time.Time // by the wall clock
	asked   int       // requests that were sent for the proof
}

// verify counts requests until the verdict is clear.
func (r *run) verify(ctx context.Context) error {
	p := *r.state.Plan
	started := r.Now()
	n, err := r.counting(ctx)
	if err != nil {
		return err
	}
	back := r.Observer.Back()
	if r.resumed { // what was meanwhile is not known: a leader that hears nothing of the API server steps down
		back = started
	}
	var quiet silence
	for last := started; ; {
		now := r.Now()
		if n.clockSet(now) {
			started, last, back = now, now, time.Time{}
			if r.resumed { // since the change no process ran for a while: an outage may have taken it down
				back = now
			}
		}
		passed := now.Sub(last)
		last = now
		j, err := r.judge(ctx, p, n, started, back)
		if err != nil {
			return err
		}
		if err := r.hear(&quiet); err != nil {
			return err
		}
		// In a silence the objects are those of before, and logs stand still: that nothing gets better is not seen. The time
		// to help does not pass.
		switch {
		case quiet.forgiven():
			started, back, n.ready = now, now, time.Time{}
		case quiet.now:
			started, n.ready = started.Add(passed), time.Time{}
			if !back.IsZero() {
				back = back.Add(passed)
			}
		case j.Verdict != verify.NeedMore:
			return r.record(plan.Event{Kind: plan.EventJudged, Judgement: &j, Away: r.wasAway()})
		}
		if err := sleep(ctx, r.options.Poll); err != nil {
			return err
		}
	}
}

// counting begins to count for the changes that have been made so far.
func (r *run) counting(ctx context.Context) (*count, error) {
	s, err := r.Observer.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("read cluster: %w", err)
	}
	p, effect := *r.state.Plan, r.state.AppliedAt
	return &count{
		former: r.mapOf(s), reach: plan.ReachOf(p, s), failing: plan.Failing(p), effect: effect, first: r.state.FirstAt,
		from: r.failingSince(r.state.FirstAt), others: map[string]*verify.Other{}, looked: effect,
	}, nil
}

// worsens watches, for as long as the next change waits, whether those that were made so far break another route, and gives
// that verdict; nil: they do not. The route that is to be mended still fails, of which the next fault is the reason.
func (r *run) worsens(ctx context.Context) (*verify.Judgement, error) {
	p, started := *r.state.Plan, r.Now()
	n, err := r.counting(ctx)
	if err != nil {
		return nil, err
	}
	var quiet silence
	for until := started.Add(r.options.Between); ; {
		j, err := r.judge(ctx, p, n, started, r.Observer.Back())
		if err != nil {
			return nil, err
		}
		if err := r.hear(&quiet); err != nil {
			return nil, err
		}
		switch now := r.Now(); {
		case quiet.now: // nothing is seen: the time to look begins after it
			until = now.Add(r.options.Between)
		case j.Verdict == verify.WorseElsewhere:
			return &j, nil
		case !now.Before(until) && (r.goesOn(ctx) || !now.Before(until.Add(r.options.Settle))):
			return nil, nil
		}
		if err := sleep(ctx, r.options.Poll); err != nil {
			return nil, err
		}
	}
}

// goesOn reports whether the next fault is seen as the plan expects it: the observer may lag behind what was changed before.
func (r *run) goesOn(ctx context.Context) bool {
	s, err := r.Observer.Snapshot(ctx)
	return err == nil && plan.RecheckFrom(*r.state.Plan, r.state.Done, r.mapOf(s)) == nil
}

// silence keeps account of the times in which the API server cannot be seen.
type silence struct {
	now   bool
	times int
	since time.Time // when the present one began
}

// mostForgiven is how many silences have a limit of time begin anew, since watches and controllers need a while after one to
// catch up. In further ones it stands still: a server that comes and goes must not keep a change that does not help.
const mostForgiven = 3

// hear takes in whether the API server can be seen now, and tells of each silence once. The error is that of a silence that is too long.
func (r *run) hear(q *silence) error {
	why := r.Observer.Silent()
	if why != "" && !q.now {
		q.times++
		q.since = r.Now()
		if r.options.OnSilence != nil {
			r.options.OnSilence(why)
		}
	}
	if q.now = why != ""; q.now {
		return r.tooLong(q.since)
	}
	return nil
}

// forgiven reports whether a limit of time begins anew.
func (q silence) forgiven() bool { return q.now && q.times <= mostForgiven }

// ahead reports whether a time of a signal is none of this clock: it was stamped before the clock was set back, or by a
// clock that is far ahead. What came before a change could not be told from what came after it.
func ahead(at, now time.Time) bool { return at.Sub(now) >= detect.SetBack }

// clockSet reports whether the clock was set since the last look, or this process did not run for a while. After a step back,
// which may also be one to another leader's clock, what comes is older than what was counted: counting begins anew, from now on.
func (n *count) clockSet(now time.Time) bool {
	// Signals have the wall clock's time alone.
	now = now.Round(0)
	step := now.Sub(n.looked)
	n.looked = now
	if step <= -detect.SetBack {
		n.effect, n.first, n.from, n.ready, n.after, n.others = now, now, now, time.Time{}, verify.Tally{}, map[string]*verify.Other{}
	}
	return step.Abs() >= detect.SetBack
}

// wasAway reports whether the API server was away since the last change was made, or so shortly before it that gateways and
// controllers may not have caught up with it then. Of the time before this process began only its length is known: while the API
// server can be seen, something is recorded sooner.
func (r *run) wasAway() bool {
	back := r.Observer.Back()
	return r.absent == r.state.Plans || r.Observer.Silent() != "" || !back.IsZero() && back.Add(r.options.Verify.CatchUp).After(r.state.AppliedAt)
}

func (r *run) judge(ctx context.Context, p model.Plan, n *count, started, back time.Time) (verify.Judgement, error) {
	s, err := r.Observer.Snapshot(ctx)
	if err != nil {
		return verify.Judgement{}, fmt.Errorf("read cluster: %w", err)
	}
	n.routes = r.mapOf(s)
	var signals []model.Signal
	signals, n.next = r.Feed.Read(n.next)
	for _, sig := range signals {
		n.add(sig)
	}
	n.asked += r.probe(ctx, s, n, started)
	well, ready := plan.Agrees(p, n.routes)
	switch {
	case !ready:
		n.ready = time.Time{}
	case n.ready.IsZero():
		n.ready = r.Now()
	}
	return verify.Judge(verify.Evidence{
		Effect: n.effect, Started: started, Back: back, Before: n.before, After: n.after, Others: n.listOthers(),
		ModelAgrees: well, Ready: ready, ReadySince: n.ready, Asked: n.asked, Proof: p.Remedy.Proof,
		Rollout: verify.Rollout{Done: r.state.Waited == len(p.Remedy.Changes), End: r.state.WaitedAt},
	}, r.Now(), r.options.Verify), nil
}

// The bounds of probing: a route must have been silent for a while, and so many requests prove anything.
const (
	silent     = 3 * time.Second
	mostProbes = 200
)

// probe sends requests if nobody else does, and says how many.
func (r *run) probe(ctx context.Context, s *snapshot.Snapshot, n *count, started time.Time) int {
	if r.Prober == nil || n.after.Requests > n.asked || n.asked >= mostProbes || r.Now().Sub(started) < silent {
		return 0
	}
	var requests []model.Request
	for _, t := range n.failing {
		if t.Request.Host != "" && !slices.ContainsFunc(requests, func(q model.Request) bool { return q.String() == t.Request.String() }) {
			requests = append(requests, t.Request)
		}
	}
	return r.Prober.Probe(ctx, s, requests)
}

// add counts one signal. Lines of error logs belong to a request that has an access line too.
func (n *count) add(sig model.Signal) {
	if sig.ErrorLog || sig.At.Before(n.from) || ahead(sig.At, n.looked) {
		return
	}
	route, ok := n.routes.Locate(sig)
	if !ok {
		if route, ok = n.former.Locate(sig); !ok {
			return
		}
	}
	failed, since := detect.Failing(&sig), sig.At.After(n.effect)
	switch {
	case !n.mended(route) && since:
		n.other(route).After.Add(sig.At, failed)
	case !n.mended(route) && sig.At.After(n.first): // while changes were made
	case !n.mended(route):
		tally(&n.other(route).Before, failed)
	case since:
		n.after.Add(sig.At, failed)
	case failed || n.before.Errors > 0: // the failing time begins with the first error
		tally(&n.before, failed)
	}
}

func tally(c *verify.Counts, failed bool) {
	c.Requests++
	if failed {
		c.Errors++
	}
}

// mended reports whether a route is one that the plan is to mend, or gets the requests of one that it takes
// away.
func (n *count) mended(route path.Route) bool {
	return slices.ContainsFunc(n.failing, func(t model.Trace) bool {
		return t.Route == route.Object && t.Rule == route.Rule || t.Request.String() == route.Request().String()
	})
}

func (n *count) other(route path.Route) *verify.Other {
	name := route.String()
	if n.others[name] == nil {
		n.others[name] = &verify.Other{Route: name, Touched: n.reach.Touches(n.routes.WalkRoute(route))}
	}
	return n.others[name]
}

func (n *count) listOthers() []verify.Other {
	var out []verify.Other
	for _, name := range slices.Sorted(maps.Keys(n.others)) {
		out = append(out, *n.others[name])
	}
	return out
}

// failingSince is from when on requests tell how the route did before a change.
func (r *run) failingSince(effect time.Time) time.Time {
	from := effect.Add(-r.options.Before)
	if since := r.incident.Since; since.After(from) && !since.After(effect) { // by another clock it may be later
		return since
	}
	return from
}
