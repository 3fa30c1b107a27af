package mend

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// plan looks, diagnoses and chooses; or takes the plan that a person has chosen.
func (r *run) plan(ctx context.Context) error {
	s, err := r.Observer.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("read cluster: %w", err)
	}
	in := plan.Input{Snapshot: s, Map: r.mapOf(s), Memory: r.memory(s), Policy: r.options.Policy}
	if in.Diagnosis, err = r.Observer.Diagnose(ctx, s, r.incident.Target); err != nil {
		return fmt.Errorf("diagnose: %w", err)
	}
	var p model.Plan
	saved := r.incident.Plan != nil
	if saved {
		p, err = plan.Restore(*r.incident.Plan, in)
	} else {
		p, err = plan.Make(in)
	}
	if err == nil {
		return r.record(plan.Event{Kind: plan.EventPlanned, Plan: &p, Saved: saved, Target: &r.incident.Target, Cause: plan.FirstCause(in.Diagnosis)})
	}
	outcome := plan.Refused
	switch {
	case errors.Is(err, plan.ErrNothingToDo):
		outcome = plan.NothingToDo
	case errors.Is(err, plan.ErrOnlyAdvice):
		outcome = plan.OnlyAdvice
	}
	return r.record(plan.Event{Kind: plan.EventNoPlan, Outcome: outcome, Because: err.Error(), Cause: plan.FirstCause(in.Diagnosis)})
}

// memory is what former incidents, and this one so far, tell about the next plan.
func (r *run) memory(s *snapshot.Snapshot) plan.Memory {
	m := plan.Recall(append(r.past[:len(r.past):len(r.past)], r.events...), r.Now().Add(-r.options.Remember))
	m.Deleted, m.Attempts = r.Observer.Deleted(), plan.Excuse(r.telling(m.Attempts, s))
	return m
}

// telling leaves the attempts that tell something about the next one. An attempt that changed nothing
// has not failed to help. It is not made again in the same incident, unless the cluster has moved away
// from under it: a plan for the cluster as it is now is another one. In a later incident, what stood
// against it may be gone: a right that was lacking, a budget that was used up.
func (r *run) telling(attempts []plan.Attempt, s *snapshot.Snapshot) []plan.Attempt {
	this := r.state.Tried
	if moved(r.events, s) {
		this = nil
	}
	return slices.DeleteFunc(slices.Clone(attempts), func(a plan.Attempt) bool {
		return !a.Acted && !slices.ContainsFunc(this, func(t plan.Attempt) bool { return t.Plan == a.Plan && t.At.Equal(a.At) })
	})
}

// moved reports whether the last plan of an incident does not fit the cluster any more.
func moved(events []plan.Event, s *snapshot.Snapshot) bool {
	for _, e := range slices.Backward(events) {
		if e.Plan == nil {
			continue
		}
		return slices.ContainsFunc(e.Plan.Remedy.Changes, func(c model.Change) bool {
			_, err := plan.Fit(s, c)
			return err != nil
		})
	}
	return false
}

// rehearse has the API server try every change. A later change may rest on an earlier one only in
// ways that the API server does not check, so each is tried by itself.
func (r *run) rehearse(ctx context.Context) error {
	for _, c := range r.state.Plan.Remedy.Changes {
		if _, err := r.call(ctx, c, plan.Fit, r.Actor.DryRun); err != nil {
			if ctx.Err() != nil {
				return err
			}
			if errors.Is(err, ErrNotRehearsed) {
				return r.record(plan.Event{Kind: plan.EventRehearsed, OK: true, Because: err.Error()})
			}
			return r.record(plan.Event{Kind: plan.EventRehearsed, Because: "dry run: " + err.Error()})
		}
	}
	return r.record(plan.Event{Kind: plan.EventRehearsed, OK: true})
}

// ask gets the decision. A policy's yes does not lift a guard: that takes a person.
func (r *run) ask(ctx context.Context) error {
	answer, err := r.Asker.Ask(ctx, *r.state.Plan)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	guards := r.state.Plan.Guards
	switch {
	case answer.Refused:
		return r.record(plan.Event{Kind: plan.EventAnswered, Outcome: plan.Refused, Because: answer.Because})
	case !answer.Yes:
		return r.record(plan.Event{Kind: plan.EventAnswered, Outcome: plan.Declined, Because: declined(answer)})
	case len(guards) > 0 && !answer.Person:
		return r.record(plan.Event{Kind: plan.EventAnswered, Outcome: plan.Refused, Because: guards[0].Guard + ": " + guards[0].Because})
	default:
		return r.record(plan.Event{Kind: plan.EventAnswered, OK: true})
	}
}

func declined(a Answer) string {
	if a.Because == "" {
		return "the answer was no"
	}
	return a.Because
}
