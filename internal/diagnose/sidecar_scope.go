package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// outOfScope finds calls from one application to another that the caller's mesh proxy refuses because its Sidecar does not
// list the callee, and the mesh lets nothing out that is not listed (istio.io, Sidecar: egress, outboundTrafficPolicy).
func (v *view) outOfScope() []finding {
	var out []finding
	for _, r := range v.edges {
		s, ok := v.keptOut(r)
		if !ok || len(r.said) == 0 && (!r.quiet || r.loose) {
			continue
		}
		service := r.Backends[0].Service
		field := "spec.egress"
		if len(s.list("spec", "egress")) == 1 {
			field += "[0].hosts" // the one list in which it could be
		}
		f := r.asCause("mesh-policy-denies", proven, at(s.ref, field),
			fmt.Sprintf("%s keeps %s from %s: its egress does not list it, and the mesh lets nothing else out", s.ref, r.caller.ref, service)).
			as(model.UpstreamStatus, model.Denied).because("object", "spec.egress of "+s.ref.String()+" does not list "+service.String(), s.ref, time.Time{})
		out = append(out, f)
	}
	return out
}

// keptOut gives the Sidecar that keeps the caller of an edge from what it calls.
func (v *view) keptOut(r *route) (piece, bool) {
	if len(r.Backends) == 0 || len(r.caller.pods) == 0 || !v.inMesh(r.caller.pods[0]) {
		return piece{}, false
	}
	s, ok := v.sidecarOf(r.caller)
	if !ok || s.text("spec", "outboundTrafficPolicy", "mode") != "REGISTRY_ONLY" && !v.registryOnly() || lists(s, r.caller.ref.Namespace, r.Backends[0].Service) {
		return piece{}, false
	}
	return s, true
}

// sidecarOf is the Sidecar that applies to a workload: one that selects it, else its namespace's, else the mesh's.
func (v *view) sidecarOf(w *workload) (piece, bool) {
	best, rank := piece{}, 0
	for _, s := range v.all(istio, "Sidecar") {
		want := s.labels("spec", "workloadSelector", "labels")
		n := 0
		switch {
		case s.ref.Namespace == w.ref.Namespace && len(want) > 0 && matches(want, w.pods[0].Labels):
			n = 3
		case s.ref.Namespace == w.ref.Namespace && len(want) == 0:
			n = 2
		case s.ref.Namespace == rootNamespace && len(want) == 0:
			n = 1
		}
		if n > rank {
			best, rank = s, n
		}
	}
	return best, rank > 0
}

// registryOnly reports whether the mesh as a whole lets out only what it knows.
func (v *view) registryOnly() bool {
	for cm := range v.s.ConfigMaps().In(rootNamespace) {
		if strings.HasPrefix(cm.Name, "istio") && strings.Contains(cm.Data["mesh"], "REGISTRY_ONLY") {
			return true
		}
	}
	return false
}

// lists reports whether a Sidecar's egress lists a Service: NAMESPACE/HOST, with ".", "*" and "~" for a namespace and
// "*" before a domain. One without egress lists everything.
func lists(s piece, own string, service model.Ref) bool {
	rules := s.list("spec", "egress")
	if len(rules) == 0 {
		return true
	}
	name := service.Name + "." + service.Namespace + ".svc.cluster.local"
	return slices.ContainsFunc(rules, func(rule piece) bool {
		hosts, _ := rule.fields["hosts"].([]any)
		return len(hosts) == 0 || slices.ContainsFunc(hosts, func(h any) bool {
			text, _ := h.(string)
			namespace, host, ok := strings.Cut(text, "/")
			if !ok {
				namespace, host = "*", text
			}
			here := namespace == "*" || namespace == service.Namespace || namespace == "." && own == service.Namespace
			suffix, wild := strings.CutPrefix(host, "*")
			return here && (host == name || wild && strings.HasSuffix(name, suffix))
		})
	})
}
