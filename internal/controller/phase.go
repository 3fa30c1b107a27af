package controller

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/verify"
	"github.com/gatemend/gatemend/internal/watch"
)

// mostTold is how long a timeline is: its first entries and its last ones.
const mostTold = 128

// took takes an event of a repair into the status that people read. events are those of the incident so far, e included.
func took(s *v1alpha1.IncidentStatus, events []plan.Event, e plan.Event) {
	p := lastPlan(events)
	text := watch.StepText(e, p)
	what := string(e.Kind)
	if e.Kind == plan.EventClosed {
		what = string(e.Outcome)
	}
	tell(s, metav1.NewMicroTime(e.At), what, text)
	if e.Kind == plan.EventPlanned && e.Plan != nil {
		s.Plan = planOf(*e.Plan)
	}
	if phase := phaseAfter(e); phase != "" {
		s.Phase = phase
	}
	s.Message = clip(text)
	s.Actions = actionsOf(events)
	concluded(s, e)
	if e.Kind == plan.EventClosed && e.Outcome == plan.Mended && p != nil {
		proven(s, e.At, p.Finding)
	}
}

// proven has an incident's diagnosis name what was mended. While a repair was under way it may have been replaced: pods that
// gatemend's own rollback ends look as if they were what fails.
func proven(s *v1alpha1.IncidentStatus, at time.Time, f model.Finding) {
	found := diagnosisOf(model.Diagnosis{Causes: []model.Finding{f}})
	if d := s.Diagnosis; d != nil && d.Cause == found.Cause && d.Where == found.Where {
		return
	}
	s.Diagnosis = found
	setCondition(s, at, v1alpha1.ConditionDiagnosed, metav1.ConditionTrue, "CauseFound", found.Cause+": "+found.Summary)
}

// phaseAfter is the phase that an event of a repair brings; empty: it stays as it is.
func phaseAfter(e plan.Event) v1alpha1.Phase {
	switch e.Kind {
	case plan.EventPlanned:
		return v1alpha1.PhaseDiagnosed
	case plan.EventApplying, plan.EventUndoing:
		return v1alpha1.PhaseMending
	case plan.EventWaited:
		if e.OK {
			return v1alpha1.PhaseVerifying
		}
	case plan.EventJudged:
		if e.Judgement != nil && (e.Judgement.Verdict == verify.NotHelped || e.Judgement.Verdict == verify.WorseElsewhere) {
			return v1alpha1.PhaseMending
		}
	case plan.EventClosed:
		return phaseOf(e.Outcome)
	default: // the other events are steps within a phase
	}
	return ""
}

// phaseOf is where an incident stands after a repair, as long as its requests fail.
func phaseOf(o plan.Outcome) v1alpha1.Phase {
	switch o {
	case plan.Mended:
		return v1alpha1.PhaseResolved
	case plan.Unverified:
		return v1alpha1.PhaseVerifying // until requests tell
	case plan.Refused, plan.Declined:
		return v1alpha1.PhaseProposed
	case plan.NotHelped:
		return v1alpha1.PhaseUndone
	case plan.NothingToDo, plan.Interrupted:
		return v1alpha1.PhaseDetected
	default: // a person must act, or look
		return v1alpha1.PhaseEscalated
	}
}

// concluded sets the conditions that an event decides.
func concluded(s *v1alpha1.IncidentStatus, e plan.Event) {
	switch {
	case e.Kind == plan.EventPlanned:
		setCondition(s, e.At, v1alpha1.ConditionApproved, metav1.ConditionUnknown, "Asking", "nobody has decided yet")
	case e.Kind == plan.EventAnswered && e.OK:
		setCondition(s, e.At, v1alpha1.ConditionApproved, metav1.ConditionTrue, "Agreed", "it may be carried out")
	case e.Kind == plan.EventAnswered:
		setCondition(s, e.At, v1alpha1.ConditionApproved, metav1.ConditionFalse, "Refused", e.Because)
	case e.Kind != plan.EventClosed:
	case e.Outcome == plan.Mended:
		at := metav1.NewMicroTime(e.At)
		s.ResolvedAt = &at
		setCondition(s, e.At, v1alpha1.ConditionMended, metav1.ConditionTrue, "Verified", e.Because)
		setCondition(s, e.At, v1alpha1.ConditionResolved, metav1.ConditionTrue, "Mended", e.Because)
	case e.Outcome == plan.Unverified:
		setCondition(s, e.At, v1alpha1.ConditionMended, metav1.ConditionUnknown, "NotVerified", e.Because)
	default:
		setCondition(s, e.At, v1alpha1.ConditionMended, metav1.ConditionFalse, reasonOf(e.Outcome), e.Because)
	}
}

// reasonOf is an outcome in the form of a condition's reason.
func reasonOf(o plan.Outcome) string {
	reasons := map[plan.Outcome]string{
		plan.NothingToDo: "NothingToDo", plan.OnlyAdvice: "OnlyAdvice", plan.Refused: "Refused", plan.Declined: "Rejected",
		plan.NotHelped: "NotHelped", plan.UndoFailed: "UndoFailed", plan.Interrupted: "Interrupted", plan.CouldNotAct: "CouldNotAct",
	}
	if r, ok := reasons[o]; ok {
		return r
	}
	return "Ended"
}

func lastPlan(events []plan.Event) *model.Plan {
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].Plan != nil {
			return events[i].Plan
		}
	}
	return nil
}

// tell adds to what people read of what happened. In between is left out where it is too much.
func tell(s *v1alpha1.IncidentStatus, at metav1.MicroTime, what, text string) {
	const first = 8
	if len(s.Timeline) >= mostTold {
		s.Timeline = append(s.Timeline[:first:first], s.Timeline[first+1:]...)
	}
	s.Timeline = append(s.Timeline, v1alpha1.TimelineEntry{At: at, What: what, Text: clip(text)})
}

// clip keeps texts within what the schema takes.
func clip(text string) string {
	const most = 2048
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

func setCondition(s *v1alpha1.IncidentStatus, at time.Time, kind string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&s.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: clip(message), LastTransitionTime: metav1.NewTime(at),
	})
}
