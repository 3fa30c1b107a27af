package mend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// errUnread says that the cluster could not be read, so that the API server was not asked to change anything.
var errUnread = errors.New("the cluster cannot be read")

// nothingChanged reports whether an error of [run.call] is certain not to have changed anything.
func nothingChanged(err error) bool {
	var stale *act.StaleError
	var blocked *act.BlockedError
	var forbidden *act.ForbiddenError
	var rejected *act.RejectedError
	return errors.As(err, &stale) || errors.As(err, &blocked) || errors.As(err, &forbidden) || errors.As(err, &rejected) || errors.Is(err, errUnread)
}

// stale reports whether an actor's error says that the object is not as the change expects it.
func stale(err error) bool {
	_, ok := errors.AsType[*act.StaleError](err)
	return ok
}

// fitting gives a change the resource version of a snapshot on which it may be made.
type fitting func(*snapshot.Snapshot, model.Change) (model.Change, error)

// call has the actor try or make a change that fits the cluster as it is now. Controllers write
// status all the time, so a resource version is easily out of date: then it looks again, as long as
// every field that the change sets still has its former value, and what else fitting asks for holds.
func (r *run) call(ctx context.Context, c model.Change, fitting fitting, do func(context.Context, model.Change) (act.Receipt, error)) (act.Receipt, error) {
	const tries = 5
	for try := 1; ; try++ {
		s, err := r.Observer.Snapshot(ctx)
		if err != nil {
			return act.Receipt{}, fmt.Errorf("%w: %w", errUnread, err)
		}
		fit, err := fitting(s, c)
		if err != nil && try == tries {
			return act.Receipt{}, &act.StaleError{Object: c.Target, Because: err.Error()}
		}
		if err == nil {
			receipt, err := r.bounded(ctx, fit, do)
			var stale *act.StaleError
			if err == nil || !errors.As(err, &stale) || try == tries {
				return receipt, err
			}
		}
		if err := sleep(ctx, r.options.Settle/tries); err != nil {
			return act.Receipt{}, &act.StaleError{Object: c.Target, Because: err.Error()}
		}
	}
}

func (r *run) bounded(ctx context.Context, c model.Change, do func(context.Context, model.Change) (act.Receipt, error)) (act.Receipt, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.options.Call, errors.New("the API server did not answer in time"))
	defer cancel()
	return do(ctx, c)
}

// heldBack says why change i must not be made on the cluster as it is now.
func (r *run) heldBack(s *snapshot.Snapshot, i int) string {
	if r.options.Hold != nil {
		if why := r.options.Hold(s, *r.state.Plan); why != "" {
			return why
		}
	}
	if i == 0 || r.state.Plan.Begins(i) {
		if err := plan.RecheckFrom(*r.state.Plan, i, r.mapOf(s)); err != nil {
			return err.Error()
		}
	}
	return ""
}

// apply announces a change and makes it. An error after which nobody knows leaves the announcement
// alone: the next step is then to look for the change.
func (r *run) apply(ctx context.Context, i int) error {
	c, begins := r.state.Plan.Remedy.Changes[i], i == 0 || r.state.Plan.Begins(i)
	switch {
	case i > 0 && begins:
		if worse, err := r.worsens(ctx); err != nil {
			return err
		} else if worse != nil {
			return r.record(plan.Event{Kind: plan.EventJudged, Judgement: worse, Away: r.wasAway()})
		}
	case i > 0:
		if err := sleep(ctx, min(r.state.WaitedAt.Add(r.options.Between).Sub(r.Now()), r.options.Between)); err != nil {
			return err
		}
	}
	s, err := r.Observer.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("read cluster: %w", err)
	}
	if why := r.heldBack(s, i); why != "" {
		return r.record(plan.Event{Kind: plan.EventNotApplied, Index: i, Because: why})
	}
	if err := r.record(plan.Event{Kind: plan.EventApplying, Index: i}); err != nil {
		return err
	}
	fits := plan.Fit
	if begins { // what it rests on must hold on the very version that is changed
		fits = func(s *snapshot.Snapshot, c model.Change) (model.Change, error) {
			return plan.FitFirst(r.state.Plan.Rest(i)[0], s, c)
		}
	}
	receipt, err := r.call(ctx, c, fits, r.Actor.Apply)
	switch {
	case err == nil:
		return r.record(plan.Event{Kind: plan.EventApplied, Index: i, UID: receipt.UID})
	case nothingChanged(err):
		return r.record(plan.Event{Kind: plan.EventNotApplied, Index: i, Because: err.Error()})
	case ctx.Err() != nil:
		return err
	default:
		return r.lookFor(ctx, i, "no answer came: "+err.Error(), max(r.options.Settle, r.options.Notice))
	}
}

// confirm finds out whether a change was made that was announced before an interruption.
func (r *run) confirm(ctx context.Context, i int) error {
	return r.lookFor(ctx, i, "it was interrupted", r.options.Settle)
}

// lookFor finds out whether an announced change was made whose result is not known, because of what happened.
func (r *run) lookFor(ctx context.Context, i int, what string, within time.Duration) error {
	c := r.state.Plan.Remedy.Changes[i]
	carried, s, err := r.look(ctx, c, within)
	if err != nil {
		return err
	}
	switch carried {
	case plan.Made:
		uid := ""
		if o, presence := s.Lookup(c.Target); presence == snapshot.Present && c.Op == model.OpCreate {
			uid = string(o.GetUID())
		}
		return r.record(plan.Event{Kind: plan.EventApplied, Index: i, UID: uid})
	case plan.NotMade:
		return r.record(plan.Event{Kind: plan.EventNotApplied, Index: i, Because: what + "; the change was not made"})
	default:
		return r.record(plan.Event{
			Kind: plan.EventInDoubt, Index: i,
			Because: fmt.Sprintf("%s while changing %s, which is neither as before nor as planned: a person must look", what, c.Target),
		})
	}
}

// look waits until the change is seen, or until the observer must have seen it, which is within so long a time unless the API
// server cannot be seen. After that, its watches take a while to begin anew.
func (r *run) look(ctx context.Context, c model.Change, within time.Duration) (plan.Carried, *snapshot.Snapshot, error) {
	until := r.Now().Add(within)
	var quiet silence
	for {
		s, err := r.Observer.Snapshot(ctx)
		if err != nil {
			return plan.Unclear, nil, fmt.Errorf("read cluster: %w", err)
		}
		if err := r.hear(&quiet); err != nil {
			return plan.Unclear, nil, err
		}
		if quiet.now {
			until = r.Now().Add(r.options.Verify.CatchUp)
		}
		if carried := plan.IsCarried(s, c); carried == plan.Made || !r.Now().Before(until) {
			return carried, s, nil
		}
		if err := sleep(ctx, r.options.Poll); err != nil {
			return plan.Unclear, nil, err
		}
	}
}
