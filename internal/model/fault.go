package model

// Fault is what fails and what mends it, as one of several that stand in a row on the same route.
type Fault struct {
	Finding Finding `json:"finding"`
	// Remedy has the changes that mend this fault alone.
	Remedy Remedy `json:"remedy"`
	// Together: its change is made in one patch with that of the fault before it, so that the pods of their workload are replaced once.
	Together bool `json:"together,omitempty"`
}

// Each gives the faults that a plan mends, in the order in which it does: most plans mend one.
func (p Plan) Each() []Fault {
	if len(p.Faults) > 0 {
		return p.Faults
	}
	return []Fault{{Finding: p.Finding, Remedy: p.Remedy}}
}

// About is the plan as far as its change i is concerned: that with the fault which the change is to mend, the first one if it
// mends several, and nothing else.
func (p Plan) About(i int) Plan { return p.AboutEach(i)[0] }

// AboutEach is [Plan.About] with each of the faults that change i is to mend.
func (p Plan) AboutEach(i int) []Plan {
	n := p.faultOf(i)
	if n < 0 {
		return []Plan{p}
	}
	var out []Plan
	for j, f := range p.Faults[n:] {
		if j > 0 && !f.Together {
			break
		}
		about := p
		about.Finding, about.Remedy, about.Faults = f.Finding, f.Remedy, nil
		out = append(out, about)
	}
	return out
}

// Begins reports whether change i is the first one of another fault than the change before it.
func (p Plan) Begins(i int) bool {
	return i > 0 && p.faultOf(i) != p.faultOf(i-1)
}

// Rest are the faults that are left to mend from change i on, which is the first one of its fault.
func (p Plan) Rest(i int) []Fault {
	return p.Each()[max(0, p.faultOf(i)):]
}

// faultOf is the index of the first fault that change i is to mend, negative where the plan mends only one.
func (p Plan) faultOf(i int) int {
	for n, f := range p.Faults {
		if f.Together {
			continue
		}
		if i < len(f.Remedy.Changes) {
			return n
		}
		i -= len(f.Remedy.Changes)
	}
	return -1
}
