package watch

import (
	"cmp"
	"fmt"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/verify"
)

// stepDoc words an event of a repair for people and programs. p is the plan of the attempt.
func stepDoc(e plan.Event, p *model.Plan) printer.EventDoc {
	doc := printer.NewEvent(printer.EventMend, e.At, StepText(e, p))
	doc.Step, doc.Plan = string(e.Kind), e.Plan
	doc.Routine = routine(e)
	if e.Kind == plan.EventClosed {
		doc.Step = string(e.Outcome)
	}
	return doc
}

// routine reports whether the next step tells people all that this one does: that it was done, or with
// which result the repair ends.
func routine(e plan.Event) bool {
	switch e.Kind {
	case plan.EventApplying, plan.EventUndoing, plan.EventReleasing:
		return true
	case plan.EventAnswered:
		return e.OK
	case plan.EventJudged:
		return e.Judgement != nil && e.Judgement.Verdict == verify.Helped
	case plan.EventReleased:
		return e.OK
	default:
		return false
	}
}

// SilenceText is what people read while nobody can see whether a change helps.
func SilenceText(why string) string {
	return "whether it helped will be judged when the API server can be seen again: " + why
}

// StepText is what people read of an event of a repair; p is the plan of the attempt.
func StepText(e plan.Event, p *model.Plan) string {
	switch e.Kind {
	case plan.EventPlanned:
		return e.Plan.Remedy.Summary
	case plan.EventRehearsed:
		if e.OK && e.Because == "" {
			return "the API server accepts the change (dry run)"
		}
	case plan.EventAnswered:
		if e.OK {
			return "go ahead"
		}
	case plan.EventApplying:
		return "changing " + changed(p, e.Index)
	case plan.EventApplied:
		return "changed " + changed(p, e.Index)
	case plan.EventWaited:
		if e.OK {
			return "in effect; watching whether the errors stop"
		}
	case plan.EventJudged:
		if e.Judgement != nil {
			return fmt.Sprintf("%s: %s", e.Judgement.Verdict, e.Judgement.Because)
		}
	case plan.EventUndoing:
		return "taking the change back"
	case plan.EventUndone:
		return "taken back"
	case plan.EventUndoChecked:
		if e.OK {
			return "everything is as it was before"
		}
	case plan.EventReleasing:
		return "giving the fields back to who held them"
	case plan.EventReleased:
		if e.OK {
			return "the fields are theirs again who held them"
		}
	case plan.EventClosed:
		return cmp.Or(e.Because, string(e.Outcome))
	default: // what went wrong says why
	}
	return cmp.Or(e.Because, string(e.Kind))
}

func changed(p *model.Plan, i int) string {
	if p == nil || i < 0 || i >= len(p.Remedy.Changes) {
		return "the cluster"
	}
	return p.Remedy.Changes[i].Target.String()
}
