package diagnose

import (
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func routeSubsetMissing() Analyzer {
	return Analyzer{
		Cause:  "route-subset-missing",
		Doc:    "Finds routes to a subset that no DestinationRule defines, or whose labels no pod of the Service carries.",
		Inputs: []snapshot.Kind{snapshot.Other, snapshot.Services, snapshot.EndpointSlices, snapshot.Pods},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if s := l.Backend.Subset; s != nil && l.Presence == snapshot.Present && !r.works() {
					if f, ok := v.subset(r, l, s); ok {
						out = append(out, f)
					}
				}
			}
			return out
		},
	}
}

// subset looks at the subset that a route names. Envoy answers 503 with NC where none defines it, and with UH where
// it has no pod.
func (v *view) subset(r *route, l path.Leg, s *path.Subset) (finding, bool) {
	ref := serviceRef(l)
	f := find("route-subset-missing", proven, at(r.Object, s.Field), "").on(r).as(model.NoEndpoints, model.NoRoute).relates("service", ref).
		not("no-endpoints", "requests are for a part of the Service's pods only")
	if s.Missing {
		f.Summary = fmt.Sprintf("%s sends %s to subset %s of %s, which no DestinationRule defines", r.Object, r, s.Name, ref)
		return f.because("object", fmt.Sprintf("no DestinationRule of %s has a subset %s", ref, s.Name), ref, time.Time{}), true
	}
	if len(s.Labels) == 0 || len(l.Selected) == 0 || !v.s.Pods().Covers(ref.Namespace) {
		return finding{}, false
	}
	for _, p := range l.Selected {
		if matches(s.Labels, p.Labels) {
			return finding{}, false
		}
	}
	f.Object = s.LabelsAt
	f.Summary = fmt.Sprintf("%s sends %s to subset %s of %s, and none of its %s carries %s", r.Object, r, s.Name, ref, countPods(len(l.Selected)), pairs(s.Labels))
	return f.because("object", fmt.Sprintf("pod %s has %s", l.Selected[0].Name, pairs(l.Selected[0].Labels)), snapshot.RefOf(l.Selected[0]), time.Time{}), true
}
