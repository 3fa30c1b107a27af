// Package early tells from two states of a cluster, one after the other, which routes are about to fail: the
// last ready endpoint of their Service vanished, the Service itself did, or a pod behind it died; or the last
// ready pod of their gateway did. The API server knows that before the first request fails, and before any
// gateway logs it, which one that is down never does.
//
// Whether requests fail is not guessed: the model of a request walks each such route in both states.
package early

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Warning is one thing that went wrong between two states.
type Warning struct {
	Object model.Ref // the Service, or the workload of the gateway
	Text   string
	Routes []path.Route // to the Service, or through the gateway and no other one
	// Fails are those of Routes that were predicted to work before and are predicted to fail now.
	Fails []path.Route
}

// Compare says what went wrong from one state to the next: with gateways first, then with Services, each sorted.
// Those that no route needs are left out, and so is what could not be looked at in either state.
func Compare(before, after *path.Map) []Warning {
	warnings := fallen(before, after)
	for _, service := range shrunk(before.Snapshot(), after.Snapshot()) {
		routes := after.To(service.Namespace, service.Name)
		if len(routes) == 0 {
			continue
		}
		text := why(service, before.Snapshot(), after.Snapshot())
		if text == "" {
			continue
		}
		w := Warning{Object: service, Text: text, Routes: routes}
		for _, r := range routes {
			if !failing(before.WalkRoute(r)) && failing(after.WalkRoute(r)) {
				w.Fails = append(w.Fails, r)
			}
		}
		warnings = append(warnings, w)
	}
	return warnings
}

// fallen says which gateways had a ready pod and have none now, with the routes that nothing else serves.
func fallen(before, after *path.Map) (out []Warning) {
	for _, f := range before.AllFleets() {
		if ready, known := before.FleetReady(f); f.Proxy == "" || !ready || !known {
			continue
		}
		now, why := fleetOf(after, f.Object)
		if ready, known := after.FleetReady(now); why == "" && (ready || !known) {
			continue
		}
		w := Warning{Object: f.Object, Text: why}
		for _, r := range after.Routes() {
			_, text, down := after.Down(r)
			if !down && (why == "" || len(after.Fleets(r)) > 0) || !through(before, r, f.Object) {
				continue
			}
			if _, _, was := before.Down(r); !was {
				w.Routes = append(w.Routes, r)
				w.Text = cmp.Or(w.Text, text)
			}
		}
		if w.Fails = w.Routes; len(w.Routes) > 0 {
			out = append(out, w)
		}
	}
	return out
}

// fleetOf finds a gateway's workload, or says that it was deleted. Where it could not be looked at it is as empty as its
// pods are then unknown.
func fleetOf(m *path.Map, object model.Ref) (f path.Fleet, gone string) {
	all := m.AllFleets()
	if i := slices.IndexFunc(all, func(f path.Fleet) bool { return f.Object == object }); i >= 0 {
		return all[i], ""
	}
	if _, p := m.Snapshot().Lookup(object); p == snapshot.Absent {
		gone = fmt.Sprintf("the gateway's %s was deleted", object)
	}
	return path.Fleet{Object: object}, gone
}

// through reports whether a workload is among those that may serve a route.
func through(m *path.Map, r path.Route, object model.Ref) bool {
	return slices.ContainsFunc(m.Fleets(r), func(f path.Fleet) bool { return f.Object == object })
}

// failing reports whether some requests would be answered with an error of the server.
func failing(t model.Trace) bool {
	for status := range strings.SplitSeq(t.Predicts, "|") {
		if strings.HasPrefix(status, "5") {
			return true
		}
	}
	return false
}

// shrunk lists the Services that have fewer ready endpoints than before, or are gone.
func shrunk(before, after *snapshot.Snapshot) []model.Ref {
	if !seen(before, snapshot.EndpointSlices) || !seen(after, snapshot.EndpointSlices) {
		return nil
	}
	changed := map[model.Ref]bool{}
	for d := range after.Since(before, snapshot.EndpointSlices) {
		if d.Before == nil {
			continue // of a Service that has more than before, unless another slice has fewer
		}
		if name := d.Before.GetLabels()[discoveryv1.LabelServiceName]; name != "" {
			changed[model.Ref{APIVersion: "v1", Kind: "Service", Namespace: d.Before.GetNamespace(), Name: name}] = true
		}
	}
	var out []model.Ref
	for service := range changed {
		if len(lost(service, before, after)) > 0 {
			out = append(out, service)
		}
	}
	slices.SortFunc(out, model.Ref.Compare)
	return out
}

func seen(s *snapshot.Snapshot, k snapshot.Kind) bool {
	c, _ := s.Coverage(k)
	return c.Whole() || c == snapshot.Partial
}

// end is a ready endpoint.
type end struct {
	address string
	pod     string // empty if it is none
}

// ready lists the ready endpoints of a Service, sorted. Slices that do not say so are ready
// (kubernetes/api, discovery/v1: EndpointConditions).
func ready(service model.Ref, s *snapshot.Snapshot) []end {
	var ends []end
	for _, slice := range s.SlicesOf(service.Namespace, service.Name) {
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			var pod string
			if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
				pod = e.TargetRef.Name
			}
			for _, a := range e.Addresses {
				ends = append(ends, end{a, pod})
			}
		}
	}
	slices.SortFunc(ends, func(a, b end) int { return cmp.Or(cmp.Compare(a.address, b.address), cmp.Compare(a.pod, b.pod)) })
	return slices.Compact(ends)
}

// lost lists the endpoints that were ready and are not any more.
func lost(service model.Ref, before, after *snapshot.Snapshot) []end {
	now := ready(service, after)
	return slices.DeleteFunc(ready(service, before), func(e end) bool { return slices.Contains(now, e) })
}

// why says what went wrong; nothing if it is the ordinary coming and going of pods.
func why(service model.Ref, before, after *snapshot.Snapshot) string {
	gone, left := lost(service, before, after), ready(service, after)
	var deaths []string
	for _, e := range gone {
		if d := death(service.Namespace, e.pod, before, after); d != "" {
			deaths = append(deaths, d)
		}
	}
	because := strings.Join(deaths, ", ")
	if _, p := after.Services().Get(service.Namespace, service.Name); p == snapshot.Absent {
		return fmt.Sprintf("Service %s/%s was deleted", service.Namespace, service.Name)
	}
	switch {
	case len(left) == 0 && because != "":
		return fmt.Sprintf("the last ready endpoint of Service %s/%s vanished: %s", service.Namespace, service.Name, because)
	case len(left) == 0:
		return fmt.Sprintf("the last ready endpoint of Service %s/%s vanished", service.Namespace, service.Name)
	case because != "":
		return fmt.Sprintf("%s behind Service %s/%s, which has %d ready endpoints left", because, service.Namespace, service.Name, len(left))
	default:
		return ""
	}
}

// death says how a pod came to its end, if that was no ordinary one.
func death(namespace, name string, before, after *snapshot.Snapshot) string {
	if name == "" {
		return ""
	}
	pod, presence := after.Pods().Get(namespace, name)
	was, _ := before.Pods().Get(namespace, name)
	switch {
	case presence != snapshot.Present || pod.DeletionTimestamp != nil:
		return "" // as pods are deleted in every rollout
	case pod.Status.Phase == corev1.PodFailed:
		return fmt.Sprintf("pod %s failed (%s)", name, cmp.Or(pod.Status.Reason, "its containers ended"))
	}
	for _, c := range pod.Status.ContainerStatuses {
		if t := ended(c); t != nil && (was == nil || restarts(was, c.Name) < c.RestartCount || c.State.Terminated != nil) {
			return fmt.Sprintf("container %s of pod %s ended (%s, status %d)", c.Name, name, cmp.Or(t.Reason, "no reason given"), t.ExitCode)
		}
	}
	if isReady(pod) {
		return "" // by its own word, which may be older than the slice
	}
	return fmt.Sprintf("pod %s is no longer ready", name)
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// ended is the last end of a container.
func ended(c corev1.ContainerStatus) *corev1.ContainerStateTerminated {
	if c.State.Terminated != nil {
		return c.State.Terminated
	}
	return c.LastTerminationState.Terminated
}

func restarts(pod *corev1.Pod, container string) int32 {
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name == container {
			return c.RestartCount
		}
	}
	return 0
}
