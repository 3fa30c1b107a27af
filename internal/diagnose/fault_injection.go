package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/envoy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func faultInjectionActive() Analyzer {
	return Analyzer{
		Cause:  "fault-injection-active",
		Doc:    "Finds chaos experiments and injected faults that run against what a route needs.",
		Inputs: append(podKinds(), snapshot.Other, snapshot.ConfigMaps),
		run: func(v *view) []finding {
			var out []finding
			for o := range v.s.Others().All() {
				group, _, _ := strings.Cut(o.GetAPIVersion(), "/")
				switch group {
				case "chaos-mesh.org":
					out = append(out, v.chaosMesh(o)...)
				case "litmuschaos.io":
					out = append(out, v.litmus(o)...)
				case "networking.istio.io":
					out = append(out, v.istioFault(o)...)
				}
			}
			return out
		},
	}
}

// injected starts a finding about an experiment that runs against a workload.
func (v *view) injected(o *unstructured.Unstructured, field string, w *workload, what string, kinds ...model.FailureKind) finding {
	ref := snapshot.RefOf(o)
	f := find("fault-injection-active", proven, at(ref, field), fmt.Sprintf("%s runs against %s: %s", ref, w.ref, what)).
		on(w.routes...).as(kinds...).relates("workload", w.ref).relates("service", w.service()).
		because("object", what, ref, o.GetCreationTimestamp().Time).since(o.GetCreationTimestamp().Time)
	f.dormant = len(w.routes) == 0
	return f
}

// anyTrouble are the failures that something which hurts pods or their network can bring about.
func anyTrouble() []model.FailureKind {
	return []model.FailureKind{model.NoEndpoints, model.Refused, model.ConnectTimeout, model.ResponseTimeout, model.Reset, model.ClosedEarly, model.UpstreamStatus, model.NoRoute}
}

// chaosMesh reads an experiment of Chaos Mesh (chaos-mesh.org/docs, api/v1alpha1): what it selects, and
// whether it is injected at the moment.
func (v *view) chaosMesh(o *unstructured.Unstructured) []finding {
	if !strings.HasSuffix(o.GetKind(), "Chaos") || !chaosRuns(o) {
		return nil
	}
	action, _, _ := unstructured.NestedString(o.Object, "spec", "action")
	what := strings.TrimSpace(o.GetKind() + " " + action)
	kinds := anyTrouble()
	switch o.GetKind() {
	case "NetworkChaos", "DNSChaos":
		kinds = []model.FailureKind{model.ConnectTimeout, model.ResponseTimeout, model.Reset, model.ClosedEarly, model.UpstreamStatus, model.NoEndpoints}
	case "StressChaos", "IOChaos", "TimeChaos":
		kinds = []model.FailureKind{model.ResponseTimeout, model.ConnectTimeout, model.UpstreamStatus, model.NoEndpoints, model.ClosedEarly}
	}
	var out []finding
	for _, w := range v.workloads {
		if v.chaosSelects(o, w) {
			out = append(out, v.injected(o, "spec", w, what, kinds...))
		}
	}
	return out
}

// chaosRuns reports whether an experiment is injected: not paused, not recovered, not over.
func chaosRuns(o *unstructured.Unstructured) bool {
	if o.GetAnnotations()["experiment.chaos-mesh.org/pause"] == "true" || o.GetDeletionTimestamp() != nil {
		return false
	}
	if phase, ok, _ := unstructured.NestedString(o.Object, "status", "experiment", "desiredPhase"); ok && phase == "Stop" {
		return false
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		m, ok := c.(map[string]any)
		if ok && (m["type"] == "AllRecovered" || m["type"] == "Paused") && m["status"] == "True" {
			return false
		}
	}
	return true
}

// chaosSelects reports whether an experiment's selector takes a workload's pods.
func (v *view) chaosSelects(o *unstructured.Unstructured, w *workload) bool {
	namespaces, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "selector", "namespaces")
	labels, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector", "labelSelectors")
	pods, _, _ := unstructured.NestedMap(o.Object, "spec", "selector", "pods")
	if len(namespaces) == 0 {
		namespaces = []string{o.GetNamespace()}
	}
	if names, ok := pods[w.ref.Namespace].([]any); ok {
		return slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool { return slices.Contains(names, any(p.Name)) })
	}
	return len(pods) == 0 && slices.Contains(namespaces, w.ref.Namespace) && (len(labels) == 0 || matches(labels, w.template.template.Labels))
}

// litmus reads a ChaosEngine of LitmusChaos: the application that it names, and whether it is active.
func (v *view) litmus(o *unstructured.Unstructured) []finding {
	state, _, _ := unstructured.NestedString(o.Object, "spec", "engineState")
	status, _, _ := unstructured.NestedString(o.Object, "status", "engineStatus")
	if o.GetKind() != "ChaosEngine" || state == "stop" || status == "completed" || status == "stopped" {
		return nil
	}
	namespace, _, _ := unstructured.NestedString(o.Object, "spec", "appinfo", "appns")
	label, _, _ := unstructured.NestedString(o.Object, "spec", "appinfo", "applabel")
	key, value, _ := strings.Cut(label, "=")
	experiments, _, _ := unstructured.NestedSlice(o.Object, "spec", "experiments")
	what := "ChaosEngine"
	for _, e := range experiments {
		if m, ok := e.(map[string]any); ok {
			what += fmt.Sprintf(" %v", m["name"])
		}
	}
	var out []finding
	for _, w := range v.workloads {
		if w.ref.Namespace == namespace && key != "" && w.template.template.Labels[key] == value {
			out = append(out, v.injected(o, "spec.engineState", w, what, anyTrouble()...))
		}
	}
	return out
}

// istioFault reads the faults that a VirtualService injects into requests for a Service
// (istio.io/latest/docs/reference/config/networking/virtual-service, HTTPFaultInjection).
func (v *view) istioFault(o *unstructured.Unstructured) []finding {
	if o.GetKind() != "VirtualService" {
		return nil
	}
	rules, _, _ := unstructured.NestedSlice(o.Object, "spec", "http")
	var out []finding
	for i, rule := range rules {
		m, _ := rule.(map[string]any)
		for _, kind := range []string{"abort", "delay"} {
			fault, ok, _ := unstructured.NestedMap(m, "fault", kind)
			if !ok || none(fault) {
				continue
			}
			kinds := []model.FailureKind{model.UpstreamStatus, model.Denied, model.NoRoute, model.Overload}
			if kind == "delay" {
				kinds = []model.FailureKind{model.ResponseTimeout, model.UpstreamStatus}
			}
			what := "it " + istioFaultText(kind, fault)
			for _, w := range v.workloads {
				if v.leadsRuleTo(o, m, w) {
					f := v.injected(o, fmt.Sprintf("spec.http[%d].fault.%s", i, kind), w, what, kinds...)
					out = append(out, v.narrowed(f, o, i, m))
				}
			}
		}
	}
	return out
}

// istioFaultText words a fault: "aborts 80 % of requests with status 503".
func istioFaultText(kind string, fault map[string]any) string {
	f := piece{fields: fault}
	who := "requests"
	if share := f.at("percentage").fields["value"]; share != nil {
		who = fmt.Sprintf("%v %% of requests", share)
	}
	switch status := f.fields["httpStatus"]; {
	case kind == "delay":
		return fmt.Sprintf("delays %s by %s", who, f.text("fixedDelay"))
	case status != nil:
		return fmt.Sprintf("aborts %s with status %v", who, status)
	}
	return fmt.Sprintf("aborts %s with gRPC status %s", who, f.text("grpcStatus"))
}

// narrowed keeps a fault to the requests that its rule takes: where the rule is a way in from a gateway, to the rule's routes, and to
// those whose requests the gateway's log says to have got it, since no log tells their headers. A rule that takes only what carries a
// header or a query is for those who ask for it, which nobody may: it hurts where requests of its routes fail, or are asked for.
func (v *view) narrowed(f finding, o *unstructured.Unstructured, i int, rule map[string]any) finding {
	ref := snapshot.RefOf(o)
	if len(f.routes) > 0 && !slices.ContainsFunc(f.routes, func(r *route) bool { return r.Object != ref }) {
		f.routes = slices.DeleteFunc(slices.Clone(f.routes), func(r *route) bool {
			return r.Rule != fmt.Sprintf("spec.http[%d]", i) && !slices.ContainsFunc(r.signals, injectedFault)
		})
	}
	asked := v.in.Target.Request != nil || slices.ContainsFunc(f.routes, func(r *route) bool { return r.failures > 0 || v.isTarget(r.Route) })
	f.dormant = len(f.routes) == 0 || onRequest(rule) && !asked
	return f
}

// injectedFault reports whether Envoy says that it made a failure itself, as it was told to: by an abort or a delay
// (envoyproxy/envoy, source/common/stream_info/utility.cc).
func injectedFault(s model.Signal) bool {
	flags, _, _ := strings.Cut(s.Reason, " ")
	return s.Proxy == envoy.Name && slices.ContainsFunc(strings.Split(flags, ","), func(f string) bool { return f == "FI" || f == "DI" })
}

// onRequest reports whether each way into a rule asks for a header or a query.
func onRequest(rule map[string]any) bool {
	matches, _, _ := unstructured.NestedSlice(rule, "match")
	return len(matches) > 0 && !slices.ContainsFunc(matches, func(m any) bool {
		fields, _ := m.(map[string]any)
		p := piece{fields: fields}
		return len(p.at("headers").fields) == 0 && len(p.at("queryParams").fields) == 0
	})
}

// none reports whether a fault is for no request: of zero percent of them (istio/api, networking/v1alpha3, HTTPFaultInjection).
func none(fault map[string]any) bool {
	share := piece{fields: fault}.at("percentage").fields["value"]
	return share == int64(0) || share == float64(0)
}

// leadsRuleTo reports whether a VirtualService's rule is about a Service in front of a workload: by its
// hosts, or by the destination of the rule.
func (v *view) leadsRuleTo(o *unstructured.Unstructured, rule map[string]any, w *workload) bool {
	hosts, _, _ := unstructured.NestedStringSlice(o.Object, "spec", "hosts")
	to, _, _ := unstructured.NestedSlice(rule, "route")
	for _, t := range to {
		if m, ok := t.(map[string]any); ok {
			host, _, _ := unstructured.NestedString(m, "destination", "host")
			hosts = append(hosts, host)
		}
	}
	for _, host := range hosts {
		service, inside := v.home(o.GetNamespace(), host)
		if svc, ok := v.s.Services().Get(service.Namespace, service.Name); inside && ok == snapshot.Present && svc.Namespace == w.ref.Namespace && matches(svc.Spec.Selector, w.template.template.Labels) {
			return true
		}
	}
	return false
}

// struck reports whether what is wrong with a workload is what an experiment against it does.
func (v *view) struck(f finding) model.CauseID {
	if f.ID == "fault-injection-active" || f.Family != "backend-availability" && f.Family != "application" && f.Family != "timeouts-limits" && f.Family != "network" && f.Family != "name-resolution" {
		return ""
	}
	for _, o := range v.found {
		begun := f.Since.IsZero() || o.Since.IsZero() || !f.Since.Before(o.Since.Add(-time.Minute))
		if o.ID == "fault-injection-active" && !o.dormant && o.Related["workload"] == f.Related["workload"] && begun && (f.ID != "no-replicas" && f.ID != "config-missing") {
			return o.ID
		}
	}
	return ""
}
