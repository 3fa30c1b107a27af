package plan

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// settleRoutes writes into the status of HTTPRoutes what their controller would find: references
// that resolve now. Where some still do not, the status stays as it was.
func settleRoutes(before, after *snapshot.Snapshot) *snapshot.Snapshot {
	var put []metav1.Object
	for r := range after.HTTPRoutes().All() {
		if resolves(before, r) == resolves(after, r) && unchanged(before, r) {
			continue
		}
		if !resolves(after, r) {
			continue
		}
		r = r.DeepCopy()
		for i := range r.Status.Parents {
			for j := range r.Status.Parents[i].Conditions {
				c := &r.Status.Parents[i].Conditions[j]
				c.ObservedGeneration = r.Generation
				if c.Type == string(gatewayv1.RouteConditionResolvedRefs) {
					c.Status, c.Reason, c.Message = metav1.ConditionTrue, string(gatewayv1.RouteReasonResolvedRefs), ""
				}
			}
		}
		put = append(put, r)
	}
	if len(put) == 0 {
		return after
	}
	return after.WithObjects(put, nil)
}

// unchanged reports whether a route is the very object of another snapshot, and so was not changed.
func unchanged(s *snapshot.Snapshot, r *gatewayv1.HTTPRoute) bool {
	old, p := s.HTTPRoutes().Get(r.Namespace, r.Name)
	return p == snapshot.Present && old == r
}

// resolves reports whether every backend of a route is a Service with that port.
func resolves(s *snapshot.Snapshot, r *gatewayv1.HTTPRoute) bool {
	for _, rule := range r.Spec.Rules {
		for _, b := range rule.BackendRefs {
			ns := r.Namespace
			if b.Namespace != nil {
				ns = string(*b.Namespace)
			}
			svc, p := s.Services().Get(ns, string(b.Name))
			if p != snapshot.Present || b.Port == nil {
				return false
			}
			has := false
			for _, sp := range svc.Spec.Ports {
				has = has || sp.Port == *b.Port
			}
			if !has {
				return false
			}
		}
	}
	return true
}
