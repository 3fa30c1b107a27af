package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// deepest is how many hops behind a gateway's backend are looked at.
const deepest = 3

// edge makes a route of a call from one workload to another: the same walk and the same analyzers
// look at it, and what they find there is a cause of the routes that need the caller.
type edge struct {
	caller  *workload
	parents []*route // that need the caller: routes of gateways, or other edges
	depth   int
	setting address // what names the callee; zero where only logs do
	said    []call  // in which the caller says that it fails
	outside string  // the host, where it is not in the cluster
	// loose edges are broken, but nothing ties them to failing requests.
	loose bool
	// byName edges are those from gateways to what ExternalName Services stand for, see standIns.
	byName bool
	// quiet edges are those of routes on which nothing was seen, see quietSteps.
	quiet bool
}

// step is a workload to look behind, and the routes that fail at it.
type step struct {
	w     *workload
	from  []*route
	depth int
	quiet bool
}

// trace follows the backends of failing routes to what they call.
func (v *view) trace() {
	seen := map[model.Ref][]*route{}
	todo := append(v.gatewaySteps(), v.quietSteps()...)
	for _, e := range v.standIns() {
		v.edges = append(v.edges, e)
		todo = append(todo, v.stepsBehind(e)...)
	}
	for len(todo) > 0 {
		s := todo[0]
		todo = todo[1:]
		if s.depth > deepest {
			continue
		}
		if edges, ok := seen[s.w.ref]; ok {
			for _, e := range edges {
				e.needed(s.from)
			}
			continue
		}
		seen[s.w.ref] = v.edgesOf(s)
		for _, e := range seen[s.w.ref] {
			v.edges = append(v.edges, e)
			todo = append(todo, v.stepsBehind(e)...)
		}
	}
	slices.SortStableFunc(v.workloads, func(a, b *workload) int { return a.ref.Compare(b.ref) })
}

// gatewaySteps are the backends of gateways' routes that fail as they would if the backend's own calls did.
func (v *view) gatewaySteps() []step {
	var out []step
	for _, w := range v.workloads {
		if from := v.needy(w); len(from) > 0 {
			out = append(out, step{w: w, from: from, depth: 1})
		}
	}
	return out
}

// stepsBehind lays an edge at the workloads to which it leads, and gives those at which it fails. Nothing
// behind a loose edge is followed: it would be tied to failing requests no better than the edge is.
func (v *view) stepsBehind(e *route) []step {
	var out []step
	for _, next := range v.attach(e) {
		if !e.loose && len(v.needy(next)) > 0 {
			out = append(out, step{w: next, from: []*route{e}, depth: e.depth + 1, quiet: e.quiet})
		}
	}
	return out
}

// needed adds routes that need an edge, those aside that it itself needs.
func (r *route) needed(from []*route) {
	for _, p := range from {
		if !slices.Contains(r.parents, p) && p != r && (p.edge == nil || !p.hangsOn(r)) {
			r.parents = append(slices.Clip(r.parents), p)
		}
	}
}

// attach lays an edge at the workloads to which it leads, and gives them.
func (v *view) attach(e *route) []*workload {
	var out []*workload
	for _, l := range e.legs {
		v.know(l.Backend.Service.Namespace)
		for _, ref := range v.behind(l) {
			if w := v.workload(ref); w != nil {
				w.routes, w.legs = append(w.routes, e), append(w.legs, l)
				out = append(out, w)
			}
		}
	}
	return out
}

// know makes the workloads of a namespace into which no route leads.
func (v *view) know(namespace string) {
	if slices.ContainsFunc(v.workloads, func(w *workload) bool { return w.ref.Namespace == namespace }) {
		return
	}
	for _, w := range v.workloadsIn(namespace) {
		w.came = v.arrival(w)
		v.workloads = append(v.workloads, w)
	}
}

// needy lists the routes that fail in a way in which they would if the workload's own calls did: it
// answers errors itself or too late, or it does not get ready or keeps dying.
func (v *view) needy(w *workload) []*route {
	var out []*route
	for i, r := range w.routes {
		if dead(w.legs[i]) && v.starved(w) || len(r.hits(model.UpstreamStatus, model.ResponseTimeout, model.OtherFailure, model.ClosedEarly, model.Reset)) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// answersErrors reports whether requests to a workload fail by its own answer, or for want of one.
func (w *workload) answersErrors() bool {
	return slices.ContainsFunc(w.routes, func(r *route) bool { return len(r.hits(model.UpstreamStatus, model.ResponseTimeout)) > 0 })
}

// starved reports whether a workload's pods fail as they do when something that they call does not
// answer: they die, or wait, or are not ready.
func (v *view) starved(w *workload) bool {
	return slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool {
		t := v.trouble(p)
		return slices.Contains([]model.CauseID{"container-crashloop", "pods-not-ready", "init-blocked", "liveness-probe-kills"}, t.cause) && !t.notRun()
	})
}

// unnamed guesses what a line that names no host is about: the only thing that the workload is told to
// call, or the only one of the kind of server that speaks so; where settings do not tell, the only such server of the
// namespace, or the only one anywhere whose own log tells of the same trouble.
func (v *view) unnamed(w *workload, c call, named []address) []peer {
	ports := saidBy(c.line)
	found := map[model.Ref]peer{}
	for _, a := range named {
		service, inside := v.home(w.ref.Namespace, a.host)
		if !inside || v.own(w, service) {
			continue
		}
		port := cmp.Or(a.port, v.likelyPort(service, cmp.Or(a.scheme, a.name)))
		if len(ports) == 0 || v.leadsToPort(service, port, ports) {
			found[service] = a.peer
		}
	}
	if len(found) == 0 && len(ports) > 0 {
		found = v.servers(w, ports)
	}
	if len(found) == 0 && len(ports) > 0 && c.kind == model.Overload {
		found = v.admitting(w, ports[0])
	}
	if len(found) != 1 || len(ports) == 0 && c.kind == model.UpstreamStatus {
		return nil
	}
	return slices.Collect(maps.Values(found))
}

// leadsToPort reports whether a port of a Service, or the target port behind it, is one of some ports.
func (v *view) leadsToPort(service model.Ref, port int32, ports []int32) bool {
	svc, ok := v.s.Services().Get(service.Namespace, service.Name)
	return slices.Contains(ports, port) || ok == snapshot.Present && slices.ContainsFunc(svc.Spec.Ports, func(p corev1.ServicePort) bool {
		return p.Port == port && slices.Contains(ports, p.TargetPort.IntVal)
	})
}

// admitting lists the Services of other namespaces that lead to a port of servers whose own logs say, in the words of that kind of
// server, that they do not do what they are asked.
func (v *view) admitting(w *workload, port int32) map[model.Ref]peer {
	if v.admits == nil { // the same for every line and workload
		v.admits = map[int32]map[model.Ref]peer{}
		for _, log := range v.in.Logs {
			for _, line := range log.Lines {
				if c, ok := v.read.call(line); ok && c.kind == model.Overload {
					v.admit(log.Pod, saidBy(line))
				}
			}
		}
	}
	found := maps.Clone(v.admits[port])
	maps.DeleteFunc(found, func(ref model.Ref, _ peer) bool { return ref.Namespace == w.ref.Namespace })
	return found
}

// admit notes the Services that lead to some ports of a pod.
func (v *view) admit(pod model.Ref, ports []int32) {
	p, ok := v.s.Pods().Get(pod.Namespace, pod.Name)
	if ok != snapshot.Present {
		return
	}
	for svc := range v.s.Services().In(p.Namespace) {
		ref := snapshot.RefOf(svc)
		for _, port := range ports {
			if !matches(svc.Spec.Selector, p.Labels) || !v.hasServicePort(ref, port) {
				continue
			}
			if v.admits[port] == nil {
				v.admits[port] = map[model.Ref]peer{}
			}
			v.admits[port][ref] = peer{host: svc.Name + "." + svc.Namespace, port: port}
		}
	}
}

// servers lists the Services beside a workload that have one of some ports.
func (v *view) servers(w *workload, ports []int32) map[model.Ref]peer {
	found := map[model.Ref]peer{}
	for svc := range v.s.Services().In(w.ref.Namespace) {
		for _, p := range svc.Spec.Ports {
			if ref := snapshot.RefOf(svc); v.leadsToPort(ref, p.Port, ports) && !v.own(w, ref) {
				found[ref] = peer{host: svc.Name, port: p.Port}
			}
		}
	}
	return found
}

// own reports whether a Service leads to the workload itself.
func (v *view) own(w *workload, service model.Ref) bool {
	svc, ok := v.s.Services().Get(service.Namespace, service.Name)
	return ok == snapshot.Present && service.Namespace == w.ref.Namespace && matches(svc.Spec.Selector, w.template.template.Labels)
}

// resolves reports whether a Service is the cluster's DNS.
func (v *view) resolves(service model.Ref) bool {
	svc := v.m.DNSService()
	return svc != nil && svc.Namespace == service.Namespace && svc.Name == service.Name
}

// callee says what a place in a line about a failed call stands for; ok is false if it is not what was
// called, or if a name is not resolved although the Service is there, which is not the Service's fault.
func (v *view) callee(w *workload, c call, p peer, named []address) (service model.Ref, inside, ok bool) {
	service, inside = v.home(w.ref.Namespace, p.host)
	_, presence := v.s.Services().Get(service.Namespace, service.Name)
	isNamed := slices.ContainsFunc(named, func(a address) bool { return a.host == p.host })
	switch {
	case inside && presence != snapshot.Present && p.loose && !isNamed:
		return service, inside, false
	case inside && v.own(w, service) || inside && presence == snapshot.Present && c.kind == model.NoRoute && !v.recordless(service):
		return service, inside, false
	case inside && v.resolves(service): // dns-resolution-failed tells of names that are not resolved
		return service, inside, false
	case inside && presence == snapshot.Unknown:
		return service, inside, false
	case inside:
		return service, inside, net.ParseIP(p.host) == nil || p.port == 0 || v.answersAt(service, p)
	}
	if net.ParseIP(p.host) != nil || p.host == "localhost" {
		return service, inside, false
	}
	entry := slices.ContainsFunc(v.m.Routes(), func(r path.Route) bool { return r.Host == p.host })
	return service, inside, !entry && strings.Contains(p.host, ".") && (isNamed || c.kind != model.UpstreamStatus)
}

// recordless reports whether the cluster's DNS has no address for a Service that exists: a headless one's name stands for
// its ready endpoints, and there are none (kubernetes/dns, docs/specification.md, 2.4.1).
func (v *view) recordless(service model.Ref) bool {
	svc, ok := v.s.Services().Get(service.Namespace, service.Name)
	return ok == snapshot.Present && svc.Spec.ClusterIP == corev1.ClusterIPNone && v.s.EndpointSlices().Covers(service.Namespace) &&
		!slices.ContainsFunc(v.s.SlicesOf(service.Namespace, service.Name), func(es *discoveryv1.EndpointSlice) bool {
			return slices.ContainsFunc(es.Endpoints, func(ep discoveryv1.Endpoint) bool { return ep.Conditions.Ready == nil || *ep.Conditions.Ready })
		})
}

// answersAt reports whether an address with a port is a Service's: of its virtual IP any port, of a pod
// those to which it leads, so that a client's address is not taken for one that was called.
func (v *view) answersAt(service model.Ref, p peer) bool {
	svc, ok := v.s.Services().Get(service.Namespace, service.Name)
	if ok != snapshot.Present {
		return false
	}
	if svc.Spec.ClusterIP == p.host || slices.Contains(svc.Spec.ClusterIPs, p.host) {
		return true
	}
	for _, pod := range v.s.PodsByIP(p.host) {
		for _, sp := range svc.Spec.Ports {
			if n, ok := path.TargetPort(sp, &pod.Spec); ok && n == p.port {
				return true
			}
		}
	}
	return false
}

func (v *view) hasServicePort(service model.Ref, port int32) bool {
	svc, ok := v.s.Services().Get(service.Namespace, service.Name)
	return ok == snapshot.Present && slices.ContainsFunc(svc.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == port })
}

// likelyPort is the port of a Service that a setting without one means: its scheme's, else the only one.
func (v *view) likelyPort(service model.Ref, scheme string) int32 {
	svc, ok := v.s.Services().Get(service.Namespace, service.Name)
	if ok != snapshot.Present || len(svc.Spec.Ports) == 0 {
		return usualPort(scheme)
	}
	if n := usualPort(scheme); n != 0 && v.hasServicePort(service, n) {
		return n
	}
	return svc.Spec.Ports[0].Port
}

// calls reads the logs of a workload's pods for calls that failed, once: several causes ask.
func (v *view) calls(w *workload) []call {
	if w.callsRead {
		return w.failedCalls
	}
	w.callsRead = true
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) {
			continue
		}
		for _, line := range log.Lines {
			c, ok := v.read.call(line)
			if !ok || c.kind == model.Refused && v.saidBeforeSidecar(w, log.Pod, line) {
				continue
			}
			c.source = sourceOf(log)
			w.failedCalls = append(w.failedCalls, c)
		}
	}
	return w.failedCalls
}

// settle walks an edge and says whether it is worth keeping: the caller says that it fails, or the walk
// does.
func (v *view) settle(r *route) bool {
	r.legs = v.m.Legs(r.Route)
	r.trace = v.m.WalkRoute(r.Route)
	for _, c := range r.said {
		s := model.Signal{Failure: c.kind, Reason: c.line, Raw: c.line, Source: c.source}
		for _, l := range r.legs {
			// A Service without endpoints refuses at its virtual IP, or lets packets fall, and the name of one
			// that does not exist does not resolve.
			if dead(l) && slices.Contains([]model.FailureKind{model.NoRoute, model.Refused, model.ConnectTimeout, model.ResponseTimeout, model.UpstreamStatus}, c.kind) {
				s.Failure = model.NoEndpoints
			}
			for _, e := range l.ReadyEnds() {
				s.Tries = append(s.Tries, model.Try{Address: e.Address()})
			}
		}
		r.signals = append(r.signals, s)
	}
	r.failures, r.requests = len(r.signals), len(r.signals)
	r.observed = aggregate(r.String(), r.Object, r.signals, r.requests)
	if r.failures > 0 {
		return true
	}
	if !r.deadNow() {
		return false
	}
	// What the caller is told to call cannot answer, but nobody says so: not in the logs that there are, nor does the
	// caller itself answer errors or die.
	r.loose = len(v.logsOf(r.caller)) > 0 || !v.starved(r.caller) && !r.caller.answersErrors()
	return true
}

// roots are the gateways' routes that need an edge.
func (r *route) roots() []*route {
	if r.edge == nil {
		return []*route{r}
	}
	var out []*route
	for _, p := range r.parents {
		for _, root := range p.roots() {
			if !slices.Contains(out, root) {
				out = append(out, root)
			}
		}
	}
	return out
}

// lift makes what was found on edges a cause of the routes that need them: they fail as routes do whose
// backend answers errors, is too slow, or does not get ready.
func lift(fs []finding) []finding {
	for i := range fs {
		f := &fs[i]
		for _, r := range slices.Clone(f.routes) {
			if r.edge == nil || r.loose || f.dormant || !f.hitsEdge(r) {
				continue
			}
			f.via = append(f.via, r)
			*f = f.on(r.roots()...)
			f.chain(r)
			f.Confidence = min(f.Confidence, r.believes(f.ID))
		}
		if len(f.via) > 0 && len(f.kinds) > 0 {
			// What fails at once keeps nobody waiting, unless the caller says that it does.
			waits := f.predicts(model.ConnectTimeout) || f.predicts(model.ResponseTimeout)
			if waits || slices.ContainsFunc(f.via, func(r *route) bool { return len(r.said) > 0 }) {
				f.kinds = append(slices.Clip(f.kinds), model.ResponseTimeout)
			}
			f.kinds = append(slices.Clip(f.kinds), model.UpstreamStatus, model.NoEndpoints, model.NoRoute, model.Refused, model.ClosedEarly, model.Reset)
		}
	}
	return fs
}

// believes is how sure one may be, at most, that a cause on an edge makes its caller fail.
func (r *route) believes(id model.CauseID) float64 {
	switch {
	case r.quiet && id == "no-replicas":
		return possible // somebody put it to rest, and may know that its callers do without it
	case len(r.said) == 0 && !r.byName:
		return likely
	default:
		return 1
	}
}

// hitsEdge reports whether a finding predicts what the caller of an edge says, or what its walk does.
func (f *finding) hitsEdge(r *route) bool {
	return len(r.observed) == 0 || slices.ContainsFunc(r.observed, func(o model.Observation) bool { return r.meets(*f, o.Failure) }) || r.failsNow(*f)
}

// chain says how the routes of gateways hang on an edge, from the gateway's backend down.
func (f *finding) chain(r *route) {
	if len(r.parents) > 0 && r.parents[0].edge != nil {
		f.chain(r.parents[0])
	}
	text := fmt.Sprintf("%s calls %s, which fails", r.Object, r.callee())
	if r.setting.name != "" {
		text = fmt.Sprintf("%s calls %s (%s), which fails", r.Object, r.callee(), r.setting.name)
	}
	if !slices.Contains(f.Explains, text) {
		f.Explains = append(f.Explains, text)
	}
	if len(r.said) > 0 {
		c := r.said[len(r.said)-1]
		f.Evidence = append(slices.Clip(f.Evidence), model.Evidence{Kind: "app-log", Text: c.line, Source: c.source})
	}
}

// callee names what an edge leads to.
func (r *route) callee() string {
	if len(r.Backends) == 0 {
		return r.outside
	}
	return r.Backends[0].Service.String()
}

// follows reports whether what is wrong with a workload is what must happen while something that it
// calls fails, for a reason that was found.
func (v *view) follows(f finding) model.CauseID {
	starves := slices.Contains([]model.CauseID{"container-crashloop", "pods-not-ready", "init-blocked", "liveness-probe-kills", "readiness-depends-on-other", "startup-too-slow", "bad-rollout", "app-error", "app-workers-exhausted", "upstream-timeout", "dns-resolution-failed"}, f.ID)
	if !starves {
		return ""
	}
	for _, o := range v.found {
		if o.ID == "pod-forbidden" && o.Related["workload"] == f.Related["workload"] {
			return o.ID
		}
		for _, r := range o.via {
			if r.Object == f.Related["workload"] && o.Confidence >= likely && (o.ID != f.ID || o.Object != f.Object) && (len(f.kinds) == 0 || slices.ContainsFunc(f.kinds, o.predicts)) {
				return o.ID
			}
		}
	}
	return ""
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// asCause starts a finding about an edge.
func (r *route) asCause(id model.CauseID, confidence float64, object model.FieldRef, summary string) finding {
	f := find(id, confidence, object, summary).on(r).relates("workload", r.caller.ref)
	if r.setting.name != "" {
		f = f.because("object", fmt.Sprintf("%s is %s", r.setting.name, r.setting.value), r.setting.at.Ref, time.Time{})
	}
	if len(r.Backends) > 0 {
		f = f.relates("service", r.Backends[0].Service)
	}
	return f
}
