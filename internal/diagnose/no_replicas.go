package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func noReplicas() Analyzer {
	return Analyzer{
		Cause:  "no-replicas",
		Doc:    "Finds workloads that are scaled to zero while a route needs them.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Deployments, snapshot.StatefulSets, snapshot.ReplicaSets, snapshot.HorizontalAutoscalers, snapshot.Events, snapshot.Other},
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if w.replicas != 0 || len(w.routes) == 0 || !w.hurt() {
					continue // at zero on no route, or beside others that serve: meant so
				}
				if len(w.pods) > 0 && w.serving > 0 {
					continue
				}
				out = append(out, v.scaledDown(w))
			}
			return out
		},
	}
}

func (v *view) scaledDown(w *workload) finding {
	f := find("no-replicas", proven, at(w.ref, "spec.replicas"), fmt.Sprintf("%s is scaled to zero", w.ref)).
		on(w.routes...).as(model.NoEndpoints, model.NoRoute, model.Refused, model.ConnectTimeout, model.ClosedEarly, model.Reset).
		relates("workload", w.ref).relates("service", w.service()).
		because("object", "spec.replicas is 0", w.ref, time.Time{})
	if by, why := v.sleeps(w); why != "" {
		f = f.because("object", why, by, time.Time{})
		f.Summary += ", as " + why
		f.dormant = v.in.Target.IsZero() && !slices.ContainsFunc(w.routes, func(r *route) bool { return r.failures > 0 })
		if !f.dormant {
			return f
		}
		for _, r := range w.routes {
			if met := v.namelessFailures(w, r); len(met) >= few {
				f, f.dormant = f.showing(r, met).since(met[0].At), false
			}
		}
		return f
	}
	n, why, when := v.lastCount(w)
	if n > 0 {
		f = f.wants(strconv.Itoa(n)).because("event", why, w.ref, when).since(when)
		f.Summary += fmt.Sprintf("; it had %d replicas", n)
	}
	return f
}

// namelessFailures are requests that failed at a gateway of a workload's route as the model says that this one's fail, on a path
// that it takes, in lines that tell neither host nor backend. Such a line counts only where no other workload's route may have
// been asked: a gateway that logs no host has all those that fail on that path in the same lines.
func (v *view) namelessFailures(w *workload, r *route) []model.Signal {
	status, err := strconv.Atoi(r.trace.Predicts)
	if err != nil || r.edge != nil {
		return nil
	}
	var others []*route
	for _, o := range v.routes {
		nearer := o.Host == r.Host && len(o.Path) > len(r.Path) // it is asked first
		if (nearer || mayAnswer(o, status)) && !slices.Contains(w.routes, o) {
			others = append(others, o)
		}
	}
	var met []model.Signal
	for _, s := range v.unrouted {
		if s.Request.Host != "" || s.Service != "" || s.RouteName != "" || s.Status != status {
			continue
		}
		p, _, _ := strings.Cut(s.Request.Path, "?")
		if !r.Takes(p) || !v.servedBy(r, s.Gateway) {
			continue
		}
		if !slices.ContainsFunc(others, func(o *route) bool {
			return o.Takes(p) && (v.servedBy(o, s.Gateway) || len(v.m.Fleets(o.Route)) == 0)
		}) {
			met = append(met, s)
		}
	}
	slices.SortStableFunc(met, func(a, b model.Signal) int { return a.At.Compare(b.At) })
	return met
}

// mayAnswer reports whether requests on a route may be answered with a status: the model says so, or cannot say, or some were.
func mayAnswer(r *route, status int) bool {
	for code := range strings.SplitSeq(r.trace.Predicts, "|") {
		if code == path.UnknownOutcome || code == strconv.Itoa(status) || code == "5xx" && status >= 500 {
			return true
		}
	}
	return slices.ContainsFunc(r.signals, func(s model.Signal) bool { return s.Status == status })
}

// sleeps says who keeps a workload at zero on purpose, and why: KEDA, while no trigger of its ScaledObject is active
// (spec.minReplicaCount is 0 where it is not set), or kube-downscaler, which notes the count that it will bring back. It is
// no fault then as long as nobody asks for it.
func (v *view) sleeps(w *workload) (by model.Ref, why string) {
	for _, so := range v.all("keda.sh", "ScaledObject") {
		t := so.at("spec", "scaleTargetRef")
		if so.ref.Namespace != w.ref.Namespace || t.text("name") != w.ref.Name || cmp.Or(t.text("kind"), "Deployment") != w.ref.Kind {
			continue
		}
		spec := so.at("spec")
		idle := spec.has("idleReplicaCount") && spec.number("idleReplicaCount") == 0
		if spec.number("minReplicaCount") > 0 && !idle {
			continue
		}
		if ready, ok := so.condition("Ready"); ok && ready.text("status") == "False" {
			continue // it does not wake it up either
		}
		if active, ok := so.condition("Active"); ok && active.text("status") == "False" {
			return so.ref, fmt.Sprintf("%s wants it while none of its triggers is active", so.ref)
		}
	}
	if n := w.object.GetAnnotations()["downscaler/original-replicas"]; n != "" {
		return w.ref, fmt.Sprintf("kube-downscaler put it to sleep and remembers %s replicas", n)
	}
	return model.Ref{}, ""
}

// scaledToZero matches the Deployment controller's words in a ScalingReplicaSet event.
var scaledToZero = regexp.MustCompile(`^Scaled down replica set (\S+) (?:from (\d+) )?to 0`)

// lastCount is how many replicas a workload had before it was scaled to zero: from the events, the
// autoscaler's minimum, or what the ReplicaSet remembers.
func (v *view) lastCount(w *workload) (n int, why string, when time.Time) {
	es := v.s.EventsOf(w.ref)
	for i := len(es) - 1; i >= 0; i-- {
		m := scaledToZero.FindStringSubmatch(es[i].Message)
		if m == nil || w.newest != nil && m[1] != w.newest.Name {
			continue
		}
		when = snapshot.EventTime(es[i])
		if n, err := strconv.Atoi(m[2]); err == nil {
			return n, es[i].Message, when
		}
		break
	}
	for h := range v.s.HorizontalAutoscalers().In(w.ref.Namespace) {
		if t := h.Spec.ScaleTargetRef; t.Kind == w.ref.Kind && t.Name == w.ref.Name && h.Spec.MinReplicas != nil && *h.Spec.MinReplicas > 0 {
			return int(*h.Spec.MinReplicas), fmt.Sprintf("HorizontalPodAutoscaler %s wants at least %d", h.Name, *h.Spec.MinReplicas), when
		}
	}
	if w.newest != nil {
		if n, err := strconv.Atoi(w.newest.Annotations["deployment.kubernetes.io/desired-replicas"]); err == nil && n > 0 {
			return n, fmt.Sprintf("ReplicaSet %s remembers %d desired replicas", w.newest.Name, n), when
		}
	}
	return 0, "", when
}
