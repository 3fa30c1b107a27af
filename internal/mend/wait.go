package mend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

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
