package diagnose

import (
	"fmt"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func dependencyUnavailable() Analyzer {
	return Analyzer{
		Cause:  "dependency-unavailable",
		Doc:    "Finds what an application calls and cannot reach or use, where no deeper reason is visible.",
		Inputs: append(podKinds(), snapshot.ConfigMaps), stage: byRest,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.edges {
				if len(r.said) == 0 || slices.ContainsFunc(r.legs, dead) || v.explainedEdge(r) || !v.unsettledRoots(r) {
					continue
				}
				out = append(out, v.unavailable(r))
			}
			return out
		},
	}
}

// explainedEdge reports whether an earlier finding is about an edge, or about what lies behind it.
func (v *view) explainedEdge(r *route) bool {
	for _, f := range v.found {
		for _, e := range f.via {
			if e == r || e.hangsOn(r) {
				return true
			}
		}
	}
	return false
}

// hangsOn reports whether an edge is needed by another.
func (e *edge) hangsOn(r *route) bool {
	for _, p := range e.parents {
		if p == r || p.edge != nil && p.hangsOn(r) {
			return true
		}
	}
	return false
}

// unsettledRoots reports whether a route that needs an edge has failures that nothing found so far explains.
func (v *view) unsettledRoots(r *route) bool {
	for _, root := range r.roots() {
		if root.failing() && len(v.unexplained(root)) > 0 {
			return true
		}
	}
	return false
}

func (v *view) unavailable(r *route) finding {
	last := r.said[len(r.said)-1]
	object, confidence := at(r.caller.ref, ""), likely
	if r.outside != "" && !r.setting.at.IsZero() {
		object = r.setting.at
	}
	for _, l := range r.legs {
		object = at(serviceRef(l), "")
		for _, ref := range v.behind(l) {
			object = at(ref, "")
			break
		}
	}
	if len(r.said) > 1 {
		confidence = proven
	}
	where := r.callee()
	if r.outside != "" {
		where += ", which is not in this cluster"
	}
	f := r.asCause("dependency-unavailable", confidence, object, fmt.Sprintf("%s fails because it cannot use %s: %s", r.Object, where, inBrief(last.line)))
	f.Explains = append(f.Explains, fmt.Sprintf("the way to %s is fine", r.Object))
	return f.as(last.kind, model.NoEndpoints, model.UpstreamStatus)
}
