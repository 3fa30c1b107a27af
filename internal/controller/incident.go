package controller

import (
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
)

// recordOf is an incident as the history keeps it and notifications tell of it. events are those of its journal.
func recordOf(cluster string, i *v1alpha1.Incident, events []plan.Event) model.Incident {
	s := i.Status
	out := model.Incident{
		APIVersion: model.APIVersion, Kind: model.KindIncident, Cluster: cluster, ID: client.ObjectKeyFromObject(i).String(),
		Phase: model.Phase(s.Phase), Because: s.Message, Routes: []string{i.Spec.Route}, Statuses: []int{},
		Started: i.Spec.Since.UTC(), Opened: i.CreationTimestamp.UTC(), Updated: lastWrite(i),
		Timeline: []model.IncidentEvent{}, Actions: carriedOut(events), Decisions: []model.IncidentDecision{},
	}
	if s.Phase == "" { // its first status was not written yet
		out.Phase = model.PhaseDetected
	}
	if s.DetectedAt != nil {
		out.Opened = s.DetectedAt.UTC()
	}
	if s.ResolvedAt != nil && over(i) {
		out.Closed = s.ResolvedAt.UTC()
	}
	if o := s.Observed; o != nil {
		out.Routes = append(out.Routes, o.Routes...)
		out.Requests, out.Errors = int(o.Requests), int(o.Errors)
		for _, status := range o.Statuses {
			out.Statuses = append(out.Statuses, int(status))
		}
	}
	if d := s.Diagnosis; d != nil {
		out.Cause, out.Confidence, out.Summary = model.CauseID(d.Cause), float64(d.ConfidencePercent)/100, d.Summary
		out.Object = model.FieldRef{Ref: refOf(&d.Object), Field: d.Field}
	} else {
		out.Object.Ref = refOf(i.Spec.Object)
	}
	if p := s.Plan; p != nil {
		out.Proposal = &model.IncidentPlan{ID: p.ID, Action: p.Action, Summary: p.Summary, Risk: model.Risk(p.Risk), Kubectl: p.Kubectl, Diff: p.Diff}
		if whole := lastPlan(events); whole != nil && planID(*whole) == p.ID {
			out.Proposal.Touches = whole.Remedy.Touches
		}
	}
	for _, e := range s.Timeline {
		out.Timeline = append(out.Timeline, model.IncidentEvent{At: e.At.UTC(), Kind: e.What, Text: e.Text})
	}
	for _, d := range s.Decisions {
		out.Decisions = append(out.Decisions, decisionOf(d))
	}
	return out
}

// lastWrite is when the latest thing happened that an incident tells of.
func lastWrite(i *v1alpha1.Incident) time.Time {
	s, last := i.Status, i.CreationTimestamp.Time
	later := func(t time.Time) {
		if t.After(last) {
			last = t
		}
	}
	if o := s.Observed; o != nil && o.LastError != nil {
		later(o.LastError.Time)
	}
	if s.ResolvedAt != nil {
		later(s.ResolvedAt.Time)
	}
	if n := len(s.Timeline); n > 0 {
		later(s.Timeline[n-1].At.Time)
	}
	if n := len(s.Journal); n > 0 {
		later(s.Journal[n-1].At.Time)
	}
	if n := len(s.Decisions); n > 0 {
		later(s.Decisions[n-1].At.Time)
	}
	return last.UTC()
}

func decisionOf(d v1alpha1.DecisionRecord) model.IncidentDecision {
	out := model.IncidentDecision{At: d.At.UTC(), Plan: d.Plan, Who: d.User, Through: d.Through, Because: d.Because}
	switch {
	case d.User == "":
		out.Who, out.Through, out.Because = d.Rule, "policy", strings.TrimPrefix(d.Because, d.Rule+": ")
		if out.Verdict.UnmarshalText([]byte(d.Verdict)) != nil {
			out.Verdict = model.Refuse // a word of another version: nothing that it allows is known
		}
	case d.Verdict == string(v1alpha1.Approve):
		out.Verdict = model.Allow
	default:
		out.Verdict = model.Refuse
	}
	if out.Through == "" {
		out.Through = "kubectl"
	}
	return out
}

// carriedOut are the changes that a journal tells of.
func carriedOut(events []plan.Event) []model.IncidentAction {
	out := []model.IncidentAction{}
	for _, a := range changesOf(events) {
		one := model.IncidentAction{At: a.at.UTC(), Action: a.action, Change: a.change, Because: a.because}
		switch a.result {
		case resultApplied, resultUndoing, resultNotUndone:
			one.Result = model.ActionApplied
		case resultNotApplied:
			one.Result = model.ActionFailed
		case resultUndone:
			one.Result = model.ActionUndone
		default:
			one.Result = model.ActionBegun
		}
		out = append(out, one)
	}
	return out
}
