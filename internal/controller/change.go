package controller

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
)

// The results of an action.
const (
	resultBegun      = "Begun"
	resultApplied    = "Applied"
	resultNotApplied = "NotApplied"
	resultInDoubt    = "InDoubt"
	resultUndoing    = "Undoing"
	resultUndone     = "Undone"
	resultNotUndone  = "NotUndone"
)

// madeChange is a change that a journal tells of, and what became of it.
type madeChange struct {
	at      time.Time
	action  string
	change  model.Change
	result  string
	because string
}

// changesOf lists the changes that a journal tells of, and what became of each.
func changesOf(events []plan.Event) []madeChange {
	var out []madeChange
	var p *model.Plan
	first := 0 // of the present plan, among out
	set := func(i int, result, because string) {
		if i >= 0 && i < len(out) {
			out[i].result, out[i].because = result, because
		}
	}
	for _, e := range events {
		switch e.Kind {
		case plan.EventPlanned:
			p, first = e.Plan, len(out)
		case plan.EventApplying:
			if p != nil && e.Index < len(p.Remedy.Changes) {
				made := madeChange{at: e.At, action: p.About(e.Index).Remedy.Action, change: p.Remedy.Changes[e.Index], result: resultBegun}
				out = append(out[:min(first+e.Index, len(out))], made)
			}
		case plan.EventApplied:
			set(first+e.Index, resultApplied, "")
		case plan.EventNotApplied:
			set(first+e.Index, resultNotApplied, e.Because)
		case plan.EventInDoubt:
			set(first+e.Index, resultInDoubt, e.Because)
		case plan.EventUndoing:
			set(undoneBy(out, first, e.Index), resultUndoing, "")
		case plan.EventUndone:
			set(undoneBy(out, first, e.Index), resultUndone, "")
		case plan.EventNotUndone:
			set(undoneBy(out, first, e.Index), resultNotUndone, e.Because)
		default: // the other events change nothing
		}
	}
	return out
}

// undoneBy is the change that undo i takes back: the last one that was made is the first that is undone.
func undoneBy(changes []madeChange, first, i int) int {
	made := 0
	for n := len(changes) - 1; n >= first; n-- {
		if changes[n].result == resultNotApplied || changes[n].result == resultInDoubt {
			continue
		}
		if made == i {
			return n
		}
		made++
	}
	return -1
}

// actionsOf are the changes of a journal as an incident's status shows them.
func actionsOf(events []plan.Event) []v1alpha1.ActionRecord {
	var out []v1alpha1.ActionRecord
	for _, made := range changesOf(events) {
		c := made.change
		a := v1alpha1.ActionRecord{
			At: metav1.NewMicroTime(made.at), Action: made.action, Operation: string(c.Op), Object: objectOf(c.Target), Result: made.result, Because: made.because,
		}
		for _, f := range c.Fields {
			a.Fields = append(a.Fields, v1alpha1.FieldChange{Path: f.Path, Before: string(f.Old), After: string(f.New)})
		}
		if c.Op == model.OpCreate {
			a.Fields = append(a.Fields, v1alpha1.FieldChange{After: string(c.Object)})
		}
		out = append(out, a)
	}
	return out
}
