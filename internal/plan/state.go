package plan

import (
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/verify"
)

// State is an incident so far: the sum of its events. The zero value is an incident that has just
// begun. A State is a value; [State.After] gives the next one.
type State struct {
	// Plans counts the plans that were made.
	Plans int
	// Plan is that of the present attempt, nil between attempts.
	Plan *model.Plan
	// Saved: a person chose that very plan, so no other one is tried after it.
	Saved      bool
	Rehearsed  bool
	Answered   bool
	AnsweredAt time.Time
	// Begun, Done and Waited count the plan's changes: announced, made, and carried through. A change
	// that is begun and not done is in doubt.
	Begun, Done, Waited int
	// AppliedAt is when the last change was made, WaitedAt when it was carried through; FirstAt is when the first one was made.
	AppliedAt, WaitedAt, FirstAt time.Time
	UIDs                         []string // of created objects, by change
	// Judgement is the verdict on the attempt, also where it failed on the way.
	Judgement *verify.Judgement
	// Away: the API server was away while the attempt's effect was waited for, see [Event].
	Away bool
	// Lost is set when nobody can tell whether a change was made.
	Lost bool
	// Failed is why the API server would not make a change.
	Failed string
	// UndoBegun and Undone count the changes that take the attempt back.
	UndoBegun, Undone int
	UndoFailed        string
	UndoChecked       bool
	// Releasing and Released: the fields of what was taken back are being given back, and were. Kept is why they could
	// not be: they are as before all the same.
	Releasing, Released bool
	Kept                string

	// Tried are the attempts that ended.
	Tried []Attempt
	// Ending is the outcome that was decided without a change; Because explains it.
	Ending  Outcome
	Because string
	Closed  bool
}

// Fold is the state after events.
func Fold(events []Event) State {
	var s State
	for _, e := range events {
		s = s.After(e)
	}
	return s
}

// After is the state after one more event.
func (s State) After(e Event) State {
	switch e.Kind {
	case EventPlanned:
		s = State{Plans: s.Plans + 1, Tried: s.Tried, Plan: e.Plan, Saved: e.Saved, Kept: s.Kept}
	case EventNoPlan:
		s.Ending, s.Because = e.Outcome, e.Because
	case EventRehearsed:
		s.Rehearsed = true
		if !e.OK {
			s = s.fail(e)
		}
	case EventAnswered:
		s.Answered, s.AnsweredAt = true, e.At
		if !e.OK {
			s.Ending, s.Because = e.Outcome, e.Because
		}
	case EventApplying, EventApplied, EventNotApplied, EventInDoubt, EventWaited:
		s = s.forward(e)
	case EventJudged:
		s.Judgement, s.Away = e.Judgement, s.Away || e.Away
	case EventUndoing, EventUndone, EventNotUndone, EventUndoChecked, EventReleasing, EventReleased:
		s = s.back(e)
	case EventClosed:
		s.Ending, s.Because, s.Closed = e.Outcome, e.Because, true
	}
	return s.endAttempt(e)
}

// forward counts the changes that are made.
func (s State) forward(e Event) State {
	switch e.Kind {
	case EventApplying:
		s.Begun = e.Index + 1
	case EventApplied:
		s.Done, s.AppliedAt = e.Index+1, e.At
		if e.Index == 0 {
			s.FirstAt = e.At
		}
		s.UIDs = append(slices.Clip(s.UIDs), e.UID)
	case EventNotApplied:
		s.Begun = s.Done
		s = s.fail(e)
	case EventInDoubt:
		s.Begun, s.Lost = s.Done, true
		s = s.fail(e)
	case EventWaited:
		s.Waited, s.WaitedAt, s.Away = e.Index+1, e.At, s.Away || e.Away
		if !e.OK {
			s.Judgement = &verify.Judgement{Verdict: verify.NotHelped, Because: e.Because}
		}
	default: // the other kinds make no change
	}
	return s
}

// back counts the changes that are taken back.
func (s State) back(e Event) State {
	switch e.Kind {
	case EventUndoing:
		s.UndoBegun = e.Index + 1
	case EventUndone:
		s.Undone = e.Index + 1
	case EventNotUndone:
		s.UndoFailed = e.Because
	case EventUndoChecked:
		s.UndoChecked = true
		if !e.OK {
			s.UndoFailed = e.Because
		}
	case EventReleasing:
		s.Releasing = true
	case EventReleased:
		s.Released, s.Kept = true, e.Because
	default: // the other kinds take nothing back
	}
	return s
}

func (s State) fail(e Event) State {
	s.Failed = e.Because
	s.Judgement = &verify.Judgement{Verdict: verify.NotHelped, Because: e.Because}
	return s
}

// endAttempt remembers an attempt once it is decided and nothing of it is left to do.
func (s State) endAttempt(e Event) State {
	if s.Plan == nil || s.Judgement == nil || s.Judgement.Verdict == verify.NeedMore {
		return s
	}
	keep := s.keeps()
	if !keep && len(s.Undo()) > 0 && !s.UndoChecked && s.UndoFailed == "" {
		return s
	}
	if slices.ContainsFunc(s.Tried, func(a Attempt) bool { return a.Plan == s.Plans }) {
		return s
	}
	s.Tried = slices.Clip(s.Tried)
	for _, f := range s.Plan.Each() { // what did not help together is not tried one by one either
		s.Tried = append(s.Tried, Attempt{
			Plan: s.Plans, At: e.At, Cause: f.Finding.ID, Object: f.Finding.Object, Action: f.Remedy.Action, Target: f.Remedy.Change.Target,
			Acted: s.Done > 0, Helped: keep, TakenBack: s.UndoChecked && s.UndoFailed == "", Away: s.Away, Because: s.Judgement.Because,
		})
	}
	return s
}

// keeps reports whether the attempt's changes stay.
func (s State) keeps() bool {
	return s.Judgement != nil && (s.Judgement.Verdict == verify.Helped || s.Judgement.Verdict == verify.Unverified)
}

// Undo lists what takes back the changes that were made, in order. The deletion of a created object
// names that very object.
func (s State) Undo() []model.Change {
	if s.Plan == nil {
		return nil
	}
	made := slices.Clone(s.Plan.Remedy.Changes[:min(s.Done, len(s.Plan.Remedy.Changes))])
	undo := remedy.Undo(made)
	for i := range undo {
		if undo[i].Op != model.OpDelete {
			continue
		}
		for j, c := range made {
			if c.Op == model.OpCreate && c.Target == undo[i].Target && j < len(s.UIDs) {
				undo[i].UID = s.UIDs[j]
			}
		}
	}
	return undo
}
