package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func staleEndpoints() Analyzer {
	return Analyzer{
		Cause:  "stale-endpoints",
		Doc:    "Finds proxies and EndpointSlices that hold addresses which no pod has any more, or lack those of ready pods.",
		Inputs: append(podKinds(), snapshot.Nodes), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if f, ok := v.staleSlices(l); ok {
					out = append(out, f.on(r))
				}
				out = append(out, v.staleLoaded(r, l)...)
			}
			for _, w := range v.workloads {
				if f, ok := v.staleProxy(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// staleProxy finds requests that a proxy sent, long after every change, to addresses that no endpoint has;
// or for which it knew no endpoint though there were some all the time.
func (v *view) staleProxy(w *workload) (finding, bool) {
	if w.serving == 0 || v.explainedWorkload(w) || !slices.ContainsFunc(w.legs, func(l path.Leg) bool { return len(l.ReadyEnds()) > 0 }) {
		return finding{}, false
	}
	t := v.fatesOf(w)
	old, none := t.by[stale], []*model.Signal(nil)
	for _, s := range t.by[unserved] {
		if v.servedSince(w, s.At) >= longGone {
			none = append(none, s)
		}
	}
	open := func(r *route) bool { return !v.explains(r, model.NoEndpoints) }
	if !lasting(t.routes, none) || !slices.ContainsFunc(t.routes, open) {
		none = nil // it only was late, or said so of something that has passed or that has another reason
	}
	met := append(slices.Clone(old), none...)
	if len(met) < 2 || len(met)*2 < len(t.all) {
		return finding{}, false
	}
	first, _ := span(met)
	object, who := v.staleAt(t.routes[0], met)
	text := fmt.Sprintf("%s still sends to %s, which no endpoint of %s has any more: %d of %d failed requests", who, strings.Join(addresses(old), ", "), w.service(), len(old), len(t.all))
	if len(none) > len(old) {
		text = fmt.Sprintf("%s knows no endpoint of %s, which has had ready ones for long: %d of %d failed requests", who, w.service(), len(none), len(t.all))
	}
	f := find("stale-endpoints", proven, object, text).
		on(t.routes...).as(raceKinds()...).covering(met).since(first).
		relates("workload", w.ref).relates("service", w.service()).
		because("proxy-log", fmt.Sprintf("%d requests failed from then on, when nothing had changed at the pods of %s for %s or more", len(met), w.ref, longGone), w.ref, first)
	return f, true
}

// lasting reports whether failures went on for some time, and no request has succeeded since they began.
func lasting(routes []*route, ss []*model.Signal) bool {
	first, last := span(ss)
	return last.Sub(first) >= 2*quiet && !slices.ContainsFunc(routes, func(r *route) bool {
		return len(r.succeeded) > 0 && r.succeeded[len(r.succeeded)-1].After(first)
	})
}

// staleAt is what does not follow: the gateway's workload, or one pod of it, if all the failures are from that
// one and it has others beside it; the Service where nothing tells which gateway it is.
func (v *view) staleAt(r *route, met []*model.Signal) (model.FieldRef, string) {
	said := met[0].Gateway
	if said.IsZero() || slices.ContainsFunc(met, func(s *model.Signal) bool { return s.Gateway != said }) {
		said = model.Ref{}
	}
	pods := v.m.Gateways(r.Route)
	for _, p := range pods {
		ref := v.s.WorkloadOf(p)
		if said.Name != "" && p.Name != said.Name {
			continue
		}
		if said.Name != "" && slices.ContainsFunc(pods, func(o *corev1.Pod) bool { return o != p && v.s.WorkloadOf(o) == ref }) {
			ref = said
		}
		return at(ref, ""), "gateway " + ref.String()
	}
	if !said.IsZero() {
		return at(said, ""), "gateway " + said.String()
	}
	return at(r.legs[0].Backend.Service, ""), "the gateway (" + cmp.Or(r.Proxy, "proxy") + ")"
}

// servedSince is for how long, at a time, a workload had had a ready pod without a break; zero if that is
// not known.
func (v *view) servedSince(w *workload, at time.Time) time.Duration {
	longest := time.Duration(0)
	for _, l := range v.podsIn(w.ref.Namespace).Of(w.ref) {
		if !l.Ready.IsZero() && l.Told.IsZero() {
			longest = max(longest, at.Sub(l.Ready))
		}
	}
	return longest
}

// addresses lists where failed requests went, the first few.
func addresses(ss []*model.Signal) []string {
	var out []string
	for _, s := range ss {
		if h := lastHost(s); h != "" && !slices.Contains(out, h) && len(out) < most {
			out = append(out, h)
		}
	}
	slices.Sort(out)
	return out
}

// staleSlices finds EndpointSlices that name pods which do not exist, or addresses which their pods do not
// have. The endpoints controller writes them within a second; then it does not run, or somebody else
// writes them.
func (v *view) staleSlices(l path.Leg) (finding, bool) {
	if l.Service == nil || len(l.Service.Spec.Selector) == 0 || !v.s.Pods().Covers(l.Service.Namespace) {
		return finding{}, false
	}
	for _, es := range v.s.SlicesOf(l.Service.Namespace, l.Service.Name) {
		for i, e := range es.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready || e.TargetRef == nil || e.TargetRef.Kind != "Pod" {
				continue
			}
			why := v.outdated(es, e)
			if why == "" {
				continue
			}
			ref := snapshot.RefOf(es)
			return find("stale-endpoints", proven, at(ref, fmt.Sprintf("endpoints[%d]", i)), fmt.Sprintf("%s publishes %s for %s: %s", ref, strings.Join(e.Addresses, ", "), serviceRef(l), why)).
				as(model.ConnectTimeout, model.Refused, model.OtherFailure, model.Reset).
				relates("service", serviceRef(l)).
				because("object", why, ref, time.Time{}), true
		}
	}
	return finding{}, false
}

// outdated says why an endpoint is not, or not any more, that of its pod; empty if it is, or if it may be
// behind by no more than a moment.
func (v *view) outdated(es *discoveryv1.EndpointSlice, e discoveryv1.Endpoint) string {
	namespace := cmp.Or(e.TargetRef.Namespace, es.Namespace)
	p, presence := v.s.Pods().Get(namespace, e.TargetRef.Name)
	switch {
	case presence == snapshot.Absent:
		return "pod " + e.TargetRef.Name + " does not exist"
	case presence != snapshot.Present || p.Status.PodIP == "" || slices.Contains(e.Addresses, p.Status.PodIP):
		return ""
	case slices.ContainsFunc(p.Status.PodIPs, func(ip corev1.PodIP) bool { return slices.Contains(e.Addresses, ip.IP) }):
		return ""
	case v.s.At().Sub(p.CreationTimestamp.Time) < longGone:
		return ""
	}
	return "pod " + p.Name + " has the address " + p.Status.PodIP
}
