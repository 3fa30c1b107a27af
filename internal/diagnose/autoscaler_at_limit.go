package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func autoscalerAtLimit() Analyzer {
	return Analyzer{
		Cause:  "autoscaler-at-limit",
		Doc:    "Finds overloaded workloads whose autoscaler is at its maximum, or cannot scale them.",
		Inputs: append(podKinds(), snapshot.HorizontalAutoscalers, snapshot.Other),
		run: func(v *view) []finding {
			var out []finding
			for h := range v.s.HorizontalAutoscalers().All() {
				if w := v.scaled(h); w != nil {
					if f, ok := v.tooFew(h, w); ok {
						out = append(out, f)
					}
				}
			}
			return out
		},
	}
}

// scaled is the workload that an autoscaler is for. Where its target does not exist, it is the only one of
// that kind in the namespace with such a name in its own, or whose name is in it.
func (v *view) scaled(h *autoscalingv2.HorizontalPodAutoscaler) *workload {
	t := h.Spec.ScaleTargetRef
	var alike []*workload
	for _, w := range v.workloads {
		if w.ref.Namespace != h.Namespace || len(w.routes) == 0 {
			continue
		}
		if w.ref.Kind == t.Kind && w.ref.Name == t.Name {
			return w
		}
		if strings.Contains(w.ref.Name, t.Name) || strings.Contains(t.Name, w.ref.Name) || w.ref.Name == h.Name {
			alike = append(alike, w)
		}
	}
	if len(alike) == 1 {
		return alike[0]
	}
	return nil
}

// tooFew explains failures of overload by an autoscaler that adds no pods: errors without overload, or an
// autoscaler at its limit without errors, are nothing.
func (v *view) tooFew(h *autoscalingv2.HorizontalPodAutoscaler, w *workload) (finding, bool) {
	routes, kinds := v.overloaded(w)
	if len(routes) == 0 {
		return finding{}, false
	}
	ref := snapshot.RefOf(h)
	start := func(confidence float64, at model.FieldRef, summary string, kinds []model.FailureKind) finding {
		return find("autoscaler-at-limit", confidence, at, summary).on(routes...).as(kinds...).
			relates("workload", w.ref).relates("service", w.service())
	}
	if c := hpaCondition(h, autoscalingv2.ScalingLimited); c != nil && c.Status == corev1.ConditionTrue && c.Reason == "TooManyReplicas" && h.Status.CurrentReplicas >= h.Spec.MaxReplicas {
		over, why := aboveTarget(h)
		if !over {
			return finding{}, false
		}
		f := start(proven, at(ref, "spec.maxReplicas"), fmt.Sprintf("%s may not have more than %d replicas, and %s", w.ref, h.Spec.MaxReplicas, why), kinds)
		return f.because("status", c.Message+"; "+why, ref, c.LastTransitionTime.Time).since(c.LastTransitionTime.Time), true
	}
	if c := heldBack(h); c != nil {
		summary := fmt.Sprintf("%s is overloaded, and %s is told never to add replicas to the %d there are", w.ref, ref, h.Status.CurrentReplicas)
		if over, why := aboveTarget(h); over {
			summary += ": " + why
		}
		f := start(proven, at(ref, "spec.behavior.scaleUp.selectPolicy"), summary, kinds)
		return f.because("status", c.Reason+": "+brief(c.Message), ref, c.LastTransitionTime.Time).since(c.LastTransitionTime.Time), true
	}
	c := unable(h)
	if c == nil || len(v.wordsOfLoad(w)) == 0 && !slices.Contains(kinds, model.Overload) {
		return finding{}, false // that it does not scale stops no request
	}
	f := start(proven, v.disabledBy(h, w, c), fmt.Sprintf("%s is overloaded, and %s cannot scale it: %s", w.ref, ref, brief(c.Message)), kinds)
	return f.because("status", c.Reason+": "+brief(c.Message), ref, c.LastTransitionTime.Time), true
}

// loading lists a workload's routes but those whose requests the gateway turns away because it has too much to do itself, whoever is
// behind it.
func (v *view) loading(w *workload) []*route {
	return slices.DeleteFunc(slices.Clone(w.routes), func(r *route) bool {
		_, own := v.heard(r)["proxy-overloaded"]
		return own && len(r.hits(model.ResponseTimeout, model.ConnectTimeout)) == 0
	})
}

// overloaded lists a workload's routes that fail as they do under load, and how.
func (v *view) overloaded(w *workload) ([]*route, []model.FailureKind) {
	var routes []*route
	kinds := []model.FailureKind{model.ResponseTimeout, model.Overload, model.ConnectTimeout}
	for _, r := range v.loading(w) {
		busy := slices.DeleteFunc(r.hits(model.UpstreamStatus), func(s model.Signal) bool { return s.Status != 503 && s.Status != 504 })
		if len(r.hits(kinds...)) > 0 && !slices.Contains(routes, r) {
			routes = append(routes, r)
		}
		if len(busy) > 0 {
			if !slices.Contains(kinds, model.UpstreamStatus) {
				kinds = append(kinds, model.UpstreamStatus)
			}
			if !slices.Contains(routes, r) {
				routes = append(routes, r)
			}
		}
	}
	for _, r := range v.loading(w) {
		// A log that names no backend does not tell who answered; the application may.
		unsaid := func(s model.Signal) bool { return s.Status == 503 && s.Reason == "" }
		if slices.Contains(routes, r) || !slices.ContainsFunc(r.hits(model.OtherFailure), unsaid) || len(v.wordsOfLoad(w)) == 0 {
			continue
		}
		routes = append(routes, r)
		if !slices.Contains(kinds, model.OtherFailure) {
			kinds = append(kinds, model.OtherFailure)
		}
	}
	seen := func(k model.FailureKind) bool {
		return slices.ContainsFunc(routes, func(r *route) bool { return len(r.hits(k)) > 0 })
	}
	return routes, slices.DeleteFunc(kinds, func(k model.FailureKind) bool { return !seen(k) })
}

func hpaCondition(h *autoscalingv2.HorizontalPodAutoscaler, kind autoscalingv2.HorizontalPodAutoscalerConditionType) *autoscalingv2.HorizontalPodAutoscalerCondition {
	for i := range h.Status.Conditions {
		if h.Status.Conditions[i].Type == kind {
			return &h.Status.Conditions[i]
		}
	}
	return nil
}

// heldBack is the condition that says that an autoscaler wants more replicas and does not add them as fast, where it is told to add none
// (kubernetes/kubernetes, pkg/controller/podautoscaler/horizontal.go: convertDesiredReplicasWithBehaviorRate, which gives that reason, and
// calculateScaleUpLimitWithScalingRules).
func heldBack(h *autoscalingv2.HorizontalPodAutoscaler) *autoscalingv2.HorizontalPodAutoscalerCondition {
	b := h.Spec.Behavior
	if b == nil || b.ScaleUp == nil || b.ScaleUp.SelectPolicy == nil || *b.ScaleUp.SelectPolicy != autoscalingv2.DisabledPolicySelect {
		return nil
	}
	if c := hpaCondition(h, autoscalingv2.ScalingLimited); c != nil && c.Status == corev1.ConditionTrue && c.Reason == "ScaleUpLimit" {
		return c
	}
	return nil
}

// unable is the condition that says that an autoscaler cannot read its metrics or its target.
func unable(h *autoscalingv2.HorizontalPodAutoscaler) *autoscalingv2.HorizontalPodAutoscalerCondition {
	for _, kind := range []autoscalingv2.HorizontalPodAutoscalerConditionType{autoscalingv2.AbleToScale, autoscalingv2.ScalingActive} {
		if c := hpaCondition(h, kind); c != nil && c.Status == corev1.ConditionFalse && c.Reason != "ScalingDisabled" {
			return c
		}
	}
	return nil
}

// aboveTarget reports whether what an autoscaler measures is more than what it aims at, beyond the tolerance
// of a tenth within which it does nothing.
func aboveTarget(h *autoscalingv2.HorizontalPodAutoscaler) (bool, string) {
	for i, m := range h.Spec.Metrics {
		if i >= len(h.Status.CurrentMetrics) {
			break
		}
		now := h.Status.CurrentMetrics[i]
		if m.Resource == nil || now.Resource == nil {
			continue
		}
		if want, have := m.Resource.Target.AverageUtilization, now.Resource.Current.AverageUtilization; want != nil && have != nil && *have*10 > *want*11 {
			return true, fmt.Sprintf("they use %d%% of their %s, where %d%% is aimed at", *have, m.Resource.Name, *want)
		}
		if want, have := m.Resource.Target.AverageValue, now.Resource.Current.AverageValue; want != nil && have != nil && have.Cmp(*want) > 0 {
			return true, fmt.Sprintf("they use %s of %s each, where %s is aimed at", have, m.Resource.Name, want)
		}
	}
	return false, ""
}

var missingRequest = regexp.MustCompile(`missing request for (\w+)(?: in container (\S+))?`)

// disabledBy is what keeps an autoscaler from scaling: a target that does not exist, a container without a
// request, a metrics API without a server.
func (v *view) disabledBy(h *autoscalingv2.HorizontalPodAutoscaler, w *workload, c *autoscalingv2.HorizontalPodAutoscalerCondition) model.FieldRef {
	if c.Reason == "FailedGetScale" {
		return at(snapshot.RefOf(h), "spec.scaleTargetRef.name")
	}
	if m := missingRequest.FindStringSubmatch(c.Message); m != nil {
		for i, x := range w.template.template.Spec.Containers {
			_, has := x.Resources.Requests[corev1.ResourceName(m[1])]
			if x.Name == m[2] || m[2] == "" && !has {
				return at(w.ref, fmt.Sprintf("spec.template.spec.containers[%d].resources.requests.%s", i, m[1]))
			}
		}
	}
	if strings.Contains(c.Message, "metrics") {
		if server, ok := v.metricsDown(); ok {
			return server
		}
	}
	return at(snapshot.RefOf(h), "spec.metrics")
}

// metricsDown finds a metrics API that nobody serves.
func (v *view) metricsDown() (model.FieldRef, bool) {
	for o := range v.s.Others().All() {
		if o.GetKind() != "APIService" || !strings.HasSuffix(o.GetName(), "metrics.k8s.io") {
			continue
		}
		for _, s := range conditionsOf(o.Object, "status", "conditions") {
			if s["type"] == "Available" && s["status"] == "False" {
				return at(snapshot.RefOf(o), "status.conditions[type=Available]"), true
			}
		}
	}
	if d, ok := v.s.Deployments().Get("kube-system", "metrics-server"); ok == snapshot.Present && d.Status.ReadyReplicas == 0 {
		return at(snapshot.RefOf(d), "status.readyReplicas"), true
	}
	return model.FieldRef{}, false
}

// overloadWords matches what an application says that has more to do than it can.
var overloadWords = regexp.MustCompile(`(?i)overload|too many requests|queue (?:is )?full|at capacity|shedding load|under.?pressure|backpressure|no capacity|too busy`)

// wordsOfLoad finds lines in which a workload says that it has more to do than it can.
func (v *view) wordsOfLoad(w *workload) []model.Evidence {
	return v.wordsOf(w, overloadWords)
}

// wordsOf finds the lines of a workload's logs that match, one of each container, the last.
func (v *view) wordsOf(w *workload, says *regexp.Regexp) []model.Evidence {
	var out []model.Evidence
	for _, log := range v.in.Logs {
		if !v.ofWorkload(w, log.Pod) {
			continue
		}
		for _, l := range slices.Backward(log.Lines) {
			if says.MatchString(l) {
				out = append(out, model.Evidence{Kind: "app-log", Text: strings.TrimSpace(l), Source: sourceOf(log)})
				break
			}
		}
	}
	return out
}
