package mend

import (
	"context"
	"time"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
)

// release gives the fields of what was taken back to those who held them. It reads who holds them now and writes
// nothing where that is right already, so that it is simply done again after an interruption. What cannot be given back
// is told and does not stand in the way of the incident's end: all values are as they were.
func (r *run) release(ctx context.Context) error {
	if !r.state.Releasing {
		if err := r.record(plan.Event{Kind: plan.EventReleasing}); err != nil {
			return err
		}
	}
	for _, undo := range r.state.Undo() {
		if err := r.releaseOne(ctx, undo); err != nil {
			if ctx.Err() != nil {
				return err
			}
			return r.record(plan.Event{
				Kind: plan.EventReleased, Because: "its fields are as they were and still stand under the field manager " + act.FieldManager + ": " + err.Error(),
			})
		}
	}
	return r.record(plan.Event{Kind: plan.EventReleased, OK: true})
}

// releaseOne calls the API server until it has answered: a status that a controller wrote in between, or a lost answer,
// is no reason to give up.
func (r *run) releaseOne(ctx context.Context, undo model.Change) error {
	const tries = 6
	for try, pause := 1, 500*time.Millisecond; ; try, pause = try+1, 2*pause {
		_, err := r.bounded(ctx, undo, func(ctx context.Context, c model.Change) (act.Receipt, error) {
			return act.Receipt{}, r.Actor.Release(ctx, c)
		})
		if err == nil || try == tries || nothingChanged(err) && !stale(err) {
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}
