package mend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/verify"
)

// Options are the engine's limits. The zero value of each field means its default.
type Options struct {
	Policy plan.Policy
	Limits plan.Limits
	Verify verify.Options
	// Rollout is how long controllers may take to carry a change through; default 3 minutes.
	Rollout time.Duration
	// Poll is how often signals are read during verification; default 250 ms.
	Poll time.Duration
	// Settle is how long the observer may lag behind the API server; default 3 s.
	Settle time.Duration
	// Notice is how long it takes at most until [Observer.Silent] tells of an API server that does not answer; default 15 s.
	Notice time.Duration
	// Outage is how long an API server may not answer in the middle of a repair until it is left there, with an [AwayError]; 0: it is
	// waited for without end, as whoever has nothing else to do should.
	Outage time.Duration
	// Between is how long the next change waits after the one before was carried through; default 5 s.
	// Proxies go on sending to pods that it took away until they have learned of it, and those errors
	// would be blamed on the next change, which for a race is the proof.
	Between time.Duration
	// Before is how far back the failing time is looked at; default 2 minutes.
	Before time.Duration
	// Remember is how long attempts of former incidents count; default 24 hours.
	Remember time.Duration
	// Call bounds one call of the actor; default 15 s.
	Call time.Duration
	// Hold is asked right before every change, and why it gives holds the change back; nil: nothing does. What
	// was made of a plan before is taken back then.
	Hold func(*snapshot.Snapshot, model.Plan) (why string)
	// OnEvent is told of every event once it is recorded; nil: nobody.
	OnEvent func(plan.Event)
	// OnSilence is told, once each time, why nobody can see whether a change helps; nil: nobody is told.
	OnSilence func(why string)
}

func (o Options) defaults() Options {
	o.Verify = o.Verify.Defaults()
	o.Rollout = cmp.Or(o.Rollout, 3*time.Minute)
	o.Poll = cmp.Or(o.Poll, 250*time.Millisecond)
	o.Settle = cmp.Or(o.Settle, 3*time.Second)
	o.Notice = cmp.Or(o.Notice, 15*time.Second)
	o.Between = cmp.Or(o.Between, 5*time.Second)
	o.Before = cmp.Or(o.Before, 2*time.Minute)
	o.Remember = cmp.Or(o.Remember, 24*time.Hour)
	o.Call = cmp.Or(o.Call, 15*time.Second)
	return o
}

// Engine mends incidents, one at a time.
type Engine struct {
	Observer Observer
	Feed     Feed
	Actor    Actor
	Asker    Asker
	Journal  Journal
	// Prober asks where a route that was changed has no requests of its own; nil: nobody does, and then nothing proves
	// that it helped.
	Prober Prober
	// Map gives the routes of a snapshot, as one who has those of an earlier one at hand can sooner; nil: they are read.
	Map func(*snapshot.Snapshot) *path.Map
	// Now is the clock.
	Now     func() time.Time
	Options Options
}

// Incident is something that fails and is to be mended.
type Incident struct {
	// ID is unique in the journal. An incident whose ID is in the journal and not closed is resumed.
	ID string
	// Target is what is to be mended. An incident that is resumed keeps the one it began with.
	Target model.Target
	// Plan is one that was made before and that a person has chosen, in place of one that is made now; nil: none.
	Plan *model.Plan
	// Since is when it began to fail; requests before it do not count as failing time. Zero: not known.
	Since time.Time
}

// Result is how an incident ended.
type Result struct {
	Incident string       `json:"incident"`
	Outcome  plan.Outcome `json:"outcome"`
	Because  string       `json:"because"`
	// Plan is the last plan that was made, nil if there was none.
	Plan     *model.Plan    `json:"plan,omitempty"`
	Attempts []plan.Attempt `json:"attempts,omitempty"`
	// AppliedAt is when the last change was made, EndedAt when the incident was closed.
	AppliedAt time.Time    `json:"appliedAt,omitzero"`
	EndedAt   time.Time    `json:"endedAt,omitzero"`
	Events    []plan.Event `json:"events,omitempty"`
}

// run is one incident on its way.
type run struct {
	*Engine
	options  Options
	incident Incident
	events   []plan.Event // of this incident
	past     []plan.Event // of all incidents before
	state    plan.State
	resumed  bool // an earlier one has changed something, or was about to, and was interrupted
	// absent is the plan, by its number, that an earlier one was carrying out and of which it recorded nothing for so long
	// that the API server may have been away; 0: there is none.
	absent int
}

// Run mends an incident, or takes up one that was interrupted. An error means that the engine could
// not go on (the context ended, the journal cannot be written, the cluster cannot be read); calling
// Run again with the same journal goes on from there. What the cluster or a person refuses is no
// error but an outcome.
func (e *Engine) Run(ctx context.Context, incident Incident) (Result, error) {
	all, err := e.Journal.Events()
	if err != nil {
		return Result{}, fmt.Errorf("read journal: %w", err)
	}
	r := &run{Engine: e, options: e.Options.defaults(), incident: incident}
	for _, ev := range all {
		if ev.Incident == incident.ID {
			r.events = append(r.events, ev)
			if ev.Target != nil && r.incident.Target.IsZero() {
				r.incident.Target = *ev.Target
			}
		} else {
			r.past = append(r.past, ev)
		}
	}
	r.state = plan.Fold(r.events)
	if r.resumed = r.state.Begun > 0; r.resumed && e.Now().Sub(r.events[len(r.events)-1].At) > max(r.options.Rollout, r.options.Verify.Deadline) {
		r.absent = r.state.Plans
	}
	for {
		step := plan.Next(r.state, e.Now(), r.options.Limits)
		if step.Kind == plan.StepNone {
			return r.result(), nil
		}
		if err := ctx.Err(); err != nil {
			return r.result(), fmt.Errorf("mend %s: %w", incident.ID, context.Cause(ctx))
		}
		if err := r.do(ctx, step); err != nil {
			return r.result(), fmt.Errorf("mend %s: %s: %w", incident.ID, step.Kind, err)
		}
	}
}

// Open lists the incidents in a journal that were not closed, oldest first: an earlier run was
// interrupted in each of them.
func Open(j Journal) ([]string, error) {
	events, err := j.Events()
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	closed, seen := map[string]bool{}, map[string]bool{}
	var order, open []string
	for _, e := range events {
		if !seen[e.Incident] {
			seen[e.Incident] = true
			order = append(order, e.Incident)
		}
		closed[e.Incident] = closed[e.Incident] || e.Kind == plan.EventClosed
	}
	for _, id := range order {
		if !closed[id] {
			open = append(open, id)
		}
	}
	return open, nil
}

// Abandon closes an open incident in which no change was begun, so that it is not taken up. ok is
// false if something was begun: that must be taken up with [Engine.Run].
func Abandon(j Journal, id string, now time.Time) (ok bool, err error) {
	events, err := j.Events()
	if err != nil {
		return false, fmt.Errorf("read journal: %w", err)
	}
	for _, e := range events {
		if e.Incident == id && e.Kind == plan.EventApplying {
			return false, nil
		}
	}
	return true, j.Append(plan.Event{
		At: now, Incident: id, Kind: plan.EventClosed, Outcome: plan.Interrupted, Because: "it was interrupted before anything was changed",
	})
}

func (r *run) mapOf(s *snapshot.Snapshot) *path.Map {
	if r.Map == nil {
		return path.New(s)
	}
	return r.Map(s)
}

// record appends an event and takes it into the state.
func (r *run) record(e plan.Event) error {
	e.At, e.Incident = r.Now().UTC(), r.incident.ID
	if err := r.Journal.Append(e); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	r.events = append(r.events, e)
	r.state = r.state.After(e)
	if r.options.OnEvent != nil {
		r.options.OnEvent(e)
	}
	return nil
}

func (r *run) result() Result {
	out := Result{
		Incident: r.incident.ID, Outcome: r.state.Ending, Because: r.state.Because, Plan: r.state.Plan,
		Attempts: r.state.Tried, AppliedAt: r.state.AppliedAt, Events: r.events,
	}
	if n := len(r.events); n > 0 && r.state.Closed {
		out.EndedAt = r.events[n-1].At
	}
	return out
}

// do carries one step out.
func (r *run) do(ctx context.Context, s plan.Step) error {
	switch s.Kind {
	case plan.StepPlan:
		return r.plan(ctx)
	case plan.StepRehearse:
		return r.rehearse(ctx)
	case plan.StepAsk:
		return r.ask(ctx)
	case plan.StepApply:
		return r.apply(ctx, s.Index)
	case plan.StepConfirm:
		return r.confirm(ctx, s.Index)
	case plan.StepWait:
		return r.wait(ctx, s.Index)
	case plan.StepVerify:
		return r.verify(ctx)
	case plan.StepUndo:
		return r.undo(ctx, s.Index)
	case plan.StepConfirmUndo:
		return r.confirmUndo(ctx, s.Index)
	case plan.StepCheckUndo:
		return r.checkUndo(ctx)
	case plan.StepRelease:
		return r.release(ctx)
	case plan.StepClose:
		return r.record(plan.Event{Kind: plan.EventClosed, Outcome: s.Outcome, Because: s.Because})
	default:
		return errors.New("unknown step")
	}
}
