package diagnose

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// How much is probed at most: each check costs seconds where nothing answers.
const (
	probedRoutes = 3
	probedPods   = 2 // of a route
)

// WantsProbes names the routes of a diagnosis that fail, or would, and where active checks would tell more.
func WantsProbes(d model.Diagnosis, m *path.Map) []model.ProbeRoute {
	var out []model.ProbeRoute
	for _, t := range d.Traces {
		r, ok := m.Match(t.Request)
		if !ok || len(out) == probedRoutes || !wantsProbe(d, t) {
			continue
		}
		out = append(out, probeRoute(m, r, t.Request))
	}
	return out
}

// WayIn names the ports of the gateway at which a request comes in; ok is false where no route takes it.
func WayIn(m *path.Map, req model.Request) (way model.ProbeRoute, ok bool) {
	r, ok := m.Match(req)
	if !ok {
		return model.ProbeRoute{}, false
	}
	return model.ProbeRoute{Request: req, Doors: doors(m, r)}, true
}

// probeRoute names what is asked on a route: its gateway, its first Service, and a few of the pods behind.
func probeRoute(m *path.Map, r path.Route, req model.Request) model.ProbeRoute {
	w := model.ProbeRoute{Request: req, Doors: doors(m, r)}
	for _, l := range m.Legs(r) {
		if l.Port == nil || l.External() {
			continue
		}
		secure := l.Port.AppProtocol != nil && *l.Port.AppProtocol == "https"
		if w.Service == nil {
			w.Service = &model.ProbePort{Ref: snapshot.RefOf(l.Service), Port: l.Port.Port, TLS: secure}
		}
		for _, p := range l.Selected {
			port, ok := path.TargetPort(*l.Port, &p.Spec)
			if !ok || p.Status.PodIP == "" || len(w.Pods) == probedPods {
				continue
			}
			container, _ := answering(p, fmt.Sprintf(":%d", port))
			w.Pods = append(w.Pods, model.ProbePort{Ref: snapshot.RefOf(p), Port: port, TLS: secure, Container: container})
		}
	}
	return w
}

// wantsProbe reports whether a walked route fails, was seen to fail, or is what was asked about.
func wantsProbe(d model.Diagnosis, t model.Trace) bool {
	return d.Target.Request != nil ||
		slices.ContainsFunc(t.Hops, func(h model.Hop) bool { return h.Verdict != model.OK && h.Verdict != model.Unknown }) ||
		slices.ContainsFunc(d.Observed, func(o model.Observation) bool { return o.Object == t.Route })
}

// doors lists the ports at which a route's gateway takes requests: HTTP before HTTPS.
func doors(m *path.Map, r path.Route) []model.ProbePort {
	var plain, secure []model.ProbePort
	for _, p := range m.Gateways(r) {
		if !path.Ready(p) {
			continue
		}
		for _, c := range p.Spec.Containers {
			for _, cp := range c.Ports {
				door := model.ProbePort{Ref: snapshot.RefOf(p), Port: cp.ContainerPort, Container: c.Name}
				switch cp.ContainerPort {
				case 80, 8000, 8080:
					plain = append(plain, door)
				case 443, 8443:
					door.TLS = true
					secure = append(secure, door)
				}
			}
		}
		break // one pod of the gateway speaks for all
	}
	return append(plain, secure...)
}

// probed finds what a probe said of a pod from a vantage; ok is false if there was none.
func (v *view) probed(p *corev1.Pod, from model.Vantage, port int32) (model.Probe, bool) {
	i := slices.IndexFunc(v.in.Probes, func(pr model.Probe) bool { return pr.From == from && pr.To == snapshot.RefOf(p) && pr.Port == port })
	if i < 0 {
		return model.Probe{}, false
	}
	return v.in.Probes[i], true
}

// probedListening is on what a pod was found to listen: by its sockets, else by connections to a port from
// inside the pod and from outside.
func (v *view) probedListening(p *corev1.Pod) []listenAddress {
	var out []listenAddress
	if s, ok := v.probed(p, model.FromSockets, 0); ok {
		for _, l := range s.Listens {
			if at, err := netip.ParseAddrPort(l); err == nil {
				out = append(out, listenAddress{loopback: at.Addr().IsLoopback(), port: int32(at.Port()), line: fmt.Sprintf("pod %s has a listening socket at %s", p.Name, l), probed: true})
			}
		}
		return out
	}
	for _, inside := range v.in.Probes {
		outside, ok := v.probed(p, model.FromAPIServer, inside.Port)
		if inside.From != model.FromInsidePod || inside.To != snapshot.RefOf(p) || !inside.Connected() || !ok {
			continue
		}
		a := listenAddress{port: inside.Port, loopback: outside.Failure == model.Refused, probed: true, line: fmt.Sprintf("port %d of pod %s takes connections inside the pod", inside.Port, p.Name)}
		if a.loopback {
			a.line += " and refuses those from outside"
		}
		out = append(out, a)
	}
	return out
}
