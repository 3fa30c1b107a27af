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

// A pod that stops leaves the proxies' configuration some seconds after it began to stop, and the
// endpoints controller works in batches: errors between before and after the moment at which it began
// are due to that.
const (
	beforeStop = 2 * time.Second
	afterStop  = 30 * time.Second
)

func terminationRace() Analyzer {
	return Analyzer{
		Cause:  "termination-race",
		Doc:    "Finds workloads whose pods stop before the proxies stop sending to them.",
		Inputs: append(podKinds(), snapshot.Nodes), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if f, ok := v.race(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// race lines the failures of a workload's routes up with the stops of its pods.
func (v *view) race(w *workload) (finding, bool) {
	if w.serving == 0 || v.explainedWorkload(w) {
		return finding{}, false
	}
	stops := v.stops(w)
	routes, failed := lost(w)
	all, gone, near := len(failed), 0, 0
	var first time.Time
	for _, s := range failed {
		if v.left(w, s) {
			gone++
		}
		if timely(s, stops) {
			near++
		}
		if first.IsZero() || s.At.Before(first) {
			first = s.At
		}
	}
	if all == 0 || gone*2 < all && near*2 < all {
		return finding{}, false
	}
	field, c := v.stopHook(w)
	if c == nil {
		return finding{}, false
	}
	confidence, hook := proven, "has no preStop hook"
	switch {
	case c.Lifecycle != nil && c.Lifecycle.PreStop != nil:
		confidence, hook = likely, "has a preStop hook that may be too short"
	case gone*2 < all && len(stops) == 0, near*2 < all && gone*2 < all:
		confidence = likely
	}
	f := find("termination-race", confidence, at(w.ref, field),
		fmt.Sprintf("pods of %s stop before the proxies stop sending to them: %d of %d failed requests went to pods that were stopping or gone, and container %s %s", w.ref, max(gone, near), all, c.Name, hook)).
		on(routes...).as(model.Refused, model.ClosedEarly, model.Reset, model.ConnectTimeout, model.NoEndpoints).since(first).
		relates("workload", w.ref).relates("service", w.service()).
		because("proxy-log", fmt.Sprintf("%d of %d failed requests went to addresses that are behind no ready endpoint any more", gone, all), w.ref, first)
	if near > 0 {
		f = f.because("event", fmt.Sprintf("%d of %d failed requests fall in the %s after a pod of %s was told to stop (%s)", near, all, afterStop, w.ref, times(stops)), w.ref, stops[0])
	}
	if confidence == proven {
		f = f.wants(fmt.Sprintf(`{"sleep":{"seconds":%d}}`, pause(w)))
	}
	return f, true
}

// lost gathers the failures of a workload's routes that a pod which stops may cause, and the routes.
func lost(w *workload) (routes []*route, failed []model.Signal) {
	for _, r := range w.routes {
		mine := r.hits(model.Refused, model.ClosedEarly, model.Reset, model.ConnectTimeout, model.NoEndpoints, model.OtherFailure)
		if len(mine) > 0 && !slices.Contains(routes, r) {
			routes, failed = append(routes, r), append(failed, mine...)
		}
	}
	return routes, failed
}

// timely reports whether a failure falls in the time around one of the stops.
func timely(s model.Signal, stops []time.Time) bool {
	return slices.ContainsFunc(stops, func(t time.Time) bool {
		return !s.At.Before(t.Add(-beforeStop)) && !s.At.After(t.Add(afterStop))
	})
}

// pause is how long a pod should wait before it stops: longer than proxies need to learn of it, and
// short of the grace period.
func pause(w *workload) int64 {
	const usual = 15
	grace := int64(30)
	if g := w.template.template.Spec.TerminationGracePeriodSeconds; g != nil {
		grace = *g
	}
	return max(1, min(usual, grace-5))
}

// left reports whether a failed request was sent to an address of no current ready endpoint.
func (v *view) left(w *workload, s model.Signal) bool {
	if len(s.Tries) == 0 {
		return false
	}
	last := s.Tries[len(s.Tries)-1]
	host := hostOf(last.Address)
	if host == "" || host == "-" {
		return false
	}
	for _, l := range w.legs {
		for _, e := range l.ReadyEnds() {
			if e.IP == host {
				// An address that was given to a new pod after the failure was another's then.
				return e.Pod != nil && e.Pod.CreationTimestamp.After(s.At)
			}
		}
	}
	for _, l := range w.legs {
		if l.Service != nil && l.Service.Spec.ClusterIP == host {
			return false
		}
	}
	return true
}

// stops lists when pods of a workload were told to stop, oldest first: as far as events and pods
// still tell, else when a new revision took over.
func (v *view) stops(w *workload) []time.Time {
	var out []time.Time
	add := func(t time.Time) {
		if !t.IsZero() {
			out = append(out, t)
		}
	}
	for _, p := range w.pods {
		if p.DeletionTimestamp == nil {
			continue
		}
		grace := int64(30)
		if p.DeletionGracePeriodSeconds != nil {
			grace = *p.DeletionGracePeriodSeconds
		}
		add(p.DeletionTimestamp.Add(-time.Duration(grace) * time.Second))
	}
	for e := range v.s.Events().In(w.ref.Namespace) {
		o := e.InvolvedObject
		switch {
		case e.Reason == "Killing" && o.Kind == "Pod" && strings.HasPrefix(o.Name, w.ref.Name+"-") && !strings.Contains(e.Message, "probe"):
			add(snapshot.EventTime(e))
		case e.Reason == "SuccessfulDelete" && strings.HasPrefix(o.Name, w.ref.Name):
			add(snapshot.EventTime(e))
		case e.Reason == "ScalingReplicaSet" && o.Name == w.ref.Name && strings.HasPrefix(e.Message, "Scaled down"):
			add(snapshot.EventTime(e))
		}
	}
	if len(out) == 0 {
		for _, p := range w.pods {
			if c := path.PodCondition(p, corev1.PodReady); w.before != nil && w.current(p) && c != nil && c.Status == corev1.ConditionTrue {
				add(c.LastTransitionTime.Time) // a new pod that is ready lets an old one be stopped
			}
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

func times(ts []time.Time) string {
	var out []string
	for _, t := range ts {
		if c := clock(t); !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	if len(out) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(out[:most], ", "), len(out)-most)
	}
	return strings.Join(out, ", ")
}

// stopHook is the field of the container that should wait: the one that serves.
func (v *view) stopHook(w *workload) (field string, c *corev1.Container) {
	cs := w.template.template.Spec.Containers
	for _, l := range w.legs {
		if l.Port == nil {
			continue
		}
		n, ok := path.TargetPort(*l.Port, &w.template.template.Spec)
		for i := range cs {
			if ok && slices.ContainsFunc(cs[i].Ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == n }) {
				return fmt.Sprintf("spec.template.spec.containers[%d].lifecycle.preStop", i), &cs[i]
			}
		}
	}
	if len(cs) == 0 {
		return "", nil
	}
	return "spec.template.spec.containers[0].lifecycle.preStop", &cs[0]
}
