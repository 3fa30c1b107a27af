package plan

import (
	"fmt"
	"slices"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// trial is a remedy tried on a copy of the cluster.
type trial struct {
	refused       *objection         // nil: the model predicts that it helps and harms nobody
	short         bool               // it harms nobody, but requests would still fail
	in            *snapshot.Snapshot // as much of the cluster as it was tried on
	before, after []model.Trace
	mended        []int // indexes of the failing routes in before and after
	elsewhere     bool  // some requests go to another rule than before, which may lead anywhere
}

// predicts is the outcome of the first failing request after the remedy.
func (t trial) predicts() string {
	if len(t.mended) == 0 {
		return "unknown"
	}
	return t.after[t.mended[0]].Predicts
}

// try carries the remedy of a fault out on a copy, lets controllers react, and walks the routes again. Of several faults, each
// is mended on what the one before left.
func (w *walks) try(faults ...model.Fault) trial {
	near := touched(faults)
	t := w.tryIn(w.part(near, changesOf(faults)), near, faults)
	if t.elsewhere && t.in != w.s {
		return w.tryIn(w.m, near, faults)
	}
	return t
}

// tryOne tries the remedy of one fault, and keeps in mind what may help together with another.
func (w *walks) tryOne(f model.Fault) trial {
	t := w.try(f)
	if t.short {
		w.short = append(w.short, f)
	}
	return t
}

func (w *walks) tryIn(whole *path.Map, near namespaces, faults []model.Fault) trial {
	part := whole.Snapshot()
	t := trial{in: part}
	stages, refused := w.settleAll(part, faults)
	if refused != nil {
		t.refused = refused
		return t
	}
	settled := stages[len(stages)-1]
	about := make([]map[model.Ref]bool, len(faults))
	for i, f := range faults {
		about[i] = concerns(part, settled, f.Finding)
	}
	m, met, shared := whole.Next(settled), map[int]bool{}, false
	if len(faults) > 1 {
		if t.refused = w.stillFails(m, near, faults, about); t.refused != nil {
			t.short = true
			return t
		}
	}
	add := func(i int, after model.Trace) {
		before := w.before(i)
		n := suffersFrom(faults, before, about)
		if n > 0 {
			t.mended = append(t.mended, len(t.after))
		}
		shared = shared || n == len(faults) || n > 0 && inTurn(whole, stages, w.rows[i], faults, about)
		t.before, t.after, met[i] = append(t.before, before), append(t.after, after), true
	}
	for _, after := range walk(m, near.meets) {
		if i, known := w.at[keyOf(after)]; known { // else the change itself brought the rule: nobody used it before
			add(i, after)
		}
	}
	for i := range w.rulesOf(faults) {
		if !met[i] { // the change took the rule away, as it does with a canary's: another one gets its requests
			t.elsewhere = true
			add(i, m.Walk(w.rows[i].Request()))
		}
	}
	t.refused, t.short = t.judge()
	if t.refused == nil && !shared {
		t.refused = objects(catalogue.RuleUnrelatedFaults, "no request suffers from all that it would mend")
	}
	return t
}

// stillFails says which request would fail still. Few rows of faults help, and to see that one does not, what becomes of other
// routes need not be looked at.
func (w *walks) stillFails(m *path.Map, near namespaces, faults []model.Fault, about []map[model.Ref]bool) *objection {
	for _, r := range rowsOf(m) {
		key := rowKey(r)
		i, known := w.at[key]
		if !known || !near.meets(r) || suffersFrom(faults, w.before(i), about) == 0 {
			continue
		}
		if after := walked(m, r); keyOf(after) == key && !mends(after) {
			return fails(after)
		}
	}
	return nil
}

// settleAll gives the cluster before, between and after the remedies of faults, each made on what the one before left.
func (w *walks) settleAll(s *snapshot.Snapshot, faults []model.Fault) (stages []*snapshot.Snapshot, refused *objection) {
	for batch := range batches(faults) {
		known, changes := without(w.known, batch[0].Finding), changesOf(batch)
		for _, f := range batch[1:] {
			known = append(known, f.Finding)
		}
		next, err := settle(s, batch[0].Finding, known, changes)
		if err != nil {
			return nil, objects(catalogue.RuleDoesNotFit, "it does not fit the cluster: %v", err)
		}
		if why := overQuota(s, changes); why != "" {
			return nil, objects(catalogue.RuleResourceQuota, "%s", why)
		}
		stages, s = append(stages, s), next
	}
	return append(stages, s), nil
}

func without(all []model.Finding, f model.Finding) []model.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(o model.Finding) bool { return o.ID == f.ID && o.Object == f.Object })
}

// suffersFrom counts the faults from which a route suffers; about are the objects that concern each.
func suffersFrom(faults []model.Fault, before model.Trace, about []map[model.Ref]bool) (n int) {
	for i, f := range faults {
		if suffers(f.Finding, before, about[i]) {
			n++
		}
	}
	return n
}

// inTurn reports whether a route suffers from each of some faults in its turn, which may show only once those before are mended.
func inTurn(whole *path.Map, stages []*snapshot.Snapshot, route path.Route, faults []model.Fault, about []map[model.Ref]bool) bool {
	n := 0
	for batch := range batches(faults) {
		m := whole.Next(stages[0])
		stages = stages[1:]
		rows := rowsOf(m)
		i := slices.IndexFunc(rows, func(r path.Route) bool { return rowKey(r) == rowKey(route) })
		if i < 0 {
			return false
		}
		t := walked(m, rows[i])
		for _, f := range batch {
			if !suffers(f.Finding, t, about[n]) {
				return false
			}
			n++
		}
	}
	return true
}

// judge says why the remedy is refused, if it is. short: it is for no more than that it does not go far enough.
func (t trial) judge() (refused *objection, short bool) {
	for i, after := range t.after {
		if rank(after) < rank(t.before[i]) {
			return objects(catalogue.RuleBreaksRoute, "it would break %s (%s): %s", after.Request, after.Route, trouble(after)), false
		}
	}
	for _, i := range t.mended {
		if !mends(t.after[i]) {
			return fails(t.after[i]), true
		}
	}
	if len(t.mended) == 0 {
		return objects(catalogue.RuleEffectUnknown, "the model cannot tell which request it would mend"), false
	}
	return nil, false
}

func fails(after model.Trace) *objection {
	return objects(catalogue.RuleStillFails, "%s would still fail: %s", after.Request, trouble(after))
}

// mends reports whether a walk is good after a change. A hop that cannot be looked at does not speak
// against the change, which cannot be to blame for it; a guard then asks for a person.
func mends(after model.Trace) bool { return len(after.Hops) > 0 && rank(after) >= notKnown }

// The ranks of a walk by its worst hop.
const (
	broken = iota
	suspect
	notKnown
	allWell
)

// rank orders walks.
func rank(t model.Trace) int {
	r := allWell
	for _, h := range t.Hops {
		switch h.Verdict {
		case model.Broken:
			return broken
		case model.Suspect:
			r = min(r, suspect)
		case model.Unknown:
			r = min(r, notKnown)
		case model.OK:
		}
	}
	return r
}

// trouble is the reason of the first hop that is not well.
func trouble(t model.Trace) string {
	for _, h := range t.Hops {
		if h.Verdict != model.OK {
			return fmt.Sprintf("%s %s is %s: %s", h.Kind, h.Name, h.Verdict, h.Why)
		}
	}
	return "no rule matches it"
}
