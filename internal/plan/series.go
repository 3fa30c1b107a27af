package plan

import (
	"cmp"
	"iter"
	"reflect"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

const (
	// mostFaults is how many faults in a row one plan mends.
	mostFaults = 3
	// mostTrials bounds how many rows of each length are tried, each of which costs some walks of the routes.
	mostTrials = 24
)

// series gives the faults of a diagnosis, two by two and then three by three, each with what mends it, that help together and of
// which none can be left out.
func (w *walks) series(d model.Diagnosis, memory Memory) iter.Seq2[[]model.Fault, trial] {
	return func(yield func([]model.Fault, trial) bool) {
		var rows [][]model.Fault
		for _, f := range w.short {
			if f.Finding.Confidence >= MinConfidence && takenBack(f.Remedy) {
				rows = append(rows, []model.Fault{f})
			}
		}
		for range mostFaults - 1 {
			var more bool
			if rows, more = w.helping(w.longer(d, memory, rows), yield); !more {
				return
			}
		}
	}
}

// helping gives, of some rows, those that help, and keeps those that do not go far enough. more: others are asked for.
func (w *walks) helping(rows iter.Seq[[]model.Fault], yield func([]model.Fault, trial) bool) (short [][]model.Fault, more bool) {
	n := 0
	for row := range rows {
		if n++; n > mostTrials {
			break
		}
		t := w.try(row...)
		switch {
		case t.short:
			short = append(short, row)
		case t.refused == nil && !w.spares(row) && !yield(row, t):
			return nil, false
		}
	}
	return short, true
}

// longer gives rows with one more fault. It is looked for on the cluster as those before it leave it: a Service that selects
// nothing does not tell of its target port.
func (w *walks) longer(d model.Diagnosis, memory Memory, rows [][]model.Fault) iter.Seq[[]model.Fault] {
	return func(yield func([]model.Fault) bool) {
		for _, row := range rows {
			stages, refused := w.settleAll(w.s, row)
			if refused != nil {
				continue
			}
			for _, next := range w.nexts(d, memory, row, w.m.Next(stages[len(stages)-1])) {
				if !fits(w.s, next.Remedy) {
					continue
				}
				if longer, ok := placed(row, next); ok && !yield(longer) {
					return
				}
			}
		}
	}
}

// nexts are the repairs of other faults than those of a row, on the cluster as the row leaves it.
func (w *walks) nexts(d model.Diagnosis, memory Memory, row []model.Fault, after *path.Map) []model.Fault {
	var out []model.Fault
	for _, f := range w.known {
		if slices.ContainsFunc(row, func(o model.Fault) bool {
			return f.ID == o.Finding.ID && f.Object == o.Finding.Object || !shareRoute(f, o.Finding)
		}) {
			continue
		}
		c := remedy.Case{Finding: f, Snapshot: after.Snapshot(), Deleted: memory.Deleted, Observed: d.Observed, Map: func() *path.Map { return after }}
		for _, r := range candidates(c) {
			if tried(memory, f, r) == nil {
				out = append(out, model.Fault{Finding: f, Remedy: r})
			}
		}
	}
	return out
}

// certain are the findings of a diagnosis on which a machine may act.
func certain(d model.Diagnosis) []model.Finding {
	return slices.DeleteFunc(slices.Concat(d.Causes, d.AlsoWrong), func(f model.Finding) bool { return f.Confidence < MinConfidence })
}

// spares reports whether what helps as a row would also help without one of its repairs. Without the last one it does not: the
// row was made longer for that.
func (w *walks) spares(row []model.Fault) bool {
	for i := range row[:len(row)-1] {
		rest := slices.Delete(slices.Clone(row), i, i+1)
		rest[i].Finding = row[i].Finding // it is there all the same
		rest[i].Together = row[i].Together && row[i+1].Together
		if w.try(rest...).refused == nil {
			return true
		}
	}
	return false
}

// shareRoute reports whether requests of one route suffer from both findings, as far as they name routes.
func shareRoute(a, b model.Finding) bool {
	return len(a.Routes) == 0 || len(b.Routes) == 0 || slices.ContainsFunc(a.Routes, func(r model.Ref) bool {
		return slices.ContainsFunc(b.Routes, func(o model.Ref) bool { return o.Same(r) })
	})
}

// takenBack reports whether a remedy is one of those that are made together with another: it can be taken back wholly, is about
// no single pods, and traffic proves it. One that takes a rollout as its proof would blame the other fault for its errors.
func takenBack(r model.Remedy) bool {
	return len(r.Changes) > 0 && cmp.Or(r.Proof, model.ProofTraffic) == model.ProofTraffic && !slices.ContainsFunc(r.Changes, func(c model.Change) bool {
		return c.Op != model.OpPatch && c.Op != model.OpCreate || c.Target.Kind == string(snapshot.Pods)
	})
}

// placed puts a fault behind those of a row, or into one patch with those whose repair replaces the pods of the same workload.
// Pods that a patch of the first fault alone would bring did not come up, for the second fault's sake.
func placed(row []model.Fault, next model.Fault) (longer []model.Fault, ok bool) {
	at := len(row)
	next.Together = false
	for i, f := range row {
		if oneRollout(f.Remedy, next.Remedy) {
			at, next.Together = i+1, true
		} else if !inARow(f.Remedy, next.Remedy) {
			return nil, false
		}
	}
	return slices.Insert(slices.Clone(row), at, next), true
}

// wellPlaced reports whether faults stand as [placed] puts them.
func wellPlaced(faults []model.Fault) bool {
	row := faults[:1:1]
	for i, f := range faults[1:] {
		longer, ok := placed(row, f)
		if !ok || !reflect.DeepEqual(longer, faults[:i+2]) {
			return false
		}
		row = longer
	}
	return len(faults) <= mostFaults && !faults[0].Together
}

// oneRollout reports whether two remedies are made with one patch. Half of a rollback is a state that nobody has ever tested, so
// that one is made alone; it mostly mends all faults of its revision.
func oneRollout(a, b model.Remedy) bool {
	if len(a.Changes) != 1 || len(b.Changes) != 1 || a.Action == rollback || b.Action == rollback || !takenBack(a) || !takenBack(b) {
		return false
	}
	x, y := a.Changes[0], b.Changes[0]
	return x.Op == model.OpPatch && y.Op == model.OpPatch && x.Target == y.Target && x.Subresource == y.Subresource && movesPods(x) && movesPods(y) && !overlap(x, y)
}

// inARow reports whether two remedies can be made one after the other, and taken back in reverse: they do not set the same
// fields, nor both replace the pods of a workload. Those of the first one would not come up for the second fault's sake.
func inARow(a, b model.Remedy) bool {
	if !takenBack(a) || !takenBack(b) {
		return false
	}
	for _, x := range a.Changes {
		for _, y := range b.Changes {
			if x.Target == y.Target && (x.Op != model.OpPatch || y.Op != model.OpPatch || movesPods(x) && movesPods(y) || overlap(x, y)) {
				return false
			}
		}
	}
	return true
}

// overlap reports whether two patches set the same field, or one of them a part of what the other sets.
func overlap(x, y model.Change) bool {
	within := func(a, b string) bool { return a == b || strings.HasPrefix(a, b+"/") }
	return slices.ContainsFunc(x.Fields, func(f model.FieldChange) bool {
		return slices.ContainsFunc(y.Fields, func(g model.FieldChange) bool { return within(f.Path, g.Path) || within(g.Path, f.Path) })
	})
}

// fits reports whether changes that were found on a what-if can be made on the cluster as it is.
func fits(s *snapshot.Snapshot, r model.Remedy) bool {
	_, err := s.With(unversioned(r.Changes)...)
	return err == nil
}

// joined is what mends all faults of a plan, as one remedy.
func joined(faults []model.Fault) model.Remedy {
	r := faults[0].Remedy
	if len(faults) == 1 {
		return r
	}
	r.Changes, r.Kubectl = nil, ""
	for batch := range batches(faults) {
		changes, by := changesOf(batch), batch[0].Remedy.Kubectl
		if len(batch) > 1 {
			by = remedy.Kubectl(changes)
		}
		r.Changes, r.Kubectl = append(r.Changes, changes...), r.Kubectl+" && "+by
	}
	r.Kubectl = strings.TrimPrefix(r.Kubectl, " && ")
	for _, f := range faults[1:] {
		then := "; then "
		if f.Together {
			then = "; in the same patch "
		}
		r.Summary += then + f.Remedy.Summary
		r.Why = enumerated(r.Why, f.Remedy.Why)
		r.Touches = enumerated(r.Touches, f.Remedy.Touches)
		r.Risk = riskier(r.Risk, f.Remedy.Risk)
		r.Machine = stricter(r.Machine, f.Remedy.Machine)
	}
	r.Change, r.Undo = r.Changes[0], remedy.Undo(r.Changes)
	return r
}

// batches gives the faults that are mended at once, batch by batch: most often one.
func batches(faults []model.Fault) iter.Seq[[]model.Fault] {
	return func(yield func([]model.Fault) bool) {
		for begin := 0; begin < len(faults); {
			end := begin + 1
			for end < len(faults) && faults[end].Together {
				end++
			}
			if !yield(faults[begin:end]) {
				return
			}
			begin = end
		}
	}
}

// changesOf are the changes that mend faults, with one patch for those that are mended at once.
func changesOf(faults []model.Fault) []model.Change {
	if len(faults) == 1 {
		return faults[0].Remedy.Changes
	}
	var out []model.Change
	for _, f := range faults {
		if !f.Together {
			out = append(out, f.Remedy.Changes...)
			continue
		}
		last := &out[len(out)-1]
		last.Fields = slices.Concat(last.Fields, f.Remedy.Changes[0].Fields)
	}
	return out
}

func enumerated(a, b string) string {
	switch {
	case a == b || b == "":
		return a
	case a == "":
		return b
	default:
		return a + "; " + b
	}
}

func riskier(a, b model.Risk) model.Risk {
	return furthest(a, b, model.RiskLow, model.RiskMedium, model.RiskHigh)
}

func stricter(a, b model.Machine) model.Machine {
	return furthest(a, b, model.MachineFix, model.MachinePropose, model.MachineAdvise)
}

// furthest is the one of two values that comes later in an order.
func furthest[T comparable](a, b T, order ...T) T {
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}
