package diagnose

import (
	"cmp"
	"iter"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// view is what analyzers look at: the routes in question, walked and lined up with what was seen.
type view struct {
	s         *snapshot.Snapshot
	m         *path.Map
	in        Input
	routes    []*route
	edges     []*route // what the backends of failing routes call
	workloads []*workload
	strays    []model.Observation      // of no route that we know
	unrouted  []model.Signal           // the requests behind strays, and those of no route that is asked about
	unread    []model.Signal           // lines about requests of which the gateway had not read what they ask for
	troubles  map[*corev1.Pod]*trouble // nil: none
	found     []finding                // by earlier stages
	named     nameIndex                // see names
	nearby    map[nearKey]nearMiss     // see closest
	namesakes map[[2]string]*workload  // see namesake
	made      map[string][]template    // of each namespace, made once
	kinds     map[string][]piece       // objects of kinds without a table, made once
	homes     map[model.Ref][]string   // see servedFrom
	past                               // what happened when
	words                              // what was said
	read      *reader
	admits    map[int32]map[model.Ref]peer // see admitting, by port; nil: not asked yet
	resolver  *dnsTrouble                  // what stops all names from being resolved, once it was looked for
	// deafGateways is what gatewayUnresolved found, once it looked.
	deafGateways []finding
	deafLooked   bool
}

// newView walks the routes of the target.
func newView(in Input) *view {
	v := &view{s: in.Snapshot, m: in.Map, in: in, troubles: map[*corev1.Pod]*trouble{}, made: map[string][]template{}, homes: map[model.Ref][]string{}, past: newPast(), words: newWords(), read: newReader()}
	if v.m == nil {
		v.m = path.New(in.Snapshot)
	}
	var asked []path.Route
	if in.Target.Request != nil {
		asked = v.asked(*in.Target.Request)
	}
	for _, r := range v.m.Routes() {
		if in.Target.Request != nil && !slices.ContainsFunc(asked, func(o path.Route) bool { return keyOf(o) == keyOf(r) }) {
			continue
		}
		if v.inScope(r) {
			v.routes = append(v.routes, v.walked(r))
		}
	}
	v.routes = append(v.routes, v.direct()...)
	if in.Target.Request != nil && len(asked) == 0 {
		if r, ok := v.nearest(*in.Target.Request); ok {
			v.routes = append(v.routes, &route{Route: r.Route, trace: v.m.Walk(*in.Target.Request), legs: v.m.Legs(r.Route), lost: true})
		}
	}
	v.observe()
	v.overhear()
	for _, r := range v.routes {
		v.telling(r)
		if r.outdo() || r.requests > 0 && !r.lost && r.trace.Predicts == path.NoAnswer {
			r.trace = v.m.WalkArrived(r.Route, v.answersStill(r))
		}
	}
	if in.Target.Request != nil {
		for _, r := range v.routes {
			r.trace.Request = *in.Target.Request
		}
	}
	v.findWorkloads()
	v.trace()
	return v
}

// legsWith yields the backends of all routes in question.
func (v *view) legsWith() iter.Seq2[*route, path.Leg] {
	return func(yield func(*route, path.Leg) bool) {
		for _, r := range v.routes {
			if !r.Served() && slices.ContainsFunc(r.Faults, func(f path.Fault) bool { return !f.Kind.Unknown() }) {
				continue // requests do not get as far
			}
			for _, l := range r.legs {
				if !yield(r, l) {
					return
				}
			}
		}
	}
}

// hops yields the backends of all routes in question, then of the calls that these make.
func (v *view) hops() iter.Seq2[*route, path.Leg] {
	return func(yield func(*route, path.Leg) bool) {
		for r, l := range v.legsWith() {
			if !yield(r, l) {
				return
			}
		}
		for _, r := range v.edges {
			for _, l := range r.legs {
				if !yield(r, l) {
					return
				}
			}
		}
	}
}

// dead reports whether a backend is known to have no endpoint to which requests may go.
func dead(l path.Leg) bool {
	if l.Derived && len(l.Service.Spec.Selector) == 0 {
		return false // somebody else writes its EndpointSlices, which were not read
	}
	if l.Unseen() {
		return false
	}
	return l.Presence == snapshot.Present && l.Port != nil && !l.External() && len(l.ReadyEnds()) == 0
}

// unready reports whether a backend publishes pods that are not ready, and no others.
func unready(l path.Leg) bool {
	ends := l.ReadyEnds()
	return len(ends) > 0 && !slices.ContainsFunc(ends, func(e path.End) bool { return e.Pod == nil || path.Unseen(e.Pod) || path.Ready(e.Pod) })
}

// open lists the failing routes with the failures that nothing found so far explains.
func (v *view) open() []*route {
	var out []*route
	for _, r := range v.routes {
		if r.failing() && len(v.unexplained(r)) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// unexplained lists the observed failures of a route that no finding predicts. For a route that
// only the model calls broken it is one observation without a count, until there is a finding.
func (v *view) unexplained(r *route) []model.Observation {
	var out []model.Observation
	explained := false
	for _, f := range v.found {
		if slices.Contains(f.routes, r) && !f.dormant {
			explained = true
		}
	}
	if len(r.observed) == 0 && !explained {
		return []model.Observation{{Route: r.String(), Object: r.Object}}
	}
	for _, o := range r.observed {
		if !v.explains(r, o.Failure) {
			out = append(out, o)
		}
	}
	return out
}

// explains reports whether a finding of an earlier stage predicts that kind of failure on a route.
func (v *view) explains(r *route, kind model.FailureKind) bool {
	return slices.ContainsFunc(v.found, func(f finding) bool {
		return !f.dormant && slices.Contains(f.routes, r) && r.meets(f, kind)
	})
}

// serviceRef names a leg's Service.
func serviceRef(l path.Leg) model.Ref { return l.Backend.Service }

// byName orders pods, so that the one that is shown is the same each time.
func byName(pods []*corev1.Pod) []*corev1.Pod {
	out := slices.Clone(pods)
	slices.SortFunc(out, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
