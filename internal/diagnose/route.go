package diagnose

import (
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

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
	// overheard are such requests by the application's own log, where no gateway's was read.
	overheard []model.Signal
	// lost is set on the rule that was probably meant for the target's request, which no rule takes.
	lost bool
	// fallback is set where a gateway's own arguments name the backend, for what no rule takes.
	fallback bool
	// replaced is set on a rule that nothing serves where another one takes all of its requests.
	replaced bool
	// outdone are faults that requests show to keep none away.
	outdone []path.Fault
	// denied are the requests that were answered 400 or 403.
	denied []model.Signal
	// redirected are the requests that the rule itself redirected, and fulfilled how many were answered 2xx.
	redirected []model.Signal
	fulfilled  int
	// upgraded is how many were answered 101: they became a WebSocket, or another protocol.
	upgraded int
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
		protocol := v.spoken(r, l).protocol
		for _, kind := range []model.FailureKind{model.TLS, model.Protocol} {
			other := px.ToldAs(kind, protocol, "")
			saysMore := func(s model.Signal) bool { return s.Failure == other && px.ToldAs(kind, protocol, s.Reason) == kind }
			if other != kind && !slices.ContainsFunc(r.signals, saysMore) {
				r.toldAs[kind] = other
			}
		}
	}
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
