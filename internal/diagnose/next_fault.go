package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// hiding is how many causes are looked behind: each costs another walk of its routes.
const hiding = 3

// nextFaults lists what requests would meet next, were the causes mended. Two faults often stand in a row on one
// path, and the first hides the second: an empty Service says nothing of its target port. What is found so has
// not been seen by anybody, so only what objects prove is told.
func (v *view) nextFaults(causes []model.Finding) []model.Finding {
	var out []model.Finding
	if v.in.Mended == nil {
		return nil
	}
	for _, first := range causes[:min(len(causes), hiding)] {
		if first.Confidence < proven || len(first.Routes) == 0 {
			continue
		}
		s, ok := v.in.Mended(first)
		if !ok {
			continue
		}
		target := v.in.Target
		if target.IsZero() {
			target.Object = &first.Routes[0]
		}
		next := newView(Input{Snapshot: s, Map: v.m.Next(s), Target: target, Logs: v.in.Logs})
		for _, f := range merge(next.findings(byState)) {
			if f.dormant || f.Confidence < proven || f.ID == first.ID || v.knows(f) || !slices.ContainsFunc(f.routes, (*route).broken) {
				continue
			}
			f = f.because("model", fmt.Sprintf("it shows once %s at %s is mended", first.ID, first.Object), f.Object.Ref, time.Time{})
			if !slices.ContainsFunc(out, func(o model.Finding) bool { return o.ID == f.ID && o.Object == f.Object }) {
				out = append(out, next.finish(f))
			}
		}
	}
	return out
}

// knows reports whether a cause at an object was found before anything was mended, whatever became of it.
func (v *view) knows(f finding) bool {
	return slices.ContainsFunc(v.found, func(o finding) bool { return o.ID == f.ID && o.Object.Ref == f.Object.Ref })
}
