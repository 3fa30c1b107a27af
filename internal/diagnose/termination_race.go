package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
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
	t := v.fatesOf(w)
	failed := t.of(atStop, departed)
	addressed := len(failed)
	for _, s := range t.by[untold] {
		if timely(s, t.stops) {
			failed = append(failed, s)
		}
	}
	all := len(t.all)
	if len(failed) == 0 || len(failed)*2 < all-t.count(atStart, lost) {
		return finding{}, false
	}
	field, c := v.stopHook(w)
	if c == nil {
		return finding{}, false
	}
	first, last := span(failed)
	confidence, hook := proven, "has no preStop hook"
	pauses, grace := pauseOf(c), graceOf(w)
	switch {
	case pauses >= grace:
		field = "spec.template.spec.terminationGracePeriodSeconds"
		hook = fmt.Sprintf("waits %s before it stops, and is killed after %s", pauses, grace)
	case c.Lifecycle != nil && c.Lifecycle.PreStop != nil:
		confidence, hook = likely, "has a preStop hook that may be too short"
	case len(t.stops) == 0:
		confidence = likely
	}
	if stopped(failed, t.stops) == 0 && last.Sub(first) > longGone {
		return finding{}, false // no pod stops for as long as that
	}
	f := find("termination-race", confidence, at(w.ref, field),
		fmt.Sprintf("pods of %s stop before the proxies stop sending to them: %d of %d failed requests went to pods that were stopping or gone, and container %s %s", w.ref, len(failed), all, c.Name, hook)).
		on(t.routes...).as(raceKinds()...).covering(failed).since(first).
		relates("workload", w.ref).relates("service", w.service())
	if addressed > 0 {
		f = f.because("proxy-log", fmt.Sprintf("%d of %d failed requests went to addresses that are behind no ready endpoint any more", addressed, all), w.ref, first)
	}
	if n := stopped(failed, t.stops); n > 0 {
		f = f.because("event", fmt.Sprintf("%d of %d failed requests fall in the %s after a pod of %s was told to stop (%s)", n, all, afterStop, w.ref, times(t.stops)), w.ref, t.stops[0])
	}
	if confidence == proven && pauses < grace {
		f = f.wants(fmt.Sprintf(`{"sleep":{"seconds":%d}}`, pause(w)))
	}
	f.symptomOf = "rollout-recreate-gap"
	return f, true
}

// stopped counts the failures in the time around one of the stops.
func stopped(ss []*model.Signal, stops []time.Time) int {
	n := 0
	for _, s := range ss {
		if timely(s, stops) {
			n++
		}
	}
	return n
}

// timely reports whether a failure falls in the time around one of the stops.
func timely(s *model.Signal, stops []time.Time) bool {
	failed := endOf(s)
	return slices.ContainsFunc(stops, func(t time.Time) bool {
		return !failed.Before(t.Add(-beforeStop)) && !failed.After(t.Add(afterStop))
	})
}

// endOf is when a request failed. One that was cut off failed at its end, and had perhaps been under way for long; Envoy's
// START_TIME, HAProxy's accept date and Traefik's StartUTC are when a request began, where nginx, Kong and Caddy write the end.
func endOf(s *model.Signal) time.Time {
	cut := s.Failure == model.ClosedEarly || s.Failure == model.Reset
	if cut && !s.ErrorLog && slices.Contains([]string{"envoy", "haproxy", "traefik"}, s.Proxy) {
		return s.At.Add(s.Duration)
	}
	return s.At
}

// pause is how long a pod should wait before it stops: longer than proxies need to learn of it, and
// short of the grace period.
func pause(w *workload) int64 {
	const usual = 15
	return max(1, min(usual, int64(graceOf(w)/time.Second)-5))
}

// graceOf is how long a workload's pods may take to stop.
func graceOf(w *workload) time.Duration {
	if g := w.template.template.Spec.TerminationGracePeriodSeconds; g != nil {
		return time.Duration(*g) * time.Second
	}
	return corev1.DefaultTerminationGracePeriodSeconds * time.Second
}

// pauseOf is how long a container's preStop hook waits, as far as it says so: the sleep action, or a
// command that sleeps.
func pauseOf(c *corev1.Container) time.Duration {
	if c.Lifecycle == nil || c.Lifecycle.PreStop == nil {
		return 0
	}
	h := c.Lifecycle.PreStop
	if h.Sleep != nil {
		return time.Duration(h.Sleep.Seconds) * time.Second
	}
	if h.Exec == nil {
		return 0
	}
	words := strings.Fields(strings.Join(h.Exec.Command, " "))
	for i, w := range words {
		if w != "sleep" && !strings.HasSuffix(w, "/sleep") || i+1 == len(words) {
			continue
		}
		if n, err := strconv.Atoi(strings.Trim(words[i+1], ";&|")); err == nil {
			return time.Duration(n) * time.Second
		}
	}
	return 0
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
	for _, l := range v.podsIn(w.ref.Namespace).Of(w.ref) {
		add(l.Told)
	}
	for _, e := range v.s.EventsOf(w.ref) {
		if e.Reason == "ScalingReplicaSet" && strings.HasPrefix(e.Message, "Scaled down") {
			add(snapshot.EventTime(e))
		}
	}
	if len(out) == 0 {
		for _, p := range w.pods {
			if c := path.PodCondition(p, corev1.PodReady); w.before != nil && w.current(p) && !hooked(&w.before.Spec.Template.Spec) && c != nil && c.Status == corev1.ConditionTrue {
				add(c.LastTransitionTime.Time) // a new pod that is ready lets an old one be stopped
			}
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

// hooked reports whether a container of such pods waits before it stops.
func hooked(p *corev1.PodSpec) bool {
	return slices.ContainsFunc(p.Containers, func(c corev1.Container) bool { return c.Lifecycle != nil && c.Lifecycle.PreStop != nil })
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
