package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

const (
	// hiding is how many causes are looked behind: each costs another walk of its routes.
	hiding = 3
	// deep is how many faults are looked for behind each, one behind the other.
	deep = 2
)

// nextFaults lists what requests would meet next, were the causes mended. Faults often stand in a row on one
// path, and the first hides the others: an empty Service says nothing of its target port. What is found so has
// not been seen by anybody, so only what objects prove is told.
func (v *view) nextFaults(causes []model.Finding) []model.Finding {
	return v.faultsBehind(causes, deep, v.knows)
}

func (v *view) faultsBehind(causes []model.Finding, deep int, known func(finding) bool) []model.Finding {
	var out []model.Finding
	if v.in.Mended == nil || deep == 0 {
		return nil
	}
	for _, first := range causes[:min(len(causes), hiding)] {
		if first.Confidence < proven || len(first.Routes) == 0 {
			continue
		}
		for _, f := range v.behindOne(first, deep, known) {
			if !slices.ContainsFunc(out, func(o model.Finding) bool { return o.ID == f.ID && o.Object == f.Object }) {
				out = append(out, f)
			}
		}
	}
	return out
}

// behindOne lists what requests would meet next, were one cause mended.
func (v *view) behindOne(first model.Finding, deep int, known func(finding) bool) []model.Finding {
	s, ok := v.in.Mended(first, v.m)
	if !ok {
		return nil
	}
	target := v.in.Target
	if target.IsZero() {
		target.Object = &first.Routes[0]
	}
	next := newView(Input{Snapshot: s, Map: v.m.Next(s), Target: target, Logs: v.in.Logs, Mended: v.in.Mended})
	var found []model.Finding
	for _, f := range merge(next.findings(byState)) {
		if f.dormant || f.Confidence < proven || f.ID == first.ID || known(f) || !slices.ContainsFunc(f.routes, (*route).broken) {
			continue
		}
		f = f.because("model", fmt.Sprintf("it shows once %s at %s is mended", first.ID, first.Object), f.Object.Ref, time.Time{})
		found = append(found, next.finish(f))
	}
	return append(found, next.faultsBehind(found, deep-1, func(f finding) bool { return known(f) || next.knows(f) })...)
}

// knows reports whether a cause at an object was found before anything was mended, whatever became of it.
func (v *view) knows(f finding) bool {
	return slices.ContainsFunc(v.found, func(o finding) bool { return o.ID == f.ID && o.Object.Ref == f.Object.Ref })
}
