package mend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// wait lets controllers carry a change through. It waits for so long a time in which the API server can be seen.
func (r *run) wait(ctx context.Context, i int) error {
	var err error
	c := r.state.Plan.Remedy.Changes[i]
	if workload, rolls := rollsOut(*r.state.Plan, c); rolls {
		err = r.rolledOut(ctx, workload)
	} else if c.Op == model.OpEvict {
		err = r.succeeded(ctx, i)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if away, isAway := errors.AsType[*AwayError](err); isAway {
		return away
	}
	if err != nil {
		return r.record(plan.Event{Kind: plan.EventWaited, Index: i, Away: r.wasAway(), Because: err.Error()})
	}
	return r.record(plan.Event{Kind: plan.EventWaited, Index: i, OK: true})
}

// rolledOut waits until a workload's controller has replaced its pods; the error says why it did not in time.
func (r *run) rolledOut(ctx context.Context, workload model.Ref) error {
	late := fmt.Errorf("the rollout of %s did not end within %s", workload, r.options.Rollout)
	return r.inTime(ctx, late, func(ctx context.Context) error { return r.Actor.WaitRollout(ctx, workload, nil) })
}

// succeeded waits until another pod has taken the place of the one that change i evicted. The controller's own word would be
// about all pods, of which the next changes are to replace some.
func (r *run) succeeded(ctx context.Context, i int) error {
	late := fmt.Errorf("no pod took the place of %s within %s", r.state.Plan.Remedy.Changes[i].Target, r.options.Rollout)
	return r.inTime(ctx, late, func(ctx context.Context) error {
		for {
			s, err := r.Observer.Snapshot(ctx)
			if err != nil {
				return fmt.Errorf("read cluster: %w", err)
			}
			missing := plan.Missing(*r.state.Plan, i, s)
			if missing == "" {
				return nil
			}
			if err := sleep(ctx, r.options.Poll); err != nil {
				return fmt.Errorf("%w: %s", err, missing)
			}
		}
	})
}

// inTime waits for what controllers do, for as long as a rollout may take; late says that it has taken longer.
func (r *run) inTime(ctx context.Context, late error, wait func(context.Context) error) error {
	limit, end := context.WithCancelCause(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		r.limit(limit, end, late)
	}()
	err := wait(limit)
	end(nil)
	<-over
	return err
}

// limit ends the waiting for controllers once it has taken too long. What has happened behind the back of an API server that
// does not answer is no sign that a change did not help.
func (r *run) limit(ctx context.Context, end context.CancelCauseFunc, late error) {
	tick := time.NewTicker(r.options.Poll)
	defer tick.Stop()
	var quiet silence
	for left := r.options.Rollout; left > 0; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := r.hear(&quiet); err != nil {
			end(err)
			return
		}
		switch {
		case quiet.forgiven():
			left = r.options.Rollout
		case !quiet.now:
			left -= r.options.Poll
		}
	}
	end(late)
}

// rollsOut names the workload of which a change replaces all pods or adds some, if it does.
func rollsOut(p model.Plan, c model.Change) (model.Ref, bool) {
	workload, template := c.Target, false
	if c.Subresource == model.SubresourceResize {
		return workload, true // its node carries it out
	}
	switch c.Op {
	case model.OpPatch:
		replicas := false
		for _, f := range c.Fields {
			template, replicas = template || strings.HasPrefix(f.Path, "/spec/template"), replicas || f.Path == "/spec/replicas"
		}
		if !template && !replicas {
			return model.Ref{}, false
		}
		workload = plan.Holder(p, c)
	default:
		return model.Ref{}, false
	}
	switch snapshot.Kind(workload.Kind) {
	case snapshot.Deployments, snapshot.StatefulSets:
		return workload, true
	case "Rollout":
		// Its controller's word is about its update as a whole, which may stand in a pause, have been aborted or crash. Whether
		// pods are ready is looked at in the proof.
		return workload, template
	default:
		return workload, false
	}
}

// undo announces that a change is taken back and takes it back. A strategy that keeps no pod while others come is set again
// only once pods do not come any more: a Deployment with Recreate ends all others at once.
func (r *run) undo(ctx context.Context, i int) error {
	if workload, waits := r.rollsBefore(i); waits {
		err := r.rolledOut(ctx, workload)
		if _, stuck := errors.AsType[*act.StuckError](err); err != nil && !stuck && ctx.Err() == nil {
			err = r.rolledOut(ctx, workload) // an answer was lost, or it takes its time
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return r.record(plan.Event{Kind: plan.EventNotUndone, Index: i, Because: fmt.Sprintf(
				"it did not help, and the former strategy of %s was not set again, which might have ended its last pods: %v; set it once they are ready", workload, err)})
		}
	}
	if err := r.record(plan.Event{Kind: plan.EventUndoing, Index: i}); err != nil {
		return err
	}
	return r.takeBack(ctx, i)
}

// rollsBefore names the workload whose pods the undo before replaces, if undo i sets its strategy.
func (r *run) rollsBefore(i int) (model.Ref, bool) {
	undo := r.state.Undo()
	strategy := slices.ContainsFunc(undo[i].Fields, func(f model.FieldChange) bool { return strings.HasPrefix(f.Path, "/spec/strategy") })
	if i == 0 || !strategy {
		return model.Ref{}, false
	}
	return rollsOut(*r.state.Plan, undo[i-1])
}

// confirmUndo finds out whether an announced undo was made. If it was not, it is made now: an undo
// that is cut off must not be forgotten, and making it twice changes nothing.
func (r *run) confirmUndo(ctx context.Context, i int) error {
	carried, _, err := r.look(ctx, r.state.Undo()[i], r.options.Settle)
	if err != nil {
		return err
	}
	if carried == plan.Made {
		return r.record(plan.Event{Kind: plan.EventUndone, Index: i})
	}
	return r.takeBack(ctx, i)
}

// takeBack makes an undo. Where nobody knows whether it was made, because the API server did not answer, it looks,
// and tries again for half a minute in which the API server can be seen: what did not help must not stay because of lost answers.
// One that has just begun refuses everybody until it has read who may do what, so that a refusal is tried again as well.
func (r *run) takeBack(ctx context.Context, i int) error {
	const tries = 6
	c, began := r.state.Undo()[i], r.Now()
	for try, pause := 1, time.Second; ; try, pause = try+1, 2*pause {
		_, err := r.call(ctx, c, plan.Fit, r.Actor.Apply)
		_, forbidden := errors.AsType[*act.ForbiddenError](err)
		switch {
		case err == nil:
			return r.record(plan.Event{Kind: plan.EventUndone, Index: i})
		case ctx.Err() != nil:
			return err
		case errors.Is(err, errUnread):
			return err // it is gone on with once it can be read
		case nothingChanged(err) && !forbidden || try == tries && r.Observer.Silent() == "":
			return r.undoFailed(ctx, i, err.Error())
		}
		if r.Observer.Silent() != "" {
			if err := r.tooLong(began); err != nil { // also one that comes and goes
				return err
			}
			try, pause = 0, time.Second/2
		}
		carried, _, err := r.look(ctx, c, r.options.Settle) // through all of a silence
		if err != nil {
			return err
		}
		if carried == plan.Made {
			return r.record(plan.Event{Kind: plan.EventUndone, Index: i})
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// undoFailed looks whether everything is as before all the same: somebody else may have been faster.
func (r *run) undoFailed(ctx context.Context, i int, because string) error {
	c := r.state.Undo()[i]
	carried, s, err := r.look(ctx, c, r.options.Settle)
	if err != nil {
		return err
	}
	if carried == plan.Made || replaced(s, c) {
		return r.record(plan.Event{Kind: plan.EventUndone, Index: i})
	}
	return r.record(plan.Event{Kind: plan.EventNotUndone, Index: i, Because: "it did not help and could not be taken back: " + because})
}

// replaced reports whether the object that an undo is about has gone: nothing of the change is left in the one that a
// controller or a person makes in its place, and that one is theirs.
func replaced(s *snapshot.Snapshot, c model.Change) bool {
	o, presence := s.Lookup(c.Target)
	switch {
	case c.Op != model.OpPatch:
		return false
	case presence == snapshot.Present:
		return c.UID != "" && string(o.GetUID()) != c.UID
	default:
		return presence == snapshot.Absent
	}
}

// checkUndo looks whether the cluster is as it was before the attempt.
func (r *run) checkUndo(ctx context.Context) error {
	for _, c := range r.state.Undo() {
		carried, s, err := r.look(ctx, c, r.options.Settle)
		if err != nil {
			return err
		}
		if carried != plan.Made && !replaced(s, c) {
			return r.record(plan.Event{
				Kind:    plan.EventUndoChecked,
				Because: fmt.Sprintf("it did not help; it was taken back, but %s is not as it was", c.Target),
			})
		}
	}
	return r.record(plan.Event{Kind: plan.EventUndoChecked, OK: true})
}

// sleep waits, or returns why the context ended.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
