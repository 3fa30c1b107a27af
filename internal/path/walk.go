package path

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// UnknownOutcome is what Trace.Predicts says when something on the way could not be looked at.
const UnknownOutcome = "unknown"

// NoAnswer is what Trace.Predicts says where nothing answers.
const NoAnswer = "no answer"

// Walk finds the rule for a request and walks it. A request that no rule takes has a trace of one
// broken hop.
func (m *Map) Walk(req model.Request) model.Trace {
	if r, ok := m.Match(req); ok {
		t := m.WalkRoute(r)
		t.Request = req
		return t
	}
	t := model.Trace{Request: req, Predicts: "404"}
	hop := model.Hop{Kind: model.HopRule, Name: req.String(), Verdict: model.Broken, Why: "no rule of any Ingress or HTTPRoute takes " + req.String()}
	for _, k := range []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.GRPCRoutes} {
		if c, _ := m.s.Coverage(k); !c.Whole() {
			hop.Verdict, hop.Why = model.Unknown, fmt.Sprintf("no rule that could be read takes %s, and the list of %s is not complete (%s)", req, k, c)
			t.Predicts = UnknownOutcome
		}
	}
	t.Hops = []model.Hop{hop}
	return t
}

// WalkRoute walks one rule with a request that it takes.
func (m *Map) WalkRoute(r Route) model.Trace { return m.WalkLegs(r, m.Legs(r)) }

// WalkLegs does so with backends that have been resolved already.
func (m *Map) WalkLegs(r Route, legs []Leg) model.Trace {
	w := m.walker(r, legs)
	w.lost = !w.balancer()
	return w.walk()
}

// WalkArrived walks one rule with a request that was seen to arrive at the gateway, by whatever way. answers says that the
// gateway was seen to answer, whatever its pods' readiness tells.
func (m *Map) WalkArrived(r Route, answers bool) model.Trace {
	w := m.walker(r, m.Legs(r))
	w.answers = answers
	return w.walk()
}

func (m *Map) walker(r Route, legs []Leg) *walker {
	return &walker{m: m, r: r, legs: legs, t: model.Trace{Request: r.Request(), Proxy: r.Proxy, Route: r.Object, Rule: r.Rule}}
}

func (w *walker) walk() model.Trace {
	r := w.r
	if !r.Direct() {
		w.entry()
		w.rule()
	}
	if r.Fixed != 0 {
		w.predict(strconv.Itoa(r.Fixed))
	} else if !w.stopped {
		w.backends()
	}
	w.t.Predicts = w.predicts()
	return w.t
}

// walker collects the hops and outcomes of one walk.
type walker struct {
	m       *Map
	r       Route
	legs    []Leg
	t       model.Trace
	stopped bool
	lost    bool     // requests do not come as far as the gateway
	answers bool     // the gateway does, whatever its pods' readiness tells
	refused []string // fields of backends that the proxy does not use
	unknown bool
	blind   string // why NetworkPolicies could not be judged: noted, though it hides no other trouble
	codes   []string
}

func (w *walker) hop(kind model.HopKind, object model.Ref, v model.Verdict, why string) {
	w.t.Hops = append(w.t.Hops, model.Hop{
		Kind: kind, Namespace: object.Namespace, Name: object.Name, Object: object, Verdict: v, Why: why,
	})
	if v == model.Unknown {
		w.unknown = true
	}
}

// predict adds a status that some requests meet.
func (w *walker) predict(code string) {
	if !slices.Contains(w.codes, code) {
		w.codes = append(w.codes, code)
	}
}

// fail adds what the route's proxy answers to a failure.
func (w *walker) fail(f model.FailureKind) model.Outcome {
	o := w.answer(f)
	if w.r.Direct() || w.r.Stream() {
		w.predict(NoAnswer) // who forwards connections refuses or drops them, and answers none
		return o
	}
	w.predict(code(o))
	return o
}

// reject adds the answer where there is no backend to ask: the Gateway API's 500, and to a connection its end. Istio's
// Envoy has no cluster to send to.
func (w *walker) reject() {
	switch {
	case w.r.Stream():
		w.predict(NoAnswer)
	case w.r.Object.Kind == "VirtualService":
		w.fail(model.NoEndpoints)
	default:
		w.predict("500")
	}
}

func (w *walker) answer(f model.FailureKind) model.Outcome {
	px, ok := all.Named(w.r.Proxy)
	if !ok {
		return model.Outcome{Failure: f}
	}
	return px.Answer(w.r.Controller, f)
}

// code writes an outcome's status; without a known proxy it is some server error.
func code(o model.Outcome) string {
	switch {
	case o.Status != 0:
		return strconv.Itoa(o.Status)
	case o.Failure == model.NoRoute:
		return "404"
	default:
		return "5xx"
	}
}

func (w *walker) predicts() string {
	if w.lost {
		return NoAnswer
	}
	if w.unknown || len(w.codes) == 0 {
		if !slices.ContainsFunc(w.t.Hops, func(h model.Hop) bool { return h.Verdict == model.Broken }) || len(w.codes) == 0 {
			return UnknownOutcome
		}
	}
	slices.Sort(w.codes)
	return strings.Join(w.codes, "|")
}

// entry is the Gateway or class in front of the rule.
func (w *walker) entry() {
	if len(w.r.From) > 0 {
		w.hop(model.HopGateway, w.r.Object, model.OK, "calls "+w.r.Host)
		return
	}
	object := w.r.Gateway
	why := "takes " + w.r.Host + " at listener " + w.r.Listener
	switch {
	case object.IsZero() && w.r.Class == "" && w.r.Object.Kind != "Ingress":
		object, why = w.r.Object, "is served by "+w.r.Proxy
	case object.IsZero() && w.r.Class == "" && w.r.Controller != "":
		object, why = w.r.Object, "names no class; "+w.r.Controller+" takes such Ingresses"
	case object.IsZero():
		object = model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "IngressClass", Name: w.r.Class}
		why = "is run by " + w.r.Controller
		if w.r.Controller == "" {
			why = ""
		}
	}
	for _, f := range w.r.Faults {
		if f.Kind == NotProgrammed || f.Kind == GatewayMissing || f.Kind == ClassMissing {
			w.hop(model.HopGateway, object, model.Broken, f.Why)
			w.stop(model.NoRoute)
			return
		}
	}
	// It is told before what its pods say, who may be another gateway's: whatever comes of them, not all could be looked at.
	unknown := slices.IndexFunc(w.r.Faults, func(f Fault) bool { return f.Kind == GatewayUnknown })
	if unknown >= 0 {
		w.hop(model.HopGateway, object, model.Unknown, w.r.Faults[unknown].Why)
	}
	if at, why, down := w.m.Down(w.r); down {
		if w.answers {
			w.hop(model.HopGateway, at, model.Suspect, why+"; it answers nevertheless, or did a moment ago")
			return
		}
		w.hop(model.HopGateway, at, model.Broken, why)
		w.stopped = true
		w.predict(NoAnswer)
		return
	}
	if p := w.m.unseen(w.r); p != nil {
		w.hop(model.HopGateway, snapshot.RefOf(p), model.Unknown, fmt.Sprintf("none of the gateway's pods is known to be ready: pod %s %s", p.Name, podState(p)))
		return
	}
	if unknown < 0 {
		w.hop(model.HopGateway, object, model.OK, why)
	}
}

func (w *walker) stop(f model.FailureKind) {
	w.stopped = true
	w.fail(f)
}

// rule is the rule itself: whether it is attached, and whether it may refer to its backends.
func (w *walker) rule() {
	for _, f := range w.r.Faults {
		switch f.Kind {
		case ListenerUnattached, HostTaken, Refused, RouteConflict, RouteMissing:
			w.hop(model.HopRule, w.r.Object, model.Broken, f.Why)
			w.stop(model.NoRoute)
			return
		case GrantMissing, BackendInvalid:
			// Gateway API: the share of a backendRef that cannot be used is answered with 500.
			if w.weightless(f.Backend) {
				continue
			}
			w.hop(model.HopRule, w.r.Object, model.Broken, f.Why)
			if w.r.Fixed == 0 {
				w.reject()
			}
			w.refused = append(w.refused, f.Backend)
		case CannotKnow:
			w.hop(model.HopRule, w.r.Object, model.Unknown, f.Why)
		case ClassMissing, GatewayMissing, GatewayUnknown, NotProgrammed: // the gateway's hop tells of these
		}
	}
	if w.stopped {
		return
	}
	if len(w.r.Backends) == 0 && slices.ContainsFunc(w.r.Faults, func(f Fault) bool { return f.Kind.Unknown() }) {
		w.stopped = true // its backends are what cannot be known
		return
	}
	if f, extended := w.r.Settings.Get(proxy.Extension); extended && len(w.r.Backends) == 0 && w.r.Fixed == 0 {
		w.hop(model.HopRule, w.r.Object, model.Unknown, fmt.Sprintf("%s has no backend; what its filter %s answers is not known", w.r.Rule, f.Value))
		w.stopped = true
		return
	}
	if len(w.r.Backends) == 0 && w.r.Fixed == 0 {
		w.hop(model.HopRule, w.r.Object, model.Broken, w.r.Rule+" has no backend")
		w.reject()
		w.stopped = true
		return
	}
	if len(w.r.Backends) > 0 && !slices.ContainsFunc(w.r.Backends, func(b Backend) bool { return b.Weight > 0 }) {
		w.hop(model.HopRule, w.r.Object, model.Broken, "all backends of "+w.r.Rule+" have weight 0")
		w.reject()
		w.stopped = true
		return
	}
	if len(w.refused) > 0 {
		return
	}
	why := fmt.Sprintf("%s takes %s", w.r.Rule, w.r)
	if len(w.r.Backends) > 0 {
		why += " to " + w.r.Backends[0].Service.String() + " port " + w.r.Backends[0].Port()
	}
	w.hop(model.HopRule, w.r.Object, model.OK, why)
}

// weightless reports whether a backend gets no share of the requests.
func (w *walker) weightless(field string) bool {
	return len(w.r.Backends) > 1 && slices.ContainsFunc(w.r.Backends, func(b Backend) bool { return b.Field == field && b.Weight == 0 })
}

func (w *walker) backends() {
	for _, b := range w.r.Backends {
		if slices.Contains(w.refused, b.Field) || w.weightless(b.Field) {
			continue
		}
		switch b.Service.Kind {
		case "Service":
		case "ServiceEntry":
			w.outside(b)
		case "":
			w.hop(model.HopRule, w.r.Object, model.Unknown, w.r.Rule+" names no backend")
		default:
			w.hop(model.HopService, b.Service, model.Unknown, "backends of kind "+b.Service.Kind+" are not looked at")
		}
	}
	for _, l := range w.legs {
		if w.t.Backend.IsZero() {
			w.t.Backend = l.Backend.Service
		}
		if slices.Contains(w.refused, l.Backend.Field) {
			continue
		}
		w.leg(l)
	}
}

// unresolved is the outcome of a backend that the controller cannot resolve: the Gateway API
// demands 500, some controllers drop the rule, the others have no endpoint to send to.
func (w *walker) unresolved() {
	switch {
	case !w.r.Gateway.IsZero():
		w.reject()
	case w.m.matching(&w.r).DropsUnresolved:
		w.fail(model.NoRoute)
	default:
		w.fail(model.NoEndpoints)
	}
}

func (w *walker) leg(l Leg) {
	ref := l.Backend.Service
	switch {
	case l.Presence == snapshot.Unknown:
		w.hop(model.HopService, ref, model.Unknown, ref.String()+" could not be looked at")
		return
	case l.Presence == snapshot.Absent:
		w.hop(model.HopService, ref, model.Broken, ref.String()+" does not exist")
		w.unresolved()
		return
	case l.External(): // needs no port of its own: controllers take the route's
		w.hop(model.HopService, ref, model.OK, "is an ExternalName for "+l.Service.Spec.ExternalName)
		w.predict("200")
		return
	case l.Port == nil:
		w.hop(model.HopService, ref, model.Broken, fmt.Sprintf("%s has no port %s; it has %s", ref, l.Backend.Port(), servicePorts(l.Service)))
		w.unresolved()
		return
	}
	w.hop(model.HopService, ref, model.OK, fmt.Sprintf("forwards port %d to %s", l.Port.Port, targetText(*l.Port)))
	if l.Derived {
		w.hop(model.HopEndpointSlice, ref, model.Unknown, "the EndpointSlices of "+ref.String()+" could not be looked at")
	}
	ready := l.ReadyEnds()
	if len(ready) == 0 {
		w.empty(l)
		return
	}
	if !l.Derived {
		w.hop(model.HopEndpointSlice, ref, model.OK, fmt.Sprintf("%d of %d endpoints are ready", len(ready), len(l.Ends)))
	}
	before := len(w.t.Endpoints)
	w.ends(w.chosen(l, ready))
	w.stuck(l, before)
}

func targetText(p corev1.ServicePort) string {
	if t := p.TargetPort.String(); t != "0" && t != "" {
		return "target port " + t
	}
	return "the same target port"
}

// empty is a Service without a ready endpoint.
func (w *walker) empty(l Leg) {
	ref := l.Backend.Service
	if l.Derived && (!w.m.s.Pods().Covers(ref.Namespace) || len(l.Service.Spec.Selector) == 0) {
		w.unknown = true
		return
	}
	if l.Unseen() {
		p := l.Selected[slices.IndexFunc(l.Selected, Unseen)]
		w.hop(model.HopPod, snapshot.RefOf(p), model.Unknown, fmt.Sprintf("pod %s %s", p.Name, podState(p)))
		w.unknown = true
		return
	}
	w.fail(model.NoEndpoints)
	why := fmt.Sprintf("%s has no ready endpoint", ref)
	subset := l.Backend.Subset
	switch {
	case subset != nil && subset.Missing:
		why = fmt.Sprintf("no DestinationRule of %s defines subset %s", ref, subset.Name)
	case subset != nil:
		why += fmt.Sprintf(" with %s, which subset %s asks for", selectorText(subset.Labels), subset.Name)
	case len(l.Selected) > 0:
		why += fmt.Sprintf("; its selector matches %s", count(len(l.Selected), "pod"))
	case len(l.Service.Spec.Selector) > 0:
		why += "; its selector " + selectorText(l.Service.Spec.Selector) + " matches no pod"
	default:
		why += " and no selector"
	}
	w.hop(model.HopEndpointSlice, ref, model.Broken, why)
	for _, group := range grouped(l.Selected, func(p *corev1.Pod) string { return fmt.Sprint(Ready(p), podState(p)) }) {
		p := group[0]
		if Ready(p) {
			w.hop(model.HopPod, snapshot.RefOf(p), model.OK, "pod "+p.Name+" is ready"+more(len(group)))
			continue
		}
		w.hop(model.HopPod, snapshot.RefOf(p), model.Broken, fmt.Sprintf("pod %s %s%s", p.Name, podState(p), more(len(group))))
	}
}
