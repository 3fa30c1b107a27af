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
