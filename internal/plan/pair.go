package plan

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// mostPairs bounds how many pairs are tried, each of which costs some walks of the routes.
const mostPairs = 24

// pairs gives the faults of a diagnosis two by two, each with what mends it, that help together and of which the second alone
// does not.
func (w *walks) pairs(d model.Diagnosis, memory Memory) iter.Seq2[[]model.Fault, trial] {
	return func(yield func([]model.Fault, trial) bool) {
		n := 0
		for pair := range w.couples(d, memory) {
			if n++; n > mostPairs {
				return
			}
			first, second := pair[0], pair[1]
			if !fits(w.s, second.Remedy) {
				continue
			}
			alone := model.Fault{Finding: first.Finding, Remedy: second.Remedy}
			if t := w.try(pair...); t.refused == "" && w.try(alone).refused != "" && !yield(pair, t) {
				return
			}
		}
	}
}

// couples gives what may help together. The first is a fault whose repair alone harms nobody and does not go far enough, as was found
// before. The second one is looked for on the cluster as the first one leaves it: a Service that selects nothing does not tell of its
// target port.
func (w *walks) couples(d model.Diagnosis, memory Memory) iter.Seq[[]model.Fault] {
	known := slices.DeleteFunc(slices.Concat(d.Causes, d.AlsoWrong), func(f model.Finding) bool { return f.Confidence < MinConfidence })
	return func(yield func([]model.Fault) bool) {
		for _, first := range w.short {
			if first.Finding.Confidence < MinConfidence || !takenBack(first.Remedy) {
				continue
			}
			after, err := settle(w.s, first.Finding, first.Remedy.Changes)
			if err != nil {
				continue
			}
			for _, second := range seconds(d, known, first, w.m.Next(after), memory) {
				if !yield([]model.Fault{first, second}) {
					return
				}
			}
		}
	}
}

// seconds are the repairs of other faults than the first, on the cluster as its repair leaves it.
func seconds(d model.Diagnosis, known []model.Finding, first model.Fault, after *path.Map, memory Memory) []model.Fault {
	var out []model.Fault
	for _, f := range known {
		if f.ID == first.Finding.ID && f.Object == first.Finding.Object || !shareRoute(f, first.Finding) {
			continue
		}
		c := remedy.Case{Finding: f, Snapshot: after.Snapshot(), Deleted: memory.Deleted, Observed: d.Observed, Map: func() *path.Map { return after }}
		for _, r := range candidates(c) {
			if _, again := tried(memory, f, r); !again && takenBack(r) && inARow(first.Remedy, r) {
				out = append(out, model.Fault{Finding: f, Remedy: r})
			}
		}
	}
	return out
}

// shareRoute reports whether requests of one route suffer from both findings, as far as they name routes.
func shareRoute(a, b model.Finding) bool {
	return len(a.Routes) == 0 || len(b.Routes) == 0 || slices.ContainsFunc(a.Routes, func(r model.Ref) bool {
		return slices.ContainsFunc(b.Routes, func(o model.Ref) bool { return plainRef(o) == plainRef(r) })
	})
}

// takenBack reports whether a remedy is one of those that are made together with another: it can be taken back wholly, is about
// no single pods, and traffic proves it. One that takes a rollout as its proof would blame the other fault for its errors.
func takenBack(r model.Remedy) bool {
	return len(r.Changes) > 0 && cmp.Or(r.Proof, model.ProofTraffic) == model.ProofTraffic && !slices.ContainsFunc(r.Changes, func(c model.Change) bool {
		return c.Op != model.OpPatch && c.Op != model.OpCreate || c.Target.Kind == string(snapshot.Pods)
	})
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
	r.Changes = changesOf(faults)
	if len(faults) == 1 {
		return r
	}
	for _, f := range faults[1:] {
		r.Summary += "; then " + f.Remedy.Summary
		r.Kubectl += " && " + f.Remedy.Kubectl
		r.Why = enumerated(r.Why, f.Remedy.Why)
		r.Touches = enumerated(r.Touches, f.Remedy.Touches)
		r.Risk = riskier(r.Risk, f.Remedy.Risk)
		r.Machine = stricter(r.Machine, f.Remedy.Machine)
	}
	r.Undo = remedy.Undo(r.Changes)
	return r
}

func changesOf(faults []model.Fault) []model.Change {
	if len(faults) == 1 {
		return faults[0].Remedy.Changes
	}
	var out []model.Change
	for _, f := range faults {
		out = append(out, f.Remedy.Changes...)
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
