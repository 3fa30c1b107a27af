package controller

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/verify"
)

// details are the parts of an event that have no field of their own in the API.
type details struct {
	Plan      *model.Plan       `json:"plan,omitempty"`
	Saved     bool              `json:"saved,omitempty"`
	Target    *model.Target     `json:"target,omitempty"`
	Cause     *plan.Cause       `json:"cause,omitempty"`
	Judgement *verify.Judgement `json:"judgement,omitempty"`
	Away      bool              `json:"away,omitempty"`
}

// entryOf is an event as an incident's journal keeps it.
func entryOf(attempt int32, e plan.Event) (v1alpha1.JournalEntry, error) {
	entry := v1alpha1.JournalEntry{
		At: metav1.NewMicroTime(e.At), Attempt: attempt, Kind: string(e.Kind), Index: int32(e.Index), OK: e.OK,
		UID: e.UID, Outcome: string(e.Outcome), Because: e.Because,
	}
	d := details{e.Plan, e.Saved, e.Target, e.Cause, e.Judgement, e.Away}
	if d == (details{}) {
		return entry, nil
	}
	data, err := json.Marshal(d)
	if err != nil {
		return entry, fmt.Errorf("encode %s: %w", e.Kind, err)
	}
	entry.Data = &runtime.RawExtension{Raw: data}
	return entry, nil
}

// eventOf is the event that a journal's entry keeps. id names the incident that the entry's object is.
func eventOf(id string, entry v1alpha1.JournalEntry) (plan.Event, error) {
	e := plan.Event{
		At: entry.At.UTC(), Incident: attemptID(id, entry.Attempt), Kind: plan.EventKind(entry.Kind), Index: int(entry.Index), OK: entry.OK,
		UID: entry.UID, Outcome: plan.Outcome(entry.Outcome), Because: entry.Because,
	}
	if entry.Data == nil {
		return e, nil
	}
	var d details
	if err := json.Unmarshal(entry.Data.Raw, &d); err != nil {
		return e, fmt.Errorf("the journal's entry %s of %s cannot be read: %w", entry.Kind, e.Incident, err)
	}
	e.Plan, e.Saved, e.Target, e.Cause, e.Judgement, e.Away = d.Plan, d.Saved, d.Target, d.Cause, d.Judgement, d.Away
	return e, nil
}

// attemptID names one repair of an incident in the engine's record.
func attemptID(incident string, attempt int32) string { return fmt.Sprintf("%s#%d", incident, attempt) }

// planID names a plan by what it changes and why: a yes to one is none to another.
func planID(p model.Plan) string {
	changes := slices.Clone(p.Remedy.Changes)
	for i := range changes {
		changes[i].ResourceVersion = "" // which moves with every status that is written
	}
	data, err := json.Marshal(struct {
		Cause   model.CauseID
		Object  model.FieldRef
		Action  string
		Changes []model.Change
	}{p.Finding.ID, p.Finding.Object, p.Remedy.Action, changes})
	if err != nil {
		return "" // raw JSON in a change that is none: nobody can agree to it
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

func objectOf(r model.Ref) v1alpha1.ObjectReference {
	return v1alpha1.ObjectReference{APIVersion: r.APIVersion, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
}

func refOf(o *v1alpha1.ObjectReference) model.Ref {
	if o == nil {
		return model.Ref{}
	}
	return model.Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
}

// mostEvidence is how many facts an incident shows.
const mostEvidence = 16

func diagnosisOf(d model.Diagnosis) *v1alpha1.Diagnosis {
	if len(d.Causes) == 0 {
		return nil
	}
	f := d.Causes[0]
	out := &v1alpha1.Diagnosis{
		Cause: string(f.ID), Family: f.Family, ConfidencePercent: int32(f.Confidence * 100), Where: f.Object.Ref.String(),
		Object: objectOf(f.Object.Ref), Field: f.Object.Field, Summary: f.Summary,
	}
	for _, e := range f.Evidence[:min(len(f.Evidence), mostEvidence)] {
		out.Evidence = append(out.Evidence, e.Text)
	}
	return out
}

// statusesOf are the statuses of requests that failed, the most frequent one first.
func statusesOf(observed []model.Observation) []int32 {
	const most = 8
	counts := map[int32]int{}
	for _, o := range observed {
		counts[int32(o.Status)] += o.Count
	}
	out := slices.Collect(maps.Keys(counts))
	slices.SortFunc(out, func(a, b int32) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	return out[:min(len(out), most)]
}

func planOf(p model.Plan) *v1alpha1.Plan {
	return &v1alpha1.Plan{
		ID: planID(p), Action: p.Remedy.Action, Summary: p.Remedy.Summary, Risk: string(p.Remedy.Risk), Diff: p.Diff,
		Kubectl: p.Remedy.Kubectl, ApprovalNamespaces: approvalNamespaces(p),
	}
}

// approvalNamespaces are those whose objects a plan changes. What lies in no namespace, such as a node, counts for the
// one of gatemend itself.
func approvalNamespaces(p model.Plan) []string {
	var out []string
	for _, c := range p.Remedy.Changes {
		ns := c.Target.Namespace
		if ns == "" {
			ns = ownNamespace
		}
		if !slices.Contains(out, ns) {
			out = append(out, ns)
		}
	}
	slices.Sort(out)
	return out
}

// ownNamespace is where gatemend's own objects are, such as the kill switch.
const ownNamespace = "gatemend"
