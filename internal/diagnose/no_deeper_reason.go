package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func podsNotReady() Analyzer {
	return Analyzer{
		Cause: "pods-not-ready", Doc: "Finds pods that run and are not ready, where no deeper reason is visible.", Inputs: podKinds(), stage: byRest,
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				pods := v.affected(w, "pods-not-ready")
				if len(pods) == 0 || v.explainedWorkload(w) || !w.hurt() {
					continue
				}
				t := v.trouble(pods[0])
				field, _, _ := containerField(w, t.container, false)
				confidence := proven
				switch {
				case v.young(pods[0]):
					confidence = possible // it may only need its time
				case len(v.logsOf(w)) == 0:
					confidence = likely // what the application says, which may tell a deeper reason, could not be seen
				}
				out = append(out, v.onWorkload(w, "pods-not-ready", confidence, field, fmt.Sprintf("%s of %s %s not ready: %s", share(len(pods), w.size()), w.ref, form(len(pods), "runs and is", "run and are"), t.why), pods))
			}
			return out
		},
	}
}

// explainedWorkload reports whether an earlier finding is about a workload.
func (v *view) explainedWorkload(w *workload) bool {
	for _, f := range v.found {
		if f.Related["workload"] == w.ref && f.Confidence >= likely && !f.untied() {
			return true
		}
	}
	return false
}

// untied reports whether nothing ties a finding to failing requests: it lies on loose edges only.
func (f finding) untied() bool {
	return len(f.routes) > 0 && !slices.ContainsFunc(f.routes, func(r *route) bool { return r.edge == nil || !r.loose })
}

func noEndpoints() Analyzer {
	return Analyzer{
		Cause: "no-endpoints", Doc: "Finds Services without an endpoint, where no deeper reason is visible.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods}, stage: byRest,
		run: func(v *view) []finding {
			var out []finding
			open := map[*route]bool{}
			for _, r := range v.open() {
				open[r] = true
			}
			for r, l := range v.hops() {
				needed := r.edge != nil && !r.loose && !v.explainedEdge(r)
				if !open[r] && !needed || !dead(l) || v.explains(r, model.NoEndpoints) || v.asleep(r) || l.Derived && !v.s.Pods().Covers(l.Service.Namespace) {
					continue
				}
				out = append(out, v.endless(l).on(r))
			}
			return out
		},
	}
}

// asleep reports whether somebody keeps a route's backend at zero on purpose, and nobody asks for it.
func (v *view) asleep(r *route) bool {
	return slices.ContainsFunc(v.found, func(f finding) bool { return f.ID == "no-replicas" && f.dormant && slices.Contains(f.routes, r) })
}

// endless says of a Service without an endpoint as much as can be seen.
func (v *view) endless(l path.Leg) finding {
	ref, selector := serviceRef(l), l.Service.Spec.Selector
	f := find("no-endpoints", proven, at(ref, "spec.selector"), fmt.Sprintf("%s has no endpoint", ref)).
		as(model.NoEndpoints, model.NoRoute).relates("service", ref)
	selects := fmt.Sprintf("%s selects %s, which matches %s", ref, pairs(selector), countPods(len(l.Selected)))
	ready := 0
	for _, p := range l.Selected {
		if path.Ready(p) {
			ready++
		}
	}
	switch {
	case len(selector) == 0:
		f.Object.Field = ""
		f.Summary += ": it has no selector, and no EndpointSlice of it holds an address for port " + l.Backend.Port()
		return f.because("object", ref.String()+" has no selector, so its EndpointSlices are written by somebody else", ref, time.Time{})
	case !v.s.Pods().Covers(ref.Namespace):
		f.Confidence = likely
		return f.because("object", "its EndpointSlices hold no address; the pods could not be looked at", ref, time.Time{})
	case ready > 0:
		f.Confidence, f.Object.Field = possible, ""
		f.Summary = fmt.Sprintf("%s has no ready endpoint, though %d of the %s that it selects are ready: its EndpointSlices are behind, or not for its port", ref, ready, countPods(len(l.Selected)))
	case len(l.Selected) > 0:
		f.Confidence = possible // pods are there, and none says yet what keeps it
		f.Summary = fmt.Sprintf("%s has no ready endpoint yet: none of its %s is ready, and none says why", ref, countPods(len(l.Selected)))
	case !v.readWorkloads(ref.Namespace):
		f.Confidence = likely
		selects += "; what would make such pods, and why it does not, was not read"
	}
	return f.because("object", selects, ref, time.Time{})
}
