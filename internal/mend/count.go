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

// ahead reports whether a time of a signal is none of this clock: it was stamped before the clock was set back, or by a
// clock that is far ahead. What came before a change could not be told from what came after it.
func ahead(at, now time.Time) bool { return at.Sub(now) >= detect.SetBack }

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
