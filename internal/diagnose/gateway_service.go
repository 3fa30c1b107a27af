package diagnose

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// strayEntries finds Services through which the world reaches a gateway and that select none of its pods, while
// no other such Service does. No request arrives then, so that no gateway logs anything: what was seen to
// arrive speaks against it.
func (v *view) strayEntries() []finding {
	var out []finding
	for _, r := range v.routes {
		if r.requests > 0 {
			continue
		}
		for _, fleet := range v.m.Fleets(r.Route) {
			if l, ok := v.strayEntry(fleet); ok {
				out = append(out, v.mismatch(r, l, v.fleetWorkload(fleet), true))
			}
		}
	}
	return out
}

func (v *view) strayEntry(f path.Fleet) (path.Leg, bool) {
	for _, e := range f.Entries {
		if e.Stray {
			return entryLeg(e.Service), true
		}
	}
	return path.Leg{}, false
}

// shutEntries finds Services through which the world reaches a gateway and that lead to a port on which it does not
// listen. Of that, too, no gateway logs anything.
func (v *view) shutEntries() []finding {
	if len(v.unrouted) > 0 || asked(v.routes) {
		return nil
	}
	var out []finding
	for _, r := range v.routes {
		for _, e := range v.entries(r) {
			if !path.Outside(e.Service) {
				continue
			}
			for _, l := range e.Shut {
				end := l.ReadyEnds()[0]
				ref, listens := snapshot.RefOf(e.Service), path.Listens(end.Pod, end.Port)
				f := find("target-port-mismatch", proven, at(ref, fmt.Sprintf("spec.ports[%d].targetPort", l.PortAt)),
					fmt.Sprintf("%s forwards port %d to port %d of the gateway, which does not listen there: %s", ref, l.Port.Port, end.Port, listens.Why)).
					on(r).as(model.Refused, model.NoEndpoints).relates("service", ref).relates("workload", v.s.WorkloadOf(end.Pod)).
					because("model", fmt.Sprintf("pod %s: %s", end.Pod.Name, listens.Why), snapshot.RefOf(end.Pod), time.Time{}).
					wants(meantTarget(l, &end.Pod.Spec))
				f.unlogged = true
				out = append(out, f)
			}
		}
	}
	return out
}

// mixedEntries finds Services through which the world reaches a gateway and that select another gateway's pods as well,
// which have none of the routes: a share of requests meets those. Where another Service leads to the gateway alone,
// clients may come by that.
func (v *view) mixedEntries() []finding {
	var out []finding
	for _, r := range v.routes {
		fleets := v.m.Fleets(r.Route)
		for _, fleet := range fleets {
			outer := slices.DeleteFunc(slices.Clone(fleet.Entries), func(e path.Entry) bool { return !path.Outside(e.Service) || len(e.Ends) == 0 })
			for _, e := range outer {
				other, pod := v.foreignFleet(e, fleets)
				if pod == nil || slices.ContainsFunc(outer, func(o path.Entry) bool { _, p := v.foreignFleet(o, fleets); return p == nil }) {
					continue
				}
				ref := snapshot.RefOf(e.Service)
				f := find("selector-overmatch", proven, at(ref, "spec.selector"),
					fmt.Sprintf("%s selects %s, which besides the pods of gateway %s also matches those of %s; they do not know %s", ref, pairs(e.Service.Spec.Selector), fleet.Object, other, r.Object)).
					on(r).as(model.NoRoute).relates("workload", fleet.Object).relates("service", ref).
					because("model", fmt.Sprintf("pod %s is a gateway for other routes", pod.Name), snapshot.RefOf(pod), time.Time{})
				f.unlogged = true
				out = append(out, f)
			}
		}
	}
	return out
}

// foreignFleet is a gateway to which a Service leads and that is none of some, with a pod of it; no pod if there is none.
func (v *view) foreignFleet(e path.Entry, own []path.Fleet) (model.Ref, *corev1.Pod) {
	for _, end := range e.Ends {
		if end.Pod == nil {
			continue
		}
		f, ok := v.m.FleetOf(snapshot.RefOf(end.Pod))
		if ok && f.Proxy != "" && !slices.ContainsFunc(own, func(o path.Fleet) bool { return o.Object == f.Object }) {
			return f.Object, end.Pod
		}
	}
	return model.Ref{}, nil
}

// entryLeg makes a leg without an end of a Service in front of a gateway.
func entryLeg(svc *corev1.Service) path.Leg {
	return path.Leg{Backend: path.Backend{Service: snapshot.RefOf(svc)}, Presence: snapshot.Present, Service: svc, Port: &svc.Spec.Ports[0]}
}
