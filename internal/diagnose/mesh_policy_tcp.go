package diagnose

// Istio's policies at ports of TCP, where its proxies know connections and no requests.

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// closing are the failures that a gateway sees where a connection is denied: at a port of TCP nobody can answer 403.
func closing() []model.FailureKind {
	return []model.FailureKind{model.ClosedEarly, model.Reset, model.OtherFailure}
}

// opaque reports whether Istio takes a Service's port for one of TCP because it is told so, by appProtocol or by the port's name
// (istio.io, Protocol Selection). Where nothing tells it looks at what is sent.
func opaque(p *corev1.ServicePort) bool {
	if p == nil {
		return false
	}
	name, _, _ := strings.Cut(p.Name, "-")
	if p.AppProtocol != nil {
		name = *p.AppProtocol
	}
	return strings.EqualFold(name, "tcp")
}

// deniedBeside finds the policy by which the proxy beside an application closed the connections that the gateway saw closed,
// where that proxy's log says so of the very port.
func (v *view) deniedBeside(r *route, l path.Leg) (finding, bool) {
	if len(r.hits(closing()...)) == 0 {
		return finding{}, false
	}
	ends := l.ReadyEnds()
	for _, log := range v.in.Logs {
		i := slices.IndexFunc(ends, func(e path.End) bool {
			return e.Pod != nil && e.Pod.Namespace == log.Pod.Namespace && e.Pod.Name == log.Pod.Name
		})
		if i < 0 {
			continue
		}
		port := fmt.Sprintf(" inbound|%d|", ends[i].Port)
		for _, line := range log.Lines {
			policy, rule, ok := v.policyIn(line)
			if !ok || !strings.Contains(line, port) || !strings.Contains(line, `"- - -"`) {
				continue // about a request, which is answered and does not look closed
			}
			f := find("mesh-policy-denies", proven, ruleAt(policy, rule), fmt.Sprintf("%s denies connections to port %d of pod %s by spec.rules[%s]", policy.ref, ends[i].Port, log.Pod.Name, rule))
			f.kinds = closing()
			f.Evidence = append(f.Evidence, model.Evidence{Kind: "proxy-log", Text: strings.TrimSpace(line), Source: sourceOf(log)})
			return f, true
		}
	}
	return finding{}, false
}

// ofRequests reports whether a field of an AuthorizationPolicy's rule is about requests, of which connections know nothing.
func ofRequests(field string) bool {
	switch strings.ToLower(strings.TrimPrefix(field, "not")) {
	case "hosts", "paths", "methods", "requestprincipals":
		return true
	default:
		return strings.HasPrefix(field, "request.")
	}
}

// onlyTCP is what Istio makes of a rule that denies, at a port of TCP: what is about requests is left out, which denies more. A
// rule that allows does not count there if there is any such thing in it (istio, pilot/pkg/security/authz/model: checkError).
func onlyTCP(rule piece) (left piece, less bool) {
	fields := map[string]any{}
	for _, part := range []struct{ list, item string }{{"from", "source"}, {"to", "operation"}} {
		var items []any
		for _, x := range rule.list(part.list) {
			kept := map[string]any{}
			for field, value := range x.at(part.item).fields {
				if ofRequests(field) {
					less = true
				} else {
					kept[field] = value
				}
			}
			items = append(items, map[string]any{part.item: kept})
		}
		if len(items) > 0 {
			fields[part.list] = items
		}
	}
	var when []any
	for _, x := range rule.list("when") {
		if ofRequests(x.text("key")) {
			less = true
		} else {
			when = append(when, x.fields)
		}
	}
	if len(when) > 0 {
		fields["when"] = when
	}
	rule.fields = fields
	return rule, less
}
