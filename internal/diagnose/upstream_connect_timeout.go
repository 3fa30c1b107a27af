package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func upstreamConnectTimeout() Analyzer {
	return Analyzer{
		Cause:  "upstream-connect-timeout",
		Doc:    "Finds routes on which some connections are not accepted in the time that the proxy allows.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.Services, snapshot.ConfigMaps, snapshot.HTTPRoutes, snapshot.Nodes, snapshot.Other},
		stage:  byRest,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.open() {
				hits := r.hits(model.ConnectTimeout)
				if len(hits) == 0 || v.explains(r, model.ConnectTimeout) {
					continue
				}
				if f, ok := v.notAccepted(r, hits); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// brisk is a connect timeout that a healthy pod can miss: one lost packet is sent again after a second.
const brisk = time.Second

// notAccepted explains connections that time out while others are accepted: by a limit that is too short, else
// by a backend that does not accept in time. Where none is accepted, packets are lost for another reason.
func (v *view) notAccepted(r *route, hits []model.Signal) (finding, bool) {
	for _, k := range v.connectLimits(r) {
		if !k.standby && k.set <= brisk {
			f := find("upstream-connect-timeout", proven, k.at, fmt.Sprintf("the proxy waits only %s until a connection for %s is accepted", k.set, r)).
				on(r).as(model.ConnectTimeout).since(hits[0].At).
				because("object", fmt.Sprintf("%s is %s", k.at.Field, k.set), k.at.Ref, time.Time{})
			return v.relateBackend(f, r), true
		}
	}
	if len(r.succeeded) == 0 || len(r.legs) == 0 {
		return finding{}, false
	}
	object := at(serviceRef(r.legs[0]), "")
	if refs := v.behind(r.legs[0]); len(refs) > 0 {
		object = at(refs[0], "")
	}
	confidence := likely
	if c, _ := v.s.Coverage(snapshot.Nodes); !c.Whole() {
		confidence = possible // a node that went away looks the same
	}
	f := find("upstream-connect-timeout", confidence, object, fmt.Sprintf("%s does not accept %d of %d connections for %s in time", object.Ref, len(hits), r.requests, r)).
		on(r).as(model.ConnectTimeout).since(hits[0].At)
	return v.relateBackend(f, r), true
}

// connectLimits lists what limits the time for a connection on a route, what is written first.
func (v *view) connectLimits(r *route) []knob {
	var out []knob
	for _, l := range r.legs {
		if x, ok := v.m.Setting(r.Route, l, proxy.ConnectTimeout); ok && x.Time > 0 {
			out = append(out, knob{x.At, x.Time, x.Default})
		}
		for o := range v.s.Others().All() {
			host, _ := dig(o.Object, "spec.host").(string)
			if o.GetKind() != "DestinationRule" || l.Service == nil || !hostIs(host, o.GetNamespace(), l.Service) {
				continue
			}
			const field = "spec.trafficPolicy.connectionPool.tcp.connectTimeout"
			if d, ok := timeIn(dig(o.Object, field)); ok {
				out = append(out, knob{at: at(snapshot.RefOf(o), field), set: d})
			}
		}
	}
	out = append(out, v.policyTimes(r, "BackendTrafficPolicy", "spec.timeout.tcp.connectTimeout")...)
	out = append(out, v.controllerTimes(r, "proxy-connect-timeout", "timeout-connect")...)
	slices.SortStableFunc(out, func(a, b knob) int { return order(a.standby) - order(b.standby) })
	return out
}
