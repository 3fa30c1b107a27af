package plan

import (
	"iter"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// gatewayRoute is what HTTPRoutes and GRPCRoutes have in common.
type gatewayRoute struct {
	object   metav1.Object
	parents  []gatewayv1.ParentReference
	backends []gatewayv1.BackendRef
	status   *[]gatewayv1.RouteParentStatus
}

func ofHTTP(r *gatewayv1.HTTPRoute) gatewayRoute {
	out := gatewayRoute{object: r, parents: r.Spec.ParentRefs, status: &r.Status.Parents}
	for _, rule := range r.Spec.Rules {
		for _, b := range rule.BackendRefs {
			out.backends = append(out.backends, b.BackendRef)
		}
	}
	return out
}

func ofGRPC(r *gatewayv1.GRPCRoute) gatewayRoute {
	out := gatewayRoute{object: r, parents: r.Spec.ParentRefs, status: &r.Status.Parents}
	for _, rule := range r.Spec.Rules {
		for _, b := range rule.BackendRefs {
			out.backends = append(out.backends, b.BackendRef)
		}
	}
	return out
}

// settleRoutes writes into the status of routes what their controller would find where something that they
// rest on has changed: that they are taken, and that their references resolve. Whether a listener takes them
// is for the walk to say, which looks at the listeners themselves. Where some references still do not
// resolve, the status stays as it was.
func settleRoutes(before, after *snapshot.Snapshot) *snapshot.Snapshot {
	if !routesRestOn(before, after) {
		return after
	}
	put := slices.Concat(accepted(before, after, after.HTTPRoutes().All(), ofHTTP), accepted(before, after, after.GRPCRoutes().All(), ofGRPC))
	if len(put) == 0 {
		return after
	}
	return after.WithObjects(put, nil)
}

// routesRestOn reports whether anything differs that the status of any route could rest on, so that in a big cluster not every
// route is looked at for each what-if.
func routesRestOn(before, after *snapshot.Snapshot) bool {
	for d := range after.Since(before, snapshot.HTTPRoutes, snapshot.GRPCRoutes, snapshot.Gateways, snapshot.ReferenceGrants, snapshot.Services) {
		was, had := d.Before.(*corev1.Service)
		is, has := d.After.(*corev1.Service)
		if !had || !has || !slices.EqualFunc(was.Spec.Ports, is.Spec.Ports, func(a, b corev1.ServicePort) bool { return a.Port == b.Port }) {
			return true
		}
	}
	return false
}

// accepted gives the routes of a kind that are concerned, with a status with which their controller is content.
func accepted[R interface {
	metav1.Object
	DeepCopy() R
}](before, after *snapshot.Snapshot, routes iter.Seq[R], of func(R) gatewayRoute) []metav1.Object {
	var put []metav1.Object
	for r := range routes {
		if concerned(before, after, of(r)) {
			r = r.DeepCopy()
			accept(of(r))
			put = append(put, r)
		}
	}
	return put
}

// concerned reports whether a route's references resolve, and it, they or its Gateway have changed.
func concerned(before, after *snapshot.Snapshot, r gatewayRoute) bool {
	if !resolves(after, r) {
		return false
	}
	ref := snapshot.RefOf(r.object)
	return moved(before, after, ref) || !resolves(before, r) || slices.ContainsFunc(r.parents, func(p gatewayv1.ParentReference) bool {
		gw := model.Ref{APIVersion: gatewayv1.GroupVersion.String(), Kind: string(snapshot.Gateways), Namespace: ref.Namespace, Name: string(p.Name)}
		if p.Namespace != nil {
			gw.Namespace = string(*p.Namespace)
		}
		return moved(before, after, gw)
	})
}

// accept writes a status of a route with which its controller is content.
func accept(r gatewayRoute) {
	for i := range *r.status {
		for j := range (*r.status)[i].Conditions {
			c := &(*r.status)[i].Conditions[j]
			c.ObservedGeneration = r.object.GetGeneration()
			switch c.Type {
			case string(gatewayv1.RouteConditionResolvedRefs):
				c.Status, c.Reason, c.Message = metav1.ConditionTrue, string(gatewayv1.RouteReasonResolvedRefs), ""
			case string(gatewayv1.RouteConditionAccepted):
				c.Status, c.Reason, c.Message = metav1.ConditionTrue, string(gatewayv1.RouteReasonAccepted), ""
			}
		}
	}
}

// moved reports whether an object is another one than in another snapshot.
func moved(before, after *snapshot.Snapshot, ref model.Ref) bool {
	a, _ := before.Lookup(ref)
	b, _ := after.Lookup(ref)
	return a != b
}

// resolves reports whether every backend of a route is a Service with that port, to which it may refer.
func resolves(s *snapshot.Snapshot, r gatewayRoute) bool {
	for _, b := range r.backends {
		ns := r.object.GetNamespace()
		if b.Namespace != nil {
			ns = string(*b.Namespace)
		}
		svc, p := s.Services().Get(ns, string(b.Name))
		if p != snapshot.Present || b.Port == nil || ns != r.object.GetNamespace() && !granted(s, r.object, ns, svc.Name) {
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
	return true
}

// granted reports whether a ReferenceGrant lets a route refer to a Service of another namespace.
func granted(s *snapshot.Snapshot, route metav1.Object, namespace, service string) bool {
	kind := snapshot.RefOf(route).Kind
	for g := range s.ReferenceGrants().In(namespace) {
		from := slices.ContainsFunc(g.Spec.From, func(f gatewayv1.ReferenceGrantFrom) bool {
			return f.Group == gatewayv1.GroupName && string(f.Kind) == kind && string(f.Namespace) == route.GetNamespace()
		})
		to := slices.ContainsFunc(g.Spec.To, func(t gatewayv1.ReferenceGrantTo) bool {
			return t.Kind == "Service" && (t.Name == nil || string(*t.Name) == service)
		})
		if from && to {
			return true
		}
	}
	return !s.ReferenceGrants().Covers(namespace)
}

// settleGateways takes back what a controller said against a Gateway that was changed, if all certificates
// that it refers to exist: it would look anew.
func settleGateways(before, after *snapshot.Snapshot) *snapshot.Snapshot {
	var put []metav1.Object
	for gw := range after.Gateways().All() {
		if !moved(before, after, snapshot.RefOf(gw)) || !certified(after, gw) {
			continue
		}
		gw = gw.DeepCopy()
		content(gw.Status.Conditions)
		for i := range gw.Status.Listeners {
			content(gw.Status.Listeners[i].Conditions)
		}
		put = append(put, gw)
	}
	if len(put) == 0 {
		return after
	}
	return after.WithObjects(put, nil)
}

// content sets conditions as they are on a Gateway that works.
func content(conditions []metav1.Condition) {
	for i := range conditions {
		c := &conditions[i]
		c.Status = metav1.ConditionTrue
		if c.Type == string(gatewayv1.ListenerConditionConflicted) {
			c.Status = metav1.ConditionFalse
		}
		c.Reason, c.Message = c.Type, ""
	}
}

// certified reports whether no Secret that a Gateway's listeners refer to is known to be missing.
func certified(s *snapshot.Snapshot, gw *gatewayv1.Gateway) bool {
	for _, l := range gw.Spec.Listeners {
		if l.TLS == nil {
			continue
		}
		for _, ref := range l.TLS.CertificateRefs {
			ns := gw.Namespace
			if ref.Namespace != nil {
				ns = string(*ref.Namespace)
			}
			if _, presence := s.Secrets().Get(ns, string(ref.Name)); presence == snapshot.Absent && (ref.Kind == nil || *ref.Kind == "Secret") {
				return false
			}
		}
	}
	return true
}
