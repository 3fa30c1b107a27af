package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func wrongBackend() Analyzer {
	return Analyzer{
		Cause:  "wrong-backend",
		Doc:    "Finds routes to a Service or port that exists and is another application's, or not the one that serves requests.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services, snapshot.EndpointSlices},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if l.Presence != snapshot.Present || len(r.legs) != 1 || l.External() || r.lost {
					continue
				}
				if f, ok := v.wrongService(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.foreignPort(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.wrongPort(r, l); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// meantService is a Service to which a rule should lead, and why.
type meantService struct {
	svc *corev1.Service
	why string
	// sure is set where the objects alone show it.
	sure bool
}

// wrongService compares the Service of a rule with the one that its words name, or that it had when it
// was last applied.
func (v *view) wrongService(r *route, l path.Leg) (finding, bool) {
	m, ok := v.formerService(r, l)
	if !ok {
		m, ok = v.namedService(r, l)
	}
	shown := m.sure || len(r.astray)+len(r.hits(model.UpstreamStatus, model.Protocol, model.TLS, model.Reset, model.ClosedEarly)) > 0
	if !ok || !shown && !noReason(r, l) {
		return finding{}, false
	}
	ref := serviceRef(l)
	confidence := proven
	if !shown || !m.sure && len(r.astray) < few && r.failures == 0 {
		confidence = likely
	}
	f := find("wrong-backend", confidence, at(r.Object, l.Backend.Field+".name"),
		fmt.Sprintf("%s sends %s to %s; %s", r.Object, r, ref, m.why)).
		on(r).as(wrongPlace()...).showing(r, r.astray).
		relates("service", snapshot.RefOf(m.svc)).
		because("object", m.why, snapshot.RefOf(m.svc), time.Time{})
	if hasPort(m.svc, l.Backend) { // else the port must change with it
		f = f.wants(text(m.svc.Name))
	}
	if n := len(r.astray); n > 0 {
		f = f.because("proxy-log", fmt.Sprintf("%s answered %d to %d requests for %s", ref, r.astray[0].Status, n, r), ref, r.astray[0].At)
	}
	f.covers = shown // what a gateway does not say may be the Service's own fault as well
	return f.not("app-error", ref.String()+" is not the application that these requests are for").
		not("service-missing", ref.String()+" exists; it is another one's"), true
}

// noReason reports whether all requests fail by what the gateway's log does not tell: of a 502 Traefik's says no reason.
// Where others say none, it is the connection that fails, which a backend's own fault is as well.
func noReason(r *route, l path.Leg) bool {
	return r.Proxy == "traefik" && len(r.succeeded) == 0 && !dead(l) && len(r.hits(model.OtherFailure)) >= few &&
		!slices.ContainsFunc(r.hits(model.OtherFailure), func(s model.Signal) bool { return s.Status != 502 })
}

// few is how many requests must have gone astray before they count as proof.
const few = 3

// wrongPlace lists how requests fail that reach another application or port.
func wrongPlace() []model.FailureKind {
	return []model.FailureKind{
		model.UpstreamStatus, model.Protocol, model.TLS, model.Refused, model.Reset, model.ClosedEarly, model.ConnectTimeout, model.ResponseTimeout, model.NoEndpoints,
	}
}

// formerService is the Service that the rule had when it was last applied, if it is there and serves.
func (v *view) formerService(r *route, l path.Leg) (meantService, bool) {
	o, presence := v.s.Lookup(r.Object)
	if presence != snapshot.Present {
		return meantService{}, false
	}
	name, _ := applied(o, l.Backend.Field+".name")
	was, ok := name.(string)
	if !ok || was == l.Backend.Service.Name {
		return meantService{}, false
	}
	svc, presence := v.s.Services().Get(l.Backend.Service.Namespace, was)
	if presence != snapshot.Present || !v.serves(snapshot.RefOf(svc)) {
		return meantService{}, false
	}
	return meantService{svc, fmt.Sprintf("when it was last applied that was Service %s, which is there and serves", was), true}, true
}

// namedService is the only Service that bears a word of the rule as its name, where the rule's own
// Service does not: one to which no route leads, or one to which others do, where the rule's own is another rule's and
// knows no request of this one.
func (v *view) namedService(r *route, l path.Leg) (meantService, bool) {
	namespace, own := l.Backend.Service.Namespace, l.Backend.Service.Name
	about := v.purpose(r.Route)
	have := resemblance(own, about)
	if have == sameWord || len(about) == 0 {
		return meantService{}, false
	}
	rival, taken := path.Route{}, false
	if have == noWord {
		rival, taken = v.namedAfter(r, l)
	}
	idle := true
	found := v.forgottenService(namespace, about)
	if found == nil && taken && r.allAstray() {
		idle = false
		found = v.serviceNamed(namespace, about, func(*corev1.Service) bool { return true })
	}
	if found == nil || resemblance(found.Name, about) <= have || v.samePods(l, found) {
		return meantService{}, false
	}
	if resemblance(found.Name, about) < sameWord && r.requests > 0 && !r.allAstray() {
		return meantService{}, false // orders-api may be behind what serves /orders
	}
	why := fmt.Sprintf("Service %s, which has its name, serves", found.Name)
	if idle {
		why += " and no route leads to it"
	}
	if taken {
		return meantService{found, fmt.Sprintf("%s is for %s, and %s", own, rival, why), idle}, true
	}
	return meantService{found, why, false}, true
}

// namedAfter is another rule that has the name of a rule's Service, and leads to it, as it need not where two were mixed up.
func (v *view) namedAfter(r *route, l path.Leg) (path.Route, bool) {
	others := v.m.To(l.Backend.Service.Namespace, l.Backend.Service.Name)
	if r.allAstray() {
		others = v.m.Routes()
	}
	for _, other := range others {
		if other.Object.Namespace == r.Object.Namespace && keyOf(other) != keyOf(r.Route) && resemblance(l.Backend.Service.Name, v.purpose(other)) >= sameStem {
			return other, true
		}
	}
	return path.Route{}, false
}

// allAstray reports whether the application behind a rule knew none of the requests since it last answered one, and those
// are more than chance gives where some pages are not found.
func (r *route) allAstray() bool {
	if r.fulfilled == 0 {
		return len(r.astray) >= few && len(r.astray) >= len(r.succeeded)
	}
	run := 0
	for i, j := len(r.succeeded)-1, len(r.astray)-1; i >= 0 && j >= 0 && r.succeeded[i].Equal(r.astray[j].At); i, j = i-1, j-1 {
		run++
	}
	return run >= 3*few
}

// samePods reports whether a Service leads to pods that a rule's own Service leads to as well: it is the same application,
// as where one Service is for all members of a cluster and another for the one that leads.
func (v *view) samePods(l path.Leg, svc *corev1.Service) bool {
	for _, es := range v.s.SlicesOf(svc.Namespace, svc.Name) {
		for i := range es.Endpoints {
			if slices.ContainsFunc(l.Ends, func(e path.End) bool { return slices.Contains(es.Endpoints[i].Addresses, e.IP) }) {
				return true
			}
		}
	}
	return false
}

// httpPort is the port of a Service on which it most likely answers requests, nil if none looks so.
func httpPort(svc *corev1.Service) *corev1.ServicePort {
	var other *corev1.ServicePort
	for i := range svc.Spec.Ports {
		p := &svc.Spec.Ports[i]
		switch {
		case p.Protocol == corev1.ProtocolUDP || p.Protocol == corev1.ProtocolSCTP:
		case strings.HasPrefix(p.Name, "http") || p.Name == "web" || p.Port == 80 || p.Port == 8080 || p.Port == 443:
			return p
		case aside(p) == "" && other == nil:
			other = p
		}
	}
	return other
}

// aside names what a port is for, if it is not for the requests of users: metrics, administration, health.
func aside(p *corev1.ServicePort) string {
	for _, word := range []string{"metrics", "prometheus", "admin", "management", "mgmt", "actuator", "health", "probe", "debug", "pprof", "profiling", "monitoring", "jmx", "replication", "gossip", "peer", "raft"} {
		if strings.Contains(strings.ToLower(p.Name), word) {
			return word
		}
	}
	return ""
}

// wrongPort finds a route to a port of its Service that is for something else, beside one that is for
// requests. Its words may ask for that port.
func (v *view) wrongPort(r *route, l path.Leg) (finding, bool) {
	if l.Port == nil {
		return finding{}, false
	}
	better := httpPort(l.Service)
	purpose := aside(l.Port)
	if better == nil || better == l.Port || better.Name == l.Port.Name || r.asks(purpose) {
		return finding{}, false
	}
	harmed := r.failing() || len(r.astray) >= few
	if purpose == "" && l.Port.Name != "grpc" && !v.onlyOther(r, l, better) || !harmed && (purpose == "" || r.requests > 0) {
		return finding{}, false
	}
	f := find("wrong-backend", proven, at(r.Object, l.Backend.PortField),
		fmt.Sprintf("%s sends %s to %s of %s, and requests are for its %s", r.Object, r, portText(*l.Port), serviceRef(l), portText(*better))).
		on(r).as(wrongPlace()...).showing(r, r.astray).relates("service", serviceRef(l)).
		because("object", fmt.Sprintf("%s has %s and %s", serviceRef(l), portText(*l.Port), portText(*better)), serviceRef(l), time.Time{}).
		not("service-port-missing", serviceRef(l).String()+" has the port that the route names").
		wants(fmt.Sprint(better.Port))
	if l.Backend.PortName != "" {
		f = f.wants(text(better.Name))
	}
	f.covers = true
	return f, true
}

// asks reports whether the rule's words, or the route's name, ask for a port's purpose.
func (r *route) asks(purpose string) bool {
	if purpose == "" {
		return false
	}
	all := strings.ToLower(r.Object.Name + " " + r.Host + " " + r.Path)
	return strings.Contains(all, purpose)
}

// onlyOther reports whether the pods show that the other port of the Service is the one that speaks HTTP: an
// HTTP probe passes there, and nothing is known of this one.
func (v *view) onlyOther(r *route, l path.Leg, better *corev1.ServicePort) bool {
	for _, p := range l.Selected {
		there, ok := path.TargetPort(*better, &p.Spec)
		here, known := path.TargetPort(*l.Port, &p.Spec)
		if !ok || !known || there == here {
			return false
		}
		proof := path.Proven(p)
		for _, n := range proof {
			if n == here {
				return false
			}
		}
		for _, n := range proof {
			if n == there && len(r.hits(model.Protocol, model.UpstreamStatus, model.Reset, model.ClosedEarly, model.TLS))+len(r.astray) > 0 {
				return true
			}
		}
	}
	return false
}
