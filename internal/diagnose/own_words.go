package diagnose

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// ownWords is what a gateway or a controller said of itself: a line of its log that is about no request,
// with those that belong to it, or an event about its pod.
type ownWords struct {
	text   string
	at     time.Time // zero for log lines, of which many carry no date
	source string
	pod    model.Ref
	fleet  path.Fleet
	known  bool // whether the pod is of a gateway or control plane that we see
}

// evidence quotes it.
func (s ownWords) evidence() model.Evidence {
	kind := "controller-log"
	if !s.at.IsZero() {
		kind = "event"
	}
	text := strings.TrimSpace(s.text)
	if len(text) > longestQuote {
		text = text[:longestQuote]
	}
	return model.Evidence{Kind: kind, Text: text, At: s.at, Source: s.source}
}

const longestQuote = 400

// sayings gathers what gateways and controllers said of themselves. Logs of pods that serve a route's
// requests as backends are applications' and left out.
func (v *view) sayings() []ownWords {
	var out []ownWords
	for _, log := range v.in.Logs {
		s := ownWords{pod: log.Pod, source: sourceOf(log)}
		s.fleet, s.known = v.m.FleetOf(log.Pod)
		if !s.known && v.isBackend(log.Pod) {
			continue
		}
		for _, line := range log.Lines {
			s.text = line
			out = append(out, s)
		}
	}
	for e := range v.s.Events().All() {
		if e.InvolvedObject.Kind != "Pod" || e.Type != corev1.EventTypeWarning {
			continue
		}
		ref := model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: e.InvolvedObject.Namespace, Name: e.InvolvedObject.Name}
		if f, ok := v.m.FleetOf(ref); ok {
			out = append(out, ownWords{text: e.Reason + ": " + e.Message, at: snapshot.EventTime(e), pod: ref, fleet: f, known: true})
		}
	}
	return out
}

// isBackend reports whether a pod is one of those to which routes lead.
func (v *view) isBackend(pod model.Ref) bool {
	return slices.ContainsFunc(v.workloads, func(w *workload) bool { return len(w.routes) > 0 && v.ofWorkload(w, pod) })
}

// governs lists the routes in question that a fleet serves or controls; all of them if it is not known
// which.
func (v *view) governs(s ownWords) []*route {
	if !s.known {
		return v.routes
	}
	var out []*route
	for _, r := range v.routes {
		of := func(f path.Fleet) bool { return f.Object == s.fleet.Object }
		if slices.ContainsFunc(v.m.Fleets(r.Route), of) || slices.ContainsFunc(v.m.ControlPlanes(r.Route), of) {
			out = append(out, r)
		}
	}
	return out
}

// stuck lists the routes of some that a configuration which is not applied may hurt: those that fail for
// no reason found so far, and those of which no request was seen, so that nothing says that they work.
func (v *view) stuck(rs []*route) []*route {
	open := v.open()
	var out []*route
	for _, r := range rs {
		if slices.Contains(open, r) || r.requests == 0 && !r.failing() {
			out = append(out, r)
		}
	}
	return out
}

// byStuckProxy are the failures of a proxy whose configuration does not follow the objects: what is new is
// not routed, what is gone is still asked.
func byStuckProxy() []model.FailureKind {
	return []model.FailureKind{model.NoRoute, model.NoEndpoints, model.Refused, model.ConnectTimeout, model.Reset, model.ClosedEarly, model.TLS, model.Protocol}
}

// isLogOf reports whether a log is of a pod; logs of which nobody knows the namespace go by the pod's name alone.
func isLogOf(log model.LogExcerpt, p *corev1.Pod) bool {
	return p.Name == log.Pod.Name && (log.Pod.Namespace == "" || log.Pod.Namespace == p.Namespace)
}

// sourceOf is where a log's lines are from: namespace, pod and container.
func sourceOf(log model.LogExcerpt) string {
	return log.Pod.Namespace + "/" + log.Pod.Name + "/" + log.Container
}
