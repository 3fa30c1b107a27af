package plan

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Remedies lists what would mend the causes of a diagnosis, in the order in which it would be tried:
// cause by cause, the smallest change first. Each has been tried on a copy of the cluster, and what
// does not help there, or breaks another route, is left out; Predicts says how the failing request
// would end. Where nothing mends one cause alone, it is what mends several in a row.
func Remedies(d model.Diagnosis, m *path.Map, memory Memory) []model.Remedy {
	out := []model.Remedy{}
	if len(d.Causes) == 0 {
		return out
	}
	w := walksOf(m)
	w.known = certain(d)
	for _, f := range d.Causes {
		for _, r := range candidates(w.caseOf(f, d.Observed, memory)) {
			if tried(memory, f, r) != nil {
				continue
			}
			if t := w.tryOne(model.Fault{Finding: f, Remedy: r}); t.refused == nil {
				r.Predicts = t.predicts()
				out = append(out, r)
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	for row, t := range w.series(d, memory) {
		r := joined(row)
		r.Predicts = t.predicts()
		return append(out, r)
	}
	return out
}

// WithMended gives the cluster as it would be with the smallest change made that mends a finding, once controllers
// have reacted. Whether requests then succeed is not asked: another fault may lie behind this one.
func WithMended(f model.Finding, m *path.Map, memory Memory) (*snapshot.Snapshot, bool) {
	s := m.Snapshot()
	for _, r := range candidates(remedy.Case{Finding: f, Snapshot: s, Map: func() *path.Map { return m }, Deleted: memory.Deleted}) {
		if after, err := settle(s, f, nil, r.Changes); err == nil {
			return after, true
		}
	}
	return nil, false
}

// Make chooses a remedy. The causes are taken in the diagnosis's order; the first that has a
// candidate which passes the what-if decides. Among its candidates one against which no absolute
// guard stands comes first, then the smaller change. Where nothing helps alone, causes in a row
// are mended together.
//
// The error is [ErrNothingToDo], [ErrOnlyAdvice] or [ErrAllRefused].
func Make(in Input) (model.Plan, error) {
	if len(in.Diagnosis.Causes) == 0 {
		return model.Plan{}, ErrNothingToDo
	}
	w := newWalks(in)
	var refused []model.Refusal
	var without []model.CauseID
	for _, f := range in.Diagnosis.Causes {
		all := candidates(w.caseOf(f, in.Diagnosis.Observed, in.Memory))
		if len(all) == 0 {
			without = append(without, f.ID)
			continue
		}
		plan, others, ok := choose(in, w, f, all)
		refused = append(refused, others...)
		if ok {
			plan.Refused = refused
			return plan, nil
		}
	}
	if len(refused) == 0 {
		return model.Plan{}, &AdviceError{Causes: without}
	}
	for row, t := range w.series(in.Diagnosis, in.Memory) {
		if plan, why := planFrom(in, t, row...); why == nil {
			plan.Refused = refused
			return plan, nil
		}
	}
	return model.Plan{}, &RefusedError{Refused: refused, Without: without}
}

// choose tries the candidates of one finding.
func choose(in Input, w *walks, f model.Finding, all []model.Remedy) (best model.Plan, refused []model.Refusal, ok bool) {
	for _, r := range all {
		if ok && !blocked(best.Guards) {
			break
		}
		if why := tried(in.Memory, f, r); why != nil {
			refused = append(refused, why.to(r))
			continue
		}
		fault := model.Fault{Finding: f, Remedy: r}
		p, why := planFrom(in, w.tryOne(fault), fault)
		if why != nil {
			refused = append(refused, why.to(r))
			continue
		}
		switch {
		case !ok:
			best, ok = p, true
		case !blocked(p.Guards):
			refused = append(refused, refusals(best)...)
			best = p
		}
	}
	return best, refused, ok
}

// planFrom makes a plan that mends faults, most often one, of their trial, or says why it is refused.
func planFrom(in Input, t trial, faults ...model.Fault) (p model.Plan, refused *objection) {
	if t.refused != nil {
		return p, t.refused
	}
	faults = slices.Clone(faults)
	for i := range faults {
		r := &faults[i].Remedy
		r.Predicts, r.Changes = t.predicts(), held(in.Snapshot, r.Changes)
		r.Change, r.Undo = r.Changes[0], remedy.Undo(r.Changes)
	}
	r := joined(faults)
	if len(faults) > 1 { // a patch that mends several
		r.Changes = held(in.Snapshot, r.Changes)
		r.Change, r.Undo = r.Changes[0], remedy.Undo(r.Changes)
	}
	diff, err := unified(t.in, r.Changes)
	if err != nil {
		return p, objects(catalogue.RuleNotShown, "it cannot be shown: %v", err)
	}
	by, managers := owners(in.Snapshot, r)
	p = model.Plan{
		APIVersion: model.APIVersion, Kind: model.KindPlan, Finding: faults[0].Finding, Remedy: r,
		Diff: diff, Before: t.before, After: t.after, Mends: t.mended, Basis: basis(in.Snapshot, r.Changes),
		Guards: guardsOf(in, t, faults), Owners: by, Managers: managers, Proposals: proposals(in.Snapshot, r, by),
	}
	if len(faults) > 1 {
		p.Faults = faults
	}
	return p, nil
}

// candidates lists the remedies of a finding, the smallest first.
func candidates(c remedy.Case) []model.Remedy {
	all := remedy.Candidates(c)
	machine := model.MachinePropose
	if c, ok := catalogue.Lookup(c.Finding.ID); ok {
		machine = c.Machine
	}
	for i := range all {
		if all[i].Machine == "" {
			all[i].Machine = machine
		}
	}
	slices.SortStableFunc(all, func(a, b model.Remedy) int { return cmp.Compare(cost(a, all), cost(b, all)) })
	return distinct(all)
}

// distinct leaves out what makes the same changes as a remedy before it: under another name it would be tried a
// second time after it did not help.
func distinct(all []model.Remedy) []model.Remedy {
	var out []model.Remedy
	for _, r := range all {
		if !slices.ContainsFunc(out, func(o model.Remedy) bool { return reflect.DeepEqual(o.Changes, r.Changes) }) {
			out = append(out, r)
		}
	}
	return out
}

// caseOf is what remedies of a finding are made from.
func (w *walks) caseOf(f model.Finding, observed []model.Observation, m Memory) remedy.Case {
	return remedy.Case{Finding: f, Snapshot: w.s, Deleted: m.Deleted, Observed: observed, Map: func() *path.Map { return w.m }}
}

// cost ranks a remedy: its risk, then how many fields it touches. A patch of one field that the
// broken revision shares with other changes ranks behind taking the whole revision back: half a
// rollback is a state that nobody has ever tested. So does a template that no revision ever had.
func cost(r model.Remedy, all []model.Remedy) int {
	const perRisk = 1000
	n := 0
	for _, c := range r.Changes {
		n += max(1, len(c.Fields))
	}
	switch r.Risk {
	case model.RiskLow:
	case model.RiskMedium:
		n += perRisk
	case model.RiskHigh:
		n += 2 * perRisk
	}
	if r.Action == rollback {
		return n
	}
	for _, other := range all {
		half := contains(other.Change, r.Change) && len(other.Change.Fields) > len(r.Change.Fields)
		if other.Action == rollback && (half || invents(other.Change, r.Change)) {
			return n + perRisk/2
		}
	}
	return n
}

// invents reports whether a change of a pod template sets something that taking the revision back does not.
func invents(back, c model.Change) bool {
	return back.Target == c.Target && !contains(back, c) && slices.ContainsFunc(c.Fields, func(f model.FieldChange) bool {
		return strings.HasPrefix(f.Path, "/spec/template")
	})
}

// contains reports whether every field that small sets is set to the same value by big.
func contains(big, small model.Change) bool {
	return big.Target == small.Target && !slices.ContainsFunc(small.Fields, func(f model.FieldChange) bool {
		return !slices.ContainsFunc(big.Fields, func(g model.FieldChange) bool {
			return g.Path == f.Path && string(g.New) == string(f.New)
		})
	})
}
