package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/timeline"
)

// fate is what had become of the place to which a failed request went, at that time.
type fate uint8

const (
	untold   fate = iota // nothing tells: the line names no address of a pod
	alive                // a pod that served before and after
	atStart              // a pod that had only just started, and had not answered anybody yet
	atStop               // a pod that was told to stop
	departed             // an address that no pod of the workload has any more, not long after one stopped
	stale                // an address that none has had for long, or that another workload's pod has
	lost                 // a pod on a node that was going away
	unserved             // no pod: there was no endpoint to try
)

// Times by which a failure is taken to belong to what happened.
const (
	// A pod that stops leaves the proxies' configuration some seconds after it began to stop, and the
	// endpoints controller works in batches; clocks of proxies round to seconds.
	beforeStop = 2 * time.Second
	afterStop  = 30 * time.Second
	// No proxy needs as long as this to follow a change of endpoints, unless it does not follow any more.
	// (A cloud load balancer may; see lb-programming-lag.)
	longGone = 90 * time.Second
	// A node's loss is noticed when it has missed its reports for 40 to 50 seconds; drains tell before.
	beforeLoss = 60 * time.Second
	afterLoss  = 10 * time.Minute
	// firstSteps is how long a container may take from its start to its first answer.
	firstSteps = 2 * time.Minute
	// follows is within which time every proxy has heard of new endpoints, if it hears at all.
	follows = 10 * time.Second
)

// fates are the failures of a workload's routes that what happened to its pods may explain.
type fates struct {
	routes []*route
	all    []*model.Signal
	by     map[fate][]*model.Signal
	lives  map[*model.Signal]timeline.Life // of the address, where one is known
	stops  []time.Time                     // when its pods were told to stop
	deaf   time.Time                       // since when the proxy has followed no change of its pods; zero if it follows
}

// past is what a view has read of what happened when, each part once and only if it is asked for.
type past struct {
	lives    map[string]*timeline.Pods // by namespace
	nodes    map[string]timeline.Departure
	answered map[string]time.Time // by address
	fates    map[*workload]*fates
}

func newPast() past {
	return past{lives: map[string]*timeline.Pods{}, fates: map[*workload]*fates{}}
}

// raceKinds are the failures that a race can look like.
func raceKinds() []model.FailureKind {
	return []model.FailureKind{model.Refused, model.ClosedEarly, model.Reset, model.ConnectTimeout, model.NoEndpoints, model.OtherFailure}
}

// fatesOf lines the failures of a workload's routes up with what happened to its pods, once.
func (v *view) fatesOf(w *workload) *fates {
	if f, ok := v.fates[w]; ok {
		return f
	}
	f := &fates{by: map[fate][]*model.Signal{}, lives: map[*model.Signal]timeline.Life{}}
	v.fates[w] = f
	kinds := raceKinds()
	for i, r := range w.routes {
		if slices.Contains(f.routes, r) {
			continue
		}
		mine := false
		for j := range r.signals {
			s := &r.signals[j]
			if !slices.Contains(kinds, s.Failure) || !v.concerns(w.legs[i].Backend.Service, s) {
				continue
			}
			mine = true
			f.all = append(f.all, s)
		}
		if mine {
			f.routes = append(f.routes, r)
		}
	}
	if len(f.all) == 0 {
		return f
	}
	f.stops = v.stops(w)
	f.deaf = v.deafSince(w, f)
	for _, s := range f.all {
		k, l := v.fate(w, f, s)
		f.by[k] = append(f.by[k], s)
		if !l.Pod.IsZero() {
			f.lives[s] = l
		}
	}
	return f
}

// concerns reports whether a failure of a route with several backends may be of this one: the proxy says
// which it took, or does not say.
func (v *view) concerns(service model.Ref, s *model.Signal) bool {
	return s.Service == "" || strings.Contains(s.Service, service.Name)
}

// count is the number of failures of some fates.
func (f *fates) count(of ...fate) int {
	n := 0
	for _, k := range of {
		n += len(f.by[k])
	}
	return n
}

// of lists the failures of some fates.
func (f *fates) of(of ...fate) []*model.Signal {
	var out []*model.Signal
	for _, k := range of {
		out = append(out, f.by[k]...)
	}
	return out
}

// fate says what had become of the address to which a request went.
func (v *view) fate(w *workload, f *fates, s *model.Signal) (fate, timeline.Life) {
	if s.Failure == model.NoEndpoints {
		return unserved, timeline.Life{}
	}
	host := lastHost(s)
	if host == "" || v.virtual(w, host) {
		return untold, timeline.Life{}
	}
	l, ok := v.podsIn(w.ref.Namespace).At(host, s.At)
	if !ok || l.Workload.Kind != w.ref.Kind || l.Workload.Name != w.ref.Name {
		return v.missing(w, f, s, host, ok), timeline.Life{}
	}
	switch d, going := v.departures()[l.Node]; {
	case going && during(d, s.At):
		return lost, l
	case (l.Gone || !l.Told.IsZero()) && f.deafTo(s):
		return stale, l
	case !l.Told.IsZero() && endOf(s).After(l.Told.Add(-beforeStop)):
		return atStop, l
	case l.Gone && l.Told.IsZero():
		return departed, l
	case v.firstSteps(l, s):
		return atStart, l
	}
	return alive, l
}

// missing judges an address that no pod of the workload had: it has departed lately, or long ago.
func (v *view) missing(w *workload, f *fates, s *model.Signal, host string, another bool) fate {
	for _, l := range w.legs {
		for _, e := range l.ReadyEnds() {
			if e.IP == host {
				return untold // the API has it too, of another workload's pod or of one that cannot be looked at
			}
		}
	}
	switch {
	case v.withNode(w, f, s):
		return lost
	case f.deafTo(s):
		return stale
	case timely(s, f.stops):
		return departed
	case another:
		return stale // its present owner had it before the request came
	case v.settledFor(w, s.At) >= longGone:
		return stale
	}
	return departed
}

// withNode reports whether a request that found nobody was sent when a node went away on which the workload
// had a pod. A pod that stops refuses; a node that is gone does not answer, or only the network says so.
func (v *view) withNode(w *workload, f *fates, s *model.Signal) bool {
	host := lastHost(s)
	if !slices.ContainsFunc(f.all, func(o *model.Signal) bool { return o.Failure == model.ConnectTimeout && lastHost(o) == host }) {
		return false
	}
	if slices.ContainsFunc(v.podsIn(w.ref.Namespace).Of(w.ref), func(l timeline.Life) bool {
		d, going := v.departures()[l.Node]
		return going && during(d, s.At)
	}) {
		return true
	}
	// The node may be gone with all that was known of its pods: nothing else makes an address silent in the
	// moments in which a node was told to leave.
	for _, d := range v.departures() {
		if d.Field == "" && d.Drained && !d.At.IsZero() && during(d, s.At) {
			return true
		}
	}
	return false
}

// during reports whether a time belongs to a node's departure.
func during(d timeline.Departure, at time.Time) bool {
	if !d.Back.IsZero() && !at.Before(d.Back) {
		return false
	}
	return d.At.IsZero() || at.After(d.At.Add(-beforeLoss)) && at.Before(d.At.Add(afterLoss))
}

// deafTo reports whether a request was sent when the proxy followed no change any more.
func (f *fates) deafTo(s *model.Signal) bool { return !f.deaf.IsZero() && !s.At.Before(f.deaf) }

// deafSince is when the pods of a workload last changed, if the proxy has not sent a single request to those that
// are ready since, for longer than any proxy needs to hear of them; zero if it has, or if that is not seen.
func (v *view) deafSince(w *workload, f *fates) time.Time {
	var changed time.Time
	ready := map[string]bool{}
	for _, l := range v.podsIn(w.ref.Namespace).Of(w.ref) {
		for _, t := range []time.Time{l.Created, l.Ready, l.Told} {
			changed = newestOf(changed, t)
		}
		if !l.Ready.IsZero() && l.Told.IsZero() {
			for _, a := range l.Addresses {
				ready[a] = true
			}
		}
	}
	late := changed.Add(follows)
	if changed.IsZero() || len(ready) == 0 || !slices.ContainsFunc(f.all, func(s *model.Signal) bool { return s.At.After(late) && lastHost(s) != "" }) {
		return time.Time{}
	}
	if v.triedAny(ready) {
		return time.Time{} // it knows them
	}
	first := changed
	for _, t := range f.stops {
		if t.Before(first) && t.After(changed.Add(-longGone)) {
			first = t
		}
	}
	return first
}

// triedAny reports whether any request was sent to one of some addresses.
func (v *view) triedAny(addresses map[string]bool) bool {
	return slices.ContainsFunc(v.in.Signals, func(s model.Signal) bool {
		return slices.ContainsFunc(s.Tries, func(t model.Try) bool { return addresses[hostOf(t.Address)] })
	})
}

// settledFor is for how long, at a time, nothing had happened to a workload's pods; zero if that is not
// known.
func (v *view) settledFor(w *workload, at time.Time) time.Duration {
	if !v.s.Events().Covers(w.ref.Namespace) || !v.s.Pods().Covers(w.ref.Namespace) || len(w.pods) == 0 {
		return 0
	}
	var last time.Time
	for _, l := range v.podsIn(w.ref.Namespace).Of(w.ref) {
		for _, t := range []time.Time{l.Created, l.Ready, l.Told} {
			if t.After(last) && !t.After(at) {
				last = t
			}
		}
	}
	for _, t := range v.stops(w) {
		if t.After(last) && !t.After(at) {
			last = t
		}
	}
	if last.IsZero() {
		return 0
	}
	return at.Sub(last)
}

// firstSteps reports whether a pod had only just started when a request failed at it, and had not
// answered any before.
func (v *view) firstSteps(l timeline.Life, s *model.Signal) bool {
	began := l.Started
	if began.IsZero() {
		began = l.Created
	}
	if began.IsZero() || s.At.After(began.Add(firstSteps)) && !v.isStarting(l) {
		return false
	}
	first := v.firstAnswer(lastHost(s))
	return first.IsZero() || s.At.Before(first)
}

// isStarting reports whether all that a pod has said so far is that it gets ready to serve.
func (v *view) isStarting(l timeline.Life) bool {
	begun := false
	for _, log := range v.in.Logs {
		if log.Pod.Namespace != l.Pod.Namespace || log.Pod.Name != l.Pod.Name || log.Previous {
			continue
		}
		b, serves := starts(log.Lines)
		if serves {
			return false
		}
		begun = begun || b
	}
	return begun
}

// firstAnswer is when the first request was seen that an address answered; zero if none was.
func (v *view) firstAnswer(host string) time.Time {
	if v.answered == nil {
		v.answered = map[string]time.Time{}
		for i := range v.in.Signals {
			s := &v.in.Signals[i]
			if s.Failed() || s.ErrorLog {
				continue
			}
			h := lastHost(s)
			if t, ok := v.answered[h]; h != "" && (!ok || s.At.Before(t)) {
				v.answered[h] = s.At
			}
		}
	}
	return v.answered[host]
}

// lastHost is the address of a request's last try, without the port; empty if the line names none.
func lastHost(s *model.Signal) string {
	if len(s.Tries) == 0 {
		return ""
	}
	h := hostOf(s.Tries[len(s.Tries)-1].Address)
	if h == "-" {
		return ""
	}
	return h
}

// virtual reports whether an address is that of the workload's Service, behind which any pod may be.
func (v *view) virtual(w *workload, host string) bool {
	return slices.ContainsFunc(w.legs, func(l path.Leg) bool {
		return l.Service != nil && (l.Service.Spec.ClusterIP == host || slices.Contains(l.Service.Spec.ClusterIPs, host))
	})
}

// podsIn are the lives of a namespace's pods, read once.
func (v *view) podsIn(namespace string) *timeline.Pods {
	if t, ok := v.lives[namespace]; ok {
		return t
	}
	t := timeline.PodsOf(v.s, namespace)
	v.lives[namespace] = t
	return t
}

// departures are the nodes that departed or are leaving, read once.
func (v *view) departures() map[string]timeline.Departure {
	if v.nodes == nil {
		v.nodes = timeline.Nodes(v.s)
	}
	return v.nodes
}

// span are the first and the last time of some failures.
func span(ss []*model.Signal) (first, last time.Time) {
	for _, s := range ss {
		if first.IsZero() || s.At.Before(first) {
			first = s.At
		}
		if s.At.After(last) {
			last = s.At
		}
	}
	return first, last
}

// covering says which failures the finding explains, where it is not all of their kinds.
func (f finding) covering(ss []*model.Signal) finding {
	f.only = make(map[*model.Signal]bool, len(ss))
	for _, s := range ss {
		f.only[s] = true
	}
	return f
}
