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

// localEntries finds Services that take requests from outside on every node and, by externalTrafficPolicy Local, drop
// them on those without a pod behind them. Which nodes clients use is not known: it is a cause only where somebody asks
// about a route by which no request was seen to come.
func (v *view) localEntries() []finding {
	var out []finding
	for _, r := range v.routes {
		if e, ok := v.localEntry(r); ok {
			nodes := path.LocalNodes(e)
			if lone := v.receivers(nodes); len(nodes) > 0 && len(lone) > 0 {
				out = append(out, v.dropped(r, e.Service, nodes, lone))
			}
		}
	}
	return out
}

// localEntry is the Service by which requests for a route come, if every such Service has the policy and nothing takes
// nodes without a pod out. A load balancer asks the health check's node port for that; one without it does not know.
func (v *view) localEntry(r *route) (path.Entry, bool) {
	var found path.Entry
	for _, e := range v.entries(r) {
		if path.Outside(e.Service) {
			checked := e.Service.Spec.Type == corev1.ServiceTypeLoadBalancer && e.Service.Spec.HealthCheckNodePort != 0
			if path.LocalNodes(e) == nil || checked {
				return path.Entry{}, false
			}
			found = e
		}
	}
	return found, found.Service != nil
}

// entries lists the Services in front of a route's gateway, or the one that is its own entry.
func (v *view) entries(r *route) []path.Entry {
	if r.Direct() {
		if svc, ok := v.s.Services().Get(r.Object.Namespace, r.Object.Name); ok == snapshot.Present {
			return []path.Entry{v.m.Entry(svc)}
		}
		return nil
	}
	var out []path.Entry
	for _, f := range v.m.Fleets(r.Route) {
		out = append(out, f.Entries...)
	}
	return out
}

// receivers lists the ready nodes, besides those named, to which clients may send requests: workers that are not kept out
// of load balancers.
func (v *view) receivers(but []string) []string {
	var out []string
	for n := range v.s.Nodes().All() {
		_, kept := n.Labels[corev1.LabelNodeExcludeBalancers]
		_, control := n.Labels["node-role.kubernetes.io/control-plane"]
		if verdict, _ := path.NodeReady(v.s, n.Name); verdict == model.OK && !kept && !control && !slices.Contains(but, n.Name) {
			out = append(out, n.Name)
		}
	}
	slices.Sort(out)
	return out
}

func (v *view) dropped(r *route, svc *corev1.Service, nodes, lone []string) finding {
	ref := snapshot.RefOf(svc)
	asked := !v.in.Target.IsZero() && r.requests == 0 && svc.Spec.Type == corev1.ServiceTypeNodePort
	confidence := likely
	if asked {
		confidence = proven
	}
	f := find("traffic-policy-local", confidence, at(ref, "spec.externalTrafficPolicy"),
		fmt.Sprintf("%s only takes requests on nodes with a ready pod behind it (%s); what comes in on %s is dropped", ref, strings.Join(nodes, ", "), strings.Join(lone, ", "))).
		on(r).as(model.ConnectTimeout, model.NoRoute).relates("service", ref).wants(`"Cluster"`).
		because("object", fmt.Sprintf("%s of type %s has externalTrafficPolicy: Local", ref, svc.Spec.Type), ref, time.Time{})
	f.dormant = !asked
	return f
}
