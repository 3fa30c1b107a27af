package trace

import (
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
)

// Step is a part of an incident's life.
type Step struct {
	Name       string
	Begin, End time.Time
	// Text says what came of it.
	Text   string
	Failed bool
}

// Steps gives the steps of an incident, oldest first. Each ends with an entry of the timeline and begins with the entry before,
// the first one when requests began to fail.
func Steps(i model.Incident) []Step {
	var out []Step
	begin := i.Began()
	for _, e := range i.Timeline {
		if name, failed := ends(e.Kind); name != "" {
			out = append(out, Step{Name: name, Begin: earlier(begin, e.At), End: e.At, Text: e.Text, Failed: failed})
		}
		begin = e.At
	}
	return out
}

// ends names the step that an entry of the timeline ends, and whether it failed; "" for an entry that begins something.
func ends(kind string) (name string, failed bool) {
	switch kind {
	case "detected":
		return "detect", false
	case "diagnosed":
		return "diagnose", false
	}
	switch plan.EventKind(kind) { // the others begin something, or end the whole repair
	case plan.EventPlanned, plan.EventNoPlan:
		return "plan", false
	case plan.EventRehearsed:
		return "rehearse", false
	case plan.EventAnswered:
		return "decide", false
	case plan.EventApplied:
		return "apply", false
	case plan.EventNotApplied, plan.EventInDoubt:
		return "apply", true
	case plan.EventWaited:
		return "settle", false
	case plan.EventJudged:
		return "verify", false
	case plan.EventUndone:
		return "undo", false
	case plan.EventNotUndone:
		return "undo", true
	case plan.EventUndoChecked:
		return "check-undo", false
	case plan.EventReleased:
		return "release", false
	default:
		return "", false
	}
}

// Outcome is how the last repair of an incident ended, and what was said of it; "" where the errors stopped before any had.
func Outcome(i model.Incident) (o plan.Outcome, text string) {
	for _, e := range slices.Backward(i.Timeline) {
		if o := plan.Outcome(e.Kind); slices.Contains(plan.Outcomes(), o) {
			return o, e.Text
		}
	}
	return "", ""
}

// earlier is the earlier one of two times: clocks of two controllers may differ.
func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
