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

func proxyNotRunning() Analyzer {
	return Analyzer{
		Cause:  "proxy-not-running",
		Doc:    "Finds gateways of which no pod is ready, so that none of their routes is served.",
		Inputs: append(podKinds(), snapshot.Nodes, snapshot.ConfigMaps, snapshot.Secrets, snapshot.ResourceQuotas),
		run: func(v *view) []finding {
			var out []finding
			for _, d := range v.downFleets() {
				if v.wedged(d) == "" {
					out = append(out, v.whyDown(d, "proxy-not-running", "the gateway of "+routesText(d.routes)+" is down"))
				}
			}
			return out
		},
	}
}

func proxyProcessWedged() Analyzer {
	return Analyzer{
		Cause:  "proxy-process-wedged",
		Doc:    "Finds gateways, and single pods of them, whose process still runs and answers nothing any more.",
		Inputs: append(podKinds(), snapshot.Nodes, snapshot.ConfigMaps, snapshot.Secrets, snapshot.ResourceQuotas),
		run: func(v *view) []finding {
			var out []finding
			for _, d := range v.downFleets() {
				if why := v.wedged(d); why != "" {
					f := v.whyDown(d, "proxy-process-wedged", "the gateway of "+routesText(d.routes)+" runs and is stuck")
					f.Object = at(d.workload.ref, d.containerField())
					out = append(out, f.because("status", why, d.workload.ref, time.Time{}))
				}
			}
			return append(out, v.stuckPods()...)
		},
	}
}

// sinkIn is how long a gateway must have been unready before its log tells whether it still answers: the kubelet's time is in
// whole seconds, and a line takes a moment to be read.
const sinkIn = 3 * time.Second

// answersStill reports whether the gateway of a route answers requests though no pod of it is ready, as far as its log tells by
// now. Readiness is a probe's word: on a node that is short of CPU one may time out beside requests that are answered. Where a
// container has ended, or was started again since, there is nothing to doubt.
func (v *view) answersStill(r *route) bool {
	var since time.Time
	for _, f := range v.m.Fleets(r.Route) {
		for _, p := range f.Pods {
			c := path.PodCondition(p, corev1.PodReady)
			if c == nil || c.LastTransitionTime.IsZero() || p.DeletionTimestamp != nil || len(p.Status.ContainerStatuses) == 0 {
				return false
			}
			ended := func(st corev1.ContainerStatus) bool {
				return st.State.Running == nil || st.State.Running.StartedAt.After(c.LastTransitionTime.Time)
			}
			if slices.ContainsFunc(p.Status.ContainerStatuses, ended) {
				return false
			}
			if t := c.LastTransitionTime.Time; t.After(since) {
				since = t
			}
		}
	}
	return !since.IsZero() && (v.s.At().Sub(since) < sinkIn || r.lastSeen().After(since.Add(time.Second)))
}

// throughUnready reports whether the walk of a route leads through a gateway that answers though it is not ready.
func (r *route) throughUnready() bool {
	return slices.ContainsFunc(r.trace.Hops, func(h model.Hop) bool { return h.Kind == model.HopGateway && h.Verdict == model.Suspect })
}

// lastSeen is when the last request of a route ended that its gateway logged.
func (r *route) lastSeen() time.Time {
	var last time.Time
	if n := len(r.succeeded); n > 0 {
		last = r.succeeded[n-1]
	}
	if n := len(r.signals); n > 0 && r.signals[n-1].At.After(last) {
		last = r.signals[n-1].At
	}
	return last
}

// downFleet is a gateway's workload without a ready pod, as a backend would be looked at.
type downFleet struct {
	path.Fleet
	workload *workload
	routes   []*route
}

// downFleets lists the workloads of gateways that are down, with the routes that nothing else serves.
func (v *view) downFleets() []downFleet {
	var out []downFleet
	for _, r := range v.routes {
		if _, _, down := v.m.Down(r.Route); !down {
			continue
		}
		for _, fleet := range v.m.Fleets(r.Route) {
			i := slices.IndexFunc(out, func(d downFleet) bool { return d.Object == fleet.Object })
			if i < 0 {
				out = append(out, downFleet{Fleet: fleet, workload: v.fleetWorkload(fleet)})
				i = len(out) - 1
			}
			out[i].routes = append(out[i].routes, r)
		}
	}
	return out
}

// fleetWorkload is the workload of a gateway, with the Services in front of it as legs.
func (v *view) fleetWorkload(f path.Fleet) *workload {
	w := &workload{template: template{ref: f.Object, template: &corev1.PodTemplateSpec{ObjectMeta: f.Pod.ObjectMeta, Spec: f.Pod.Spec}, replicas: f.Replicas}, pods: byName(f.Pods)}
	for _, o := range v.workloadsIn(f.Object.Namespace) {
		if o.ref.Kind == f.Object.Kind && o.ref.Name == f.Object.Name {
			w = o
		}
	}
	return w
}

// whyDown lets the analyzers of backends look at the gateway's pods: what keeps any pod from serving
// keeps a gateway's. The first thing that they find is the reason.
func (v *view) whyDown(d downFleet, id model.CauseID, what string) finding {
	w := *d.workload
	w.came = v.arrival(&w)
	carried := w // with the routes whose requests tell of its revisions: no other gateway may have answered them
	for _, r := range d.routes {
		if fleets := v.m.Fleets(r.Route); len(fleets) == 1 && fleets[0].Object == d.Object {
			carried.routes = append(carried.routes, r)
		}
		w.legs = append(w.legs, v.front(d))
	}
	w.good = v.proveGood(&carried)
	w.routes = slices.Concat(w.routes, d.routes)
	sub := &view{s: v.s, m: v.m, in: v.in, routes: d.routes, workloads: []*workload{&w}, troubles: v.troubles, made: v.made}
	for _, a := range []Analyzer{
		noReplicas(), admissionRejected(), unschedulable(), volumeUnavailable(), nodeNotReady(), configMissing(), imagePull(),
		sandboxFailed(), initBlocked(), oomKilled(), livenessProbeKills(), containerCrashloop(), readinessProbeMisconfigured(), podsNotReady(),
	} {
		old := func(p *corev1.Pod) bool { return !v.young(p) }
		begins := a.Cause == "pods-not-ready" && !slices.ContainsFunc(sub.affected(&w, a.Cause), old)
		if begins {
			w.good = "" // a revision that may only need its time is none to go back from
		}
		found := a.run(sub)
		if len(found) == 0 {
			continue
		}
		f := found[0]
		f.Explains = append(f.Explains, fmt.Sprintf("%s: %s", f.ID, f.Summary))
		if f = f.of(d, id, what); begins {
			f.Confidence = min(f.Confidence, likely)
		}
		return f
	}
	why := fmt.Sprintf("%s has no pod that is ready", d.workload.ref)
	return find("", proven, at(d.workload.ref, ""), why).because("status", why, d.workload.ref, time.Time{}).of(d, id, what)
}

// of makes of a finding about pods one about a gateway or its control plane.
func (f finding) of(d downFleet, id model.CauseID, what string) finding {
	named := find(id, max(f.Confidence, proven), f.Object, what+": "+f.Summary)
	f.ID, f.Family, f.Confidence, f.Summary = named.ID, named.Family, named.Confidence, named.Summary
	f.routes, f.dormant, f.symptomOf = nil, false, ""
	if slices.ContainsFunc(d.routes, (*route).throughUnready) {
		f.Confidence = likely
	}
	return f.on(d.routes...).as(byStuckProxy()...).relates("workload", d.workload.ref)
}

// front is the Service in front of a gateway, as a leg without an end.
func (v *view) front(d downFleet) path.Leg {
	l := path.Leg{Presence: snapshot.Present, Service: &corev1.Service{}, Port: &corev1.ServicePort{}}
	for _, e := range d.Entries {
		if e.Stray {
			continue
		}
		l = entryLeg(e.Service)
		if e.Service.Spec.Type == corev1.ServiceTypeLoadBalancer {
			break
		}
	}
	l.Selected = d.workload.pods
	return l
}

// wedged says why it is taken that a gateway's process runs and does not answer any more: its pods had been ready
// for long, nothing restarted them, and their probes time out instead of being refused.
func (v *view) wedged(d downFleet) (why string) {
	if len(d.workload.pods) == 0 {
		return ""
	}
	for _, p := range d.workload.pods {
		c, e := path.PodCondition(p, corev1.PodReady), v.unhealthy(p)
		if c == nil || e == nil || v.trouble(p).cause != "pods-not-ready" || !timedOut(e.Message) {
			return ""
		}
		for _, st := range p.Status.ContainerStatuses {
			if st.State.Running == nil || c.LastTransitionTime.Sub(st.State.Running.StartedAt.Time) < 5*starting {
				return ""
			}
		}
	}
	p := d.workload.pods[0]
	return fmt.Sprintf("pod %s was ready for long, still runs, and does not answer its probe: %s", p.Name, strings.TrimSpace(v.unhealthy(p).Message))
}

// timedOut recognises the kubelet's words for a probe without an answer.
func timedOut(message string) bool {
	return strings.Contains(message, "context deadline exceeded") || strings.Contains(message, "Client.Timeout") || strings.Contains(message, "i/o timeout") || strings.Contains(message, "timed out")
}

// containerField is the container of the proxy.
func (d downFleet) containerField() string {
	for i := range d.Pod.Spec.Containers {
		for _, p := range d.workload.pods {
			for _, st := range p.Status.ContainerStatuses {
				if st.Name == d.Pod.Spec.Containers[i].Name && !st.Ready {
					return fmt.Sprintf("spec.template.spec.containers[%d]", i)
				}
			}
		}
	}
	return ""
}

// routesText names one route, and how many more there are.
func routesText(rs []*route) string {
	if len(rs) > 1 {
		return fmt.Sprintf("%s and %d more routes", rs[0], len(rs)-1)
	}
	return rs[0].String()
}
