package plan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Failing lists the walks, before the change, of the routes that a plan is to mend.
func Failing(p model.Plan) []model.Trace {
	var out []model.Trace
	for _, i := range p.Mends {
		if i >= 0 && i < len(p.Before) {
			out = append(out, p.Before[i])
		}
	}
	return out
}

// Agrees walks the routes that a plan mends on the cluster as it is now. well: the model expects
// each to succeed. ready: each has an endpoint that is ready.
func Agrees(p model.Plan, now *path.Map) (well, ready bool) {
	failing := Failing(p)
	if len(failing) == 0 {
		return false, false
	}
	walked := map[routeKey]model.Trace{}
	wanted := func(r path.Route) bool {
		return slices.ContainsFunc(failing, func(t model.Trace) bool { return t.Route == r.Object && t.Rule == r.Rule })
	}
	for _, t := range walk(now, wanted) {
		walked[keyOf(t)] = t
	}
	well, ready = true, true
	for _, before := range failing {
		after, ok := walked[keyOf(before)]
		if !ok { // the plan took the rule away, as it does with a canary's: another one gets its requests
			after = now.Walk(before.Request)
		}
		well = well && mends(after)
		ready = ready && slices.ContainsFunc(after.Endpoints, func(e model.Endpoint) bool { return e.Ready })
	}
	return well, ready
}

// ErrMoved says that a plan does not hold any more on the cluster as it is now.
var ErrMoved = errors.New("the plan does not hold any more")

// Recheck tries a plan's remedy on the cluster as it is now. It is asked right before acting.
func Recheck(p model.Plan, now *path.Map) error { return RecheckFrom(p, 0, now) }

// RecheckFrom is [Recheck] for what is left of a plan from change i on, which is the first one for its fault: what was done
// before it is in the cluster by now.
func RecheckFrom(p model.Plan, i int, now *path.Map) error {
	faults := slices.Clone(p.Rest(i))
	for j, f := range faults {
		if err := stillOffered(f, now.Snapshot()); err != nil {
			return err
		}
		faults[j].Remedy.Changes = unversioned(f.Remedy.Changes)
	}
	if t := walksOf(now).try(faults...); t.refused != nil {
		return &movedError{t.refused}
	}
	return nil
}

// unversioned are changes of whatever version an object has: the fields are compared, and status is written all the time.
func unversioned(changes []model.Change) []model.Change {
	changes = slices.Clone(changes)
	for i := range changes {
		changes[i].ResourceVersion = ""
	}
	return changes
}

// FitFirst is [Fit] for a change with which a plan begins to mend a fault. It is made only as long as the fault's remedy is what
// would be done on that very snapshot, whose resource version it gets.
func FitFirst(f model.Fault, s *snapshot.Snapshot, c model.Change) (model.Change, error) {
	if err := stillOffered(f, s); err != nil {
		return c, err
	}
	return Fit(s, c)
}

func stillOffered(f model.Fault, s *snapshot.Snapshot) error {
	if why := remedy.Withdrawn(remedy.Case{Finding: f.Finding, Snapshot: s}, f.Remedy); why != "" {
		return &movedError{objects(catalogue.RuleChangedSince, "%s", why)}
	}
	return nil
}

type movedError struct{ why *objection }

func (e *movedError) Error() string        { return fmt.Sprintf("%s: %s", ErrMoved, e.why) }
func (e *movedError) Is(target error) bool { return target == ErrMoved }

// Recall makes a memory of the events of all incidents since a time.
func Recall(events []Event, since time.Time) Memory {
	byIncident := map[string][]Event{}
	var order []string
	var m Memory
	for _, e := range events {
		if e.At.Before(since) {
			continue
		}
		if e.Kind == EventApplying {
			m.Changed = append(m.Changed, e.At)
		}
		if byIncident[e.Incident] == nil {
			order = append(order, e.Incident)
		}
		byIncident[e.Incident] = append(byIncident[e.Incident], e)
	}
	for _, id := range order {
		m.Attempts = append(m.Attempts, Fold(byIncident[id]).Tried...)
	}
	return m
}
