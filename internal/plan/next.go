package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/verify"
)

// StepKind says what is to be done.
type StepKind string

// The steps of an incident.
const (
	StepPlan        StepKind = "plan"         // look, diagnose, choose
	StepRehearse    StepKind = "rehearse"     // server-side dry run of every change
	StepAsk         StepKind = "ask"          // may it be carried out?
	StepApply       StepKind = "apply"        // announce and make change Index
	StepConfirm     StepKind = "confirm"      // find out whether change Index was made
	StepWait        StepKind = "wait"         // until controllers have carried change Index through
	StepVerify      StepKind = "verify"       // did it help?
	StepUndo        StepKind = "undo"         // announce and make undo Index
	StepConfirmUndo StepKind = "confirm-undo" // find out whether undo Index was made
	StepCheckUndo   StepKind = "check-undo"   // is everything as it was?
	StepRelease     StepKind = "release"      // give the fields back to who held them; doing it again does no harm
	StepClose       StepKind = "close"        // record Outcome
	StepNone        StepKind = "none"         // the incident is over
)

// Step is what is to be done next.
type Step struct {
	Kind    StepKind
	Index   int
	Outcome Outcome
	Because string
}

// Limits bound an incident. The zero value of each field means its default.
type Limits struct {
	// MaxPlans is how many remedies are tried; default 2.
	MaxPlans int
	// AnswerHolds is how long a yes holds before the first change is made; default 1 minute. A run
	// that was interrupted between the two does not act on an old decision.
	AnswerHolds time.Duration
	// Unrehearsed: plans are only shown, so the API server is not asked whether it would take them.
	Unrehearsed bool
}

func (l Limits) defaults() Limits {
	l.MaxPlans = cmp.Or(l.MaxPlans, 2)
	l.AnswerHolds = cmp.Or(l.AnswerHolds, time.Minute)
	return l
}

// Next decides what is to be done in an incident. It looks at nothing but the record: the same
// record gives the same step, before and after a crash.
func Next(s State, now time.Time, l Limits) Step {
	l = l.defaults()
	switch {
	case s.Closed:
		return Step{Kind: StepNone}
	case s.Ending != "":
		return giveUp(s, s.Ending, s.Because)
	case s.Plan == nil:
		return Step{Kind: StepPlan}
	case s.UndoFailed != "":
		return closing(UndoFailed, s.UndoFailed)
	case s.Begun > s.Done:
		return Step{Kind: StepConfirm, Index: s.Done}
	case s.Judgement != nil:
		return afterJudgement(s, l)
	default:
		return forward(s, now, l)
	}
}

// forward is the way of a plan on which nothing has gone wrong yet.
func forward(s State, now time.Time, l Limits) Step {
	switch {
	case s.Done == 0 && blocked(s.Plan.Guards):
		return giveUp(s, Refused, because(s.Plan.Guards))
	case !s.Rehearsed && !l.Unrehearsed:
		return Step{Kind: StepRehearse}
	case !s.Answered:
		return Step{Kind: StepAsk}
	case s.Waited < s.Done:
		return Step{Kind: StepWait, Index: s.Waited}
	case s.Done == 0 && now.Sub(s.AnsweredAt) > l.AnswerHolds:
		return giveUp(s, Interrupted, "the decision to act is too old; nothing was changed")
	case s.Done < len(s.Plan.Remedy.Changes):
		return Step{Kind: StepApply, Index: s.Done}
	default:
		return Step{Kind: StepVerify}
	}
}

// afterJudgement keeps what helped, takes back what did not, and then tries the next remedy.
func afterJudgement(s State, l Limits) Step {
	switch s.Judgement.Verdict {
	case verify.Helped:
		return closing(Mended, s.Judgement.Because)
	case verify.Unverified:
		return closing(Unverified, s.Judgement.Because)
	case verify.NeedMore:
		return Step{Kind: StepVerify}
	case verify.NotHelped, verify.WorseElsewhere:
	}
	undo := s.Undo()
	switch {
	case s.UndoBegun > s.Undone:
		return Step{Kind: StepConfirmUndo, Index: s.Undone}
	case s.Undone < len(undo):
		return Step{Kind: StepUndo, Index: s.Undone}
	case len(undo) > 0 && !s.UndoChecked:
		return Step{Kind: StepCheckUndo}
	case len(undo) > 0 && !s.Released:
		return Step{Kind: StepRelease}
	case s.Lost:
		return closing(Interrupted, s.Failed)
	case s.Plans < l.MaxPlans && !s.Saved:
		return Step{Kind: StepPlan}
	default:
		return giveUp(s, "", "no other remedy is tried")
	}
}

// giveUp closes an incident in which nothing is changed any more. What was tried and did not help
// outweighs the reason why nothing else is tried.
func giveUp(s State, o Outcome, because string) Step {
	n := len(s.Tried)
	if n == 0 {
		return closing(o, because)
	}
	last, o := s.Tried[n-1], CouldNotAct
	var actions []string // several, where faults in a row were mended together
	for _, a := range s.Tried {
		if a.Plan == last.Plan && !slices.Contains(actions, a.Action) {
			actions = append(actions, a.Action)
		}
	}
	text := fmt.Sprintf("%s: %s", strings.Join(actions, ", then "), last.Because)
	if slices.ContainsFunc(s.Tried, func(a Attempt) bool { return a.Acted }) {
		o = NotHelped
	}
	if last.TakenBack {
		text += "; it was taken back"
	}
	if s.Kept != "" {
		text += "; " + s.Kept
	}
	return closing(o, text+"; "+because)
}

func closing(o Outcome, because string) Step {
	return Step{Kind: StepClose, Outcome: o, Because: because}
}
