package guardrail

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
)

// remembered is the longest time that a limit may look back.
const remembered = 24 * time.Hour

// History is what was done before, oldest first. Make it with [Recall].
type History struct {
	Actions   []Action
	Incidents []Incident
}

// Action is one change that was begun.
type Action struct {
	At     time.Time
	Object model.Ref // for an evicted pod its workload
}

// Incident is one that a plan was made for.
type Incident struct {
	At     time.Time
	Cause  model.CauseID
	Object model.Ref
}

// Recall reads the history in the events of a journal.
func Recall(events []plan.Event) History {
	var h History
	plans := map[string]*model.Plan{}
	for _, e := range events {
		switch {
		case e.Kind == plan.EventPlanned && e.Plan != nil:
			plans[e.Incident] = e.Plan
			h.Incidents = append(h.Incidents, incidentOf(e.At, *e.Plan))
		case e.Kind == plan.EventApplying && plans[e.Incident] != nil:
			p := *plans[e.Incident]
			if changes := p.Remedy.Changes; e.Index >= 0 && e.Index < len(changes) {
				h.Actions = append(h.Actions, Action{At: e.At, Object: counted(p.About(e.Index), changes[e.Index])})
			}
		}
	}
	return h
}

func incidentOf(at time.Time, p model.Plan) Incident {
	return Incident{At: at, Cause: p.Finding.ID, Object: p.Finding.Object.Ref}
}

// exceeded says which limits of a policy forbid changing an object once more, so many times. more is how many
// changes the plan makes to the object, to its namespace and in all.
func (l limits) exceeded(policy string, h History, now time.Time, t Target, more [3]int) []model.PolicyReason {
	var out []model.PolicyReason
	for i, c := range []struct {
		name  string
		most  int
		what  string
		about func(Action) bool
	}{
		{"object", l.object, "of " + t.Counted.String(), func(a Action) bool { return a.Object == t.Counted }},
		{"namespace", l.namespace, "in namespace " + t.Namespace, func(a Action) bool { return a.Object.Namespace == t.Namespace }},
		{"cluster", l.cluster, "in the cluster", func(Action) bool { return true }},
	} {
		n := 0
		for _, a := range h.Actions {
			if c.about(a) && a.At.After(now.Add(-time.Hour)) {
				n++
			}
		}
		if n+more[i] > c.most {
			out = append(out, says(model.Propose, policy+": limits.actionsPerHour."+c.name,
				fmt.Sprintf("%d changes %s in the last hour and %d more would be over the limit of %d", n, c.what, more[i], c.most)))
		}
	}
	for _, a := range slices.Backward(h.Actions) {
		if rest := min(a.At.Add(l.cooldown).Sub(now), l.cooldown); a.Object == t.Counted && rest > 0 {
			return append(out, says(model.Propose, policy+": limits.cooldown",
				fmt.Sprintf("%s was changed at %s and is left alone for another %s", t.Counted, a.At.UTC().Format("15:04:05"), rest.Round(time.Second))))
		}
	}
	return out
}

// storm says whether so much fails at once that it most likely has one cause elsewhere.
func (l limits) storm(policy string, h History, now time.Time, this Incident, open []string) []model.PolicyReason {
	different := map[Incident]bool{}
	for _, i := range append(slices.Clone(h.Incidents), this) {
		if i.At.After(now.Add(-l.stormWithin)) {
			i.At = time.Time{}
			different[i] = true
		}
	}
	text := ""
	switch {
	case len(different) > l.stormIncidents:
		text = fmt.Sprintf("%d incidents within %s (%s)", len(different), l.stormWithin, grouped(different))
	case len(open) > l.stormIncidents:
		text = fmt.Sprintf("%d routes fail at once (%s)", len(open), few(open))
	default:
		return nil
	}
	return []model.PolicyReason{says(model.Propose, policy+": limits.storm", text+": they most likely have one cause elsewhere, which a person must find")}
}

// grouped counts incidents by cause, the most frequent first.
func grouped(incidents map[Incident]bool) string {
	by := map[model.CauseID]int{}
	for i := range incidents {
		by[i.Cause]++
	}
	ids := slices.SortedFunc(maps.Keys(by), func(a, b model.CauseID) int {
		if by[a] != by[b] {
			return by[b] - by[a]
		}
		return strings.Compare(string(a), string(b))
	})
	parts := make([]string, 0, len(ids))
	for _, id := range ids {
		parts = append(parts, fmt.Sprintf("%d %s", by[id], id))
	}
	return few(parts)
}

// few names the first of many.
func few(all []string) string {
	const most = 4
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}
