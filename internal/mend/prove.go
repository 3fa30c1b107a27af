package mend

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/verify"
)

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
