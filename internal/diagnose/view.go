package diagnose

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy/all"
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
	resolver  *dnsTrouble // what stops all names from being resolved, once it was looked for
	// deafGateways is what gatewayUnresolved found, once it looked.
	deafGateways []finding
	deafLooked   bool
}

// route is a rule with its walk and what gateways logged of it; or an edge, a call from one workload to
// another, with what the caller logged.
type route struct {
	path.Route
	*edge
	trace    model.Trace
	legs     []path.Leg
	observed []model.Observation
	signals  []model.Signal // that failed, in order of time
	// succeeded are the times of the requests that did not fail, in order.
	succeeded []time.Time
	requests  int
	failures  int
	// resumed is when the failures began that were seen last, see lastBegan.
	resumed time.Time
	// astray are the requests that the application answered as one answers what is meant for another.
	astray []model.Signal
	// lost is set on the rule that was probably meant for the target's request, which no rule takes.
	lost bool
	// replaced is set on a rule that nothing serves where another one takes all of its requests.
	replaced bool
	// denied are the requests that were answered 400 or 403.
	denied []model.Signal
	// limited are the requests that were answered 429.
	limited []model.Signal
	// left are the requests that their clients gave up (499), unsent those that did not arrive whole (408).
	left, unsent []model.Signal
	// toldAs are the kinds of failures that the gateway's log tells as another kind, and as which.
	toldAs map[model.FailureKind]model.FailureKind
	// oneTimeout is set where the gateway's log does not tell connections that time out from answers that do.
	oneTimeout bool
}

// failing reports whether requests on the route fail: it was seen, or the model is sure of it. What
// the model only suspects is not failing while requests are seen to succeed.
func (r *route) failing() bool {
	if r.failures > 0 {
		return true
	}
	return r.broken()
}

// broken reports whether the walk alone says that requests fail.
func (r *route) broken() bool {
	if r.replaced {
		return false
	}
	for _, h := range r.trace.Hops {
		if h.Verdict == model.Broken {
			return true
		}
		if h.Verdict == model.Suspect && r.requests == 0 {
			return true
		}
	}
	return false
}

// refused are the requests of a route if every one was answered with that status: 400 or 403.
func (r *route) refused(status int) []model.Signal {
	if len(r.denied) < r.requests || slices.ContainsFunc(r.denied, func(s model.Signal) bool { return s.Status != status }) {
		return nil
	}
	return r.denied
}

// works reports whether requests were seen, and none of them failed.
func (r *route) works() bool { return r.requests > 0 && r.failures == 0 }

// hits lists the failed requests of one of the kinds.
func (r *route) hits(kinds ...model.FailureKind) []model.Signal {
	var out []model.Signal
	for _, s := range r.signals {
		if slices.ContainsFunc(kinds, func(k model.FailureKind) bool { return r.isTold(k, s.Failure) }) {
			out = append(out, s)
		}
	}
	return out
}

// isTold reports whether a failure of a kind is what a log of the route's gateway tells as another one.
func (r *route) isTold(kind, as model.FailureKind) bool {
	other, ok := r.toldAs[kind]
	return kind == as || ok && other == as
}

// veiled lists the failed requests that the gateway's log tells as another kind than theirs, if they are of this kind.
func (r *route) veiled(kind model.FailureKind) []model.Signal {
	other, ok := r.toldAs[kind]
	if !ok {
		return nil
	}
	return r.hits(other)
}

// meets reports whether a finding predicts what the gateway of a route tells as a failure of a kind.
func (r *route) meets(f finding, kind model.FailureKind) bool {
	if kind == model.ResponseTimeout && r.oneTimeout && f.predicts(model.ConnectTimeout) {
		return true
	}
	return f.predicts(kind) || slices.ContainsFunc(f.kinds, func(k model.FailureKind) bool { return r.isTold(k, kind) })
}

// telling notes what the gateway of a route tells of failures otherwise than they are.
func (v *view) telling(r *route) {
	px, ok := all.Named(r.Proxy)
	r.oneTimeout = ok && px.OneTimeout
	if !ok || px.ToldAs == nil {
		return
	}
	r.toldAs = map[model.FailureKind]model.FailureKind{}
	for _, l := range r.legs {
		for _, kind := range []model.FailureKind{model.TLS, model.Protocol} {
			if other := px.ToldAs(kind, v.spoken(r, l).protocol); other != kind {
				r.toldAs[kind] = other
			}
		}
	}
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
	for _, r := range v.routes {
		v.telling(r)
		if r.requests > 0 && !r.lost && r.trace.Predicts == path.NoAnswer {
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

// walked is a rule with its walk.
func (v *view) walked(r path.Route) *route {
	legs := v.m.Legs(r)
	return &route{Route: r, trace: v.m.WalkLegs(r, legs), legs: legs, replaced: v.replaced(r)}
}

// replaced reports whether nothing serves a rule and another route at a listener that it asks for has its host and path, whatever a
// request's other parts: then no request misses it, as after a move to another namespace that left the old route behind.
func (v *view) replaced(r path.Route) bool {
	if r.Served() || v.isTarget(r) {
		return false
	}
	by, ok := v.m.Match(r.Request())
	if !ok || !takesOver(by, r) {
		return false
	}
	if r.Gateway.IsZero() {
		return slices.ContainsFunc(r.Faults, func(f path.Fault) bool { return f.Kind == path.ClassMissing }) && moved(by, r)
	}
	return by.Gateway == r.Gateway && by.PathType == r.PathType && slices.ContainsFunc(by.Listeners, func(l path.Listener) bool { return v.asksFor(r, l.Name, l.Port) })
}

// isTarget reports whether somebody asks about the very object of a rule, and so wants to know of it even if no request misses it.
func (v *view) isTarget(r path.Route) bool {
	o := v.in.Target.Object
	return o != nil && o.Kind == r.Object.Kind && o.Namespace == r.Object.Namespace && o.Name == r.Object.Name
}

// takesOver reports whether a rule of another object that is served takes all requests for the host and path of one.
func takesOver(by, r path.Route) bool {
	return by.Object != r.Object && by.Served() && by.Fixed == 0 && by.Host == r.Host && by.Path == r.Path &&
		by.Method == "" && len(by.Headers) == 0 && len(by.Queries) == 0
}

// moved reports whether an Ingress that no controller serves was left behind when its host and path went to another gateway: what serves
// them there came after it. What is younger was meant to be served beside it.
func moved(by, r path.Route) bool {
	prefix := by.PathType == path.Prefix || by.PathType == r.PathType
	return prefix && r.Host != "" && !by.Created.Before(r.Created)
}

// asked finds the rule that takes a request, and the more specific ones that were meant to and that nothing
// serves.
func (v *view) asked(req model.Request) []path.Route {
	taken, ok := v.m.Match(req)
	var out []path.Route
	if ok {
		out = append(out, taken)
	}
	for _, r := range v.tookBefore(req) {
		if !slices.ContainsFunc(out, func(o path.Route) bool { return keyOf(o) == keyOf(r) }) {
			out = append(out, r)
		}
	}
	host := strings.ToLower(req.Host)
	for _, r := range v.m.Routes() {
		if !ok || r.Served() || !r.Takes(req.Path) || len(r.Path) <= len(taken.Path) || len(r.Path) == 1 {
			continue
		}
		if _, nearly := v.missesHost(r, host); nearly || hostFits(r, host) {
			out = append(out, r)
		}
	}
	return out
}

// enoughTaken is of how many failed requests like the target's it is looked up which rule took them.
const enoughTaken = 100

// tookBefore finds the rules that took requests like the target's, which failed or were not known there, by the
// gateways' own words: where several gateways serve a host, or one has not heard of the newest rules, the objects do
// not tell which rule was asked.
func (v *view) tookBefore(req model.Request) []path.Route {
	if req.Host == "" || len(strings.Trim(req.Path, "/")) == 0 {
		return nil
	}
	var out []path.Route
	looked := 0
	for i := range v.in.Signals {
		s := &v.in.Signals[i]
		if !s.Failed() && !isAstray(*s) || s.Service == "" || s.Request.Host != "" && !strings.EqualFold(s.Request.Host, req.Host) || !strings.HasPrefix(s.Request.Path, req.Path) {
			continue
		}
		if looked++; looked > enoughTaken {
			break
		}
		if r, ok := v.m.Locate(*s); ok && r.Takes(req.Path) && !slices.ContainsFunc(out, func(o path.Route) bool { return keyOf(o) == keyOf(r) }) {
			out = append(out, r)
		}
	}
	return out
}

// inScope reports whether a route leads through the object that the target asks about.
func (v *view) inScope(r path.Route) bool {
	o := v.in.Target.Object
	if o == nil {
		return true
	}
	switch o.Kind {
	case "Namespace":
		return r.Object.Namespace == o.Name || slices.ContainsFunc(r.Backends, func(b path.Backend) bool { return b.Service.Namespace == o.Name })
	case "Gateway":
		return r.Gateway.Namespace == o.Namespace && r.Gateway.Name == o.Name
	case "Service":
		return slices.ContainsFunc(r.Backends, func(b path.Backend) bool {
			return b.Service.Namespace == o.Namespace && b.Service.Name == o.Name
		}) || v.enters(r, *o)
	case "Deployment", "StatefulSet", "DaemonSet", "Pod", "ReplicaSet", "Rollout":
		return v.leadsTo(r, *o)
	case "IngressClass", "GatewayClass":
		return r.Class == o.Name
	default:
		return r.Object.Kind == o.Kind && r.Object.Namespace == o.Namespace && r.Object.Name == o.Name
	}
}

// enters reports whether requests for a route come by a Service.
func (v *view) enters(r path.Route, service model.Ref) bool {
	for _, f := range v.m.Fleets(r) {
		if f.Object.Namespace == service.Namespace && slices.ContainsFunc(f.Entries, func(e path.Entry) bool { return e.Service.Name == service.Name }) {
			return true
		}
	}
	return false
}

// direct is the way to the Service that the target asks about, where no route leads by it and it takes requests from
// outside itself.
func (v *view) direct() []*route {
	o := v.in.Target.Object
	if o == nil || o.Kind != "Service" || len(v.routes) > 0 {
		return nil
	}
	svc, ok := v.s.Services().Get(o.Namespace, o.Name)
	if ok != snapshot.Present || !path.Outside(svc) {
		return nil
	}
	var out []*route
	for _, r := range v.m.Direct(svc) {
		out = append(out, v.walked(r))
	}
	return out
}

// leadsTo reports whether a route's Services select, or are near to selecting, a workload's pods.
func (v *view) leadsTo(r path.Route, o model.Ref) bool {
	for _, l := range v.m.Legs(r) {
		for _, p := range l.Selected {
			w := v.s.WorkloadOf(p)
			if p.Name == o.Name && o.Kind == "Pod" || w.Kind == o.Kind && w.Namespace == o.Namespace && w.Name == o.Name {
				return true
			}
		}
		if l.Service == nil || len(l.Selected) > 0 {
			continue
		}
		for _, t := range v.templates(l.Service.Namespace) {
			if t.ref.Kind == o.Kind && t.ref.Name == o.Name && (matches(l.Service.Spec.Selector, t.template.Labels) || near(l.Service.Spec.Selector, t.template.Labels) > 0) {
				return true
			}
		}
	}
	return false
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
