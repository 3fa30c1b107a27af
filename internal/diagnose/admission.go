package diagnose

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func admissionRejected() Analyzer {
	return Analyzer{
		Cause:  "admission-rejected",
		Doc:    "Finds workloads whose pods are refused when they are created: by a quota, a LimitRange, PodSecurity or a webhook.",
		Inputs: []snapshot.Kind{snapshot.Deployments, snapshot.ReplicaSets, snapshot.StatefulSets, snapshot.Events, snapshot.ResourceQuotas, snapshot.LimitRanges, snapshot.Other, snapshot.Pods},
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if w.replicas == 0 || w.replicas > 0 && w.staying() >= int(w.replicas) {
					continue
				}
				if f, ok := v.rejected(w); ok {
					out = append(out, f)
				}
			}
			return append(out, v.challenged()...)
		},
	}
}

// staying counts the pods that are not being ended. Those that are count for nothing to their controller, which makes others in
// their place at once (kubernetes, pkg/controller: IsPodActive).
func (w *workload) staying() int {
	n := 0
	for _, p := range w.pods {
		if p.DeletionTimestamp == nil {
			n++
		}
	}
	return n
}

func (v *view) rejected(w *workload) (finding, bool) {
	why, when, ok := v.refusal(w)
	if !ok {
		return finding{}, false
	}
	object := v.rejector(w, why)
	f := find("admission-rejected", seen, object, fmt.Sprintf("the pods of %s are refused when they are created: %s", w.ref, why)).
		on(w.routes...).as(model.NoEndpoints, model.NoRoute).since(when).
		relates("workload", w.ref).relates("service", w.service()).
		because("status", why, w.ref, when)
	f.dormant = !w.hurt()
	if came := w.rolledAt(); when.IsZero() || came.IsZero() || when.Sub(came) < refusedIn {
		f = withGood(f, w) // what was let in at first is not refused for what is in it
	}
	return f, true
}

// refusedIn is how soon after a rollout the pods of its revision are refused, if they are for what is in it.
const refusedIn = 5 * time.Minute

// refusal is the API server's answer to the creation of a workload's pods.
func (v *view) refusal(w *workload) (why string, when time.Time, ok bool) {
	if d, is := w.object.(*appsv1.Deployment); is {
		for _, c := range d.Status.Conditions {
			if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
				return c.Message, c.LastTransitionTime.Time, true
			}
		}
	}
	owner := w.ref
	if w.newest != nil {
		owner = snapshot.RefOf(w.newest)
	}
	es := v.s.EventsOf(owner)
	for i := len(es) - 1; i >= 0; i-- {
		if es[i].Reason == "FailedCreate" {
			return strings.TrimPrefix(es[i].Message, "Error creating: "), es[i].FirstTimestamp.Time, true
		}
	}
	return "", time.Time{}, false
}

// exceededQuota finds the name of a quota in the words of its admission plugin.
var exceededQuota = regexp.MustCompile(`(?:exceeded|failed) quota: ([^,:\s]+)`)

// refusingWebhook finds the name of a webhook in the words of the API server.
var refusingWebhook = regexp.MustCompile(`(?:failed calling webhook|admission webhook) "([^"]+)"`)

// insecureContainer finds the container that PodSecurity names.
var insecureContainer = regexp.MustCompile(`container "([^"]+)" must`)

// rejector is the object that refused, as far as the message names it.
func (v *view) rejector(w *workload, why string) model.FieldRef {
	ns := w.ref.Namespace
	if m := exceededQuota.FindStringSubmatch(why); m != nil {
		return at(model.Ref{APIVersion: "v1", Kind: "ResourceQuota", Namespace: ns, Name: m[1]}, "spec.hard")
	}
	if object, ok := v.policyNamed(why, ns); ok {
		return object
	}
	if object, ok := v.webhookAtZero(why); ok {
		return object
	}
	if m := refusingWebhook.FindStringSubmatch(why); m != nil {
		if object, ok := v.webhook(m[1], refusingPart(why)); ok {
			return object
		}
	}
	switch {
	case strings.Contains(why, "violates PodSecurity"):
		if m := insecureContainer.FindStringSubmatch(why); m != nil {
			if field, _, ok := containerField(w, m[1], false); ok {
				return at(w.ref, field+".securityContext")
			}
		}
		return at(w.ref, "spec.template.spec.securityContext")
	case strings.Contains(why, "PriorityClass"):
		return at(w.ref, "spec.template.spec.priorityClassName")
	case strings.Contains(why, "RuntimeClass"):
		return at(w.ref, "spec.template.spec.runtimeClassName")
	case strings.Contains(why, "serviceaccount") && strings.Contains(why, "not found"):
		return at(w.ref, "spec.template.spec.serviceAccountName")
	case strings.Contains(why, "usage per") || strings.Contains(why, "limit to request ratio"):
		if object, ok := v.limitRange(ns, why); ok {
			return object
		}
		return at(w.ref, "spec.template.spec.containers[0].resources")
	}
	return at(w.ref, "spec.template")
}

// passedLimit finds the bound that a LimitRange's refusal names, as "maximum memory usage per Container is 1Gi"
// (kubernetes/kubernetes, plugin/pkg/admission/limitranger/admission.go).
var passedLimit = regexp.MustCompile(`(minimum|maximum) (\S+) usage per (\S+) is ([^,\s]+?)[.,]? `)

// limitRange is the bound of a LimitRange that a refusal names; the first LimitRange as a whole where none has it.
func (v *view) limitRange(ns, why string) (model.FieldRef, bool) {
	m := passedLimit.FindStringSubmatch(why)
	var whole model.FieldRef
	for lr := range v.s.LimitRanges().In(ns) {
		if whole.IsZero() {
			whole = at(snapshot.RefOf(lr), "spec.limits")
		}
		for i, l := range lr.Spec.Limits {
			if m == nil || string(l.Type) != m[3] {
				continue
			}
			bound, list := "max", l.Max
			if m[1] == "minimum" {
				bound, list = "min", l.Min
			}
			if q, ok := list[corev1.ResourceName(m[2])]; ok && q.String() == m[4] {
				return at(snapshot.RefOf(lr), fmt.Sprintf("spec.limits[%d].%s.%s", i, bound, m[2])), true
			}
		}
	}
	return whole, !whole.IsZero()
}

// refusingPart is the part of a webhook's registration of which the API server's words speak: its rules where it denies,
// else where and how it is asked.
func refusingPart(why string) string {
	switch {
	case strings.Contains(why, "denied the request"):
		return "rules"
	case strings.Contains(why, "x509:") || strings.Contains(why, "tls:"):
		return "clientConfig.caBundle"
	case strings.Contains(why, `service "`) || strings.Contains(why, "connection refused") || strings.Contains(why, "no such host"):
		return "clientConfig.service"
	default:
		return "clientConfig"
	}
}

// webhookUnserved finds the Service and namespace of a webhook that could not be asked for want of endpoints, in the words of the API
// server: Post "https://kyverno-svc.kyverno.svc:443/mutate?timeout=10s": no endpoints available for service "kyverno-svc".
var webhookUnserved = regexp.MustCompile(`://([a-z0-9-]+)\.([a-z0-9-]+)\.svc\S*: no endpoints available for service`)

// webhookAtZero is the workload that is to answer a webhook and that is scaled to zero.
func (v *view) webhookAtZero(why string) (model.FieldRef, bool) {
	m := webhookUnserved.FindStringSubmatch(why)
	if m == nil {
		return model.FieldRef{}, false
	}
	svc, ok := v.s.Services().Get(m[2], m[1])
	if ok != snapshot.Present {
		return model.FieldRef{}, false
	}
	for _, t := range v.templates(svc.Namespace) {
		if t.makes(svc.Spec.Selector) && t.replicas == 0 {
			return at(t.ref, "spec.replicas"), true
		}
	}
	return model.FieldRef{}, false
}

// webhook finds the configuration that registers a webhook.
func (v *view) webhook(name, part string) (model.FieldRef, bool) {
	for o := range v.s.Others().All() {
		if o.GetKind() != "ValidatingWebhookConfiguration" && o.GetKind() != "MutatingWebhookConfiguration" {
			continue
		}
		hooks, _, _ := unstructured.NestedSlice(o.Object, "webhooks")
		for i, h := range hooks {
			m, ok := h.(map[string]any)
			if !ok || m["name"] != name {
				continue
			}
			if _, inCluster, _ := unstructured.NestedMap(m, "clientConfig", "service"); !inCluster && part == "clientConfig.service" {
				part = "clientConfig.url"
			}
			return at(snapshot.RefOf(o), fmt.Sprintf("webhooks[%d].%s", i, part)), true
		}
	}
	return model.FieldRef{}, false
}

// challenged finds an ACME solver whose pod was refused when cert-manager made it: no workload stands behind the solver's
// Service, and only the Challenge says why (cert-manager.io, Challenge: status.reason).
func (v *view) challenged() []finding {
	var out []finding
	for _, r := range v.routes {
		for _, c := range v.all("acme.cert-manager.io", "Challenge") {
			token, why := c.text("spec", "token"), c.text("status", "reason")
			if token == "" || c.ref.Namespace != r.Object.Namespace || !strings.HasSuffix(r.Path, "/"+token) || !strings.Contains(why, "is forbidden: ") {
				continue
			}
			w := &workload{template: template{ref: c.ref, template: &corev1.PodTemplateSpec{}}}
			object := v.rejector(w, why)
			if object.Ref == c.ref {
				object.Field = "spec.solver"
			}
			f := find("admission-rejected", seen, object, c.ref.String()+" is not presented, as its solver's pod is refused: "+why).
				on(r).as(model.NoEndpoints, model.NoRoute).because("status", why, c.ref, time.Time{})
			if len(r.legs) > 0 {
				f = f.relates("service", serviceRef(r.legs[0]))
			}
			out = append(out, f)
		}
	}
	return out
}
