package diagnose

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// strayEntries finds Services through which the world reaches a gateway and that select none of its pods, while
// no other such Service does. No request arrives then, so that no gateway logs anything: what was seen to
// arrive speaks against it.
func (v *view) strayEntries() []finding {
	var out []finding
	for _, r := range v.routes {
		if r.requests > 0 {
			continue
		}
		for _, fleet := range v.m.Fleets(r.Route) {
			if l, ok := v.strayEntry(fleet); ok {
				out = append(out, mismatch(r, l, v.fleetWorkload(fleet), true))
			}
		}
	}
	return out
}

func (v *view) strayEntry(f path.Fleet) (path.Leg, bool) {
	var found *corev1.Service
	if !v.s.Pods().Covers(f.Object.Namespace) || len(f.Pods) == 0 || f.Pod.Spec.HostNetwork {
		return path.Leg{}, false
	}
	for svc := range v.s.Services().In(f.Object.Namespace) {
		if matches(svc.Spec.Selector, f.Pod.Labels) {
			return path.Leg{}, false
		}
		if svc.Spec.Type == corev1.ServiceTypeLoadBalancer && len(svc.Spec.Selector) > 0 && len(svc.Spec.Ports) > 0 && !v.selectsAny(svc) {
			found = svc
		}
	}
	if found == nil {
		return path.Leg{}, false
	}
	return path.Leg{Backend: path.Backend{Service: snapshot.RefOf(found)}, Presence: snapshot.Present, Service: found, Port: &found.Spec.Ports[0]}, true
}

func (v *view) selectsAny(svc *corev1.Service) bool {
	for p := range v.s.Pods().In(svc.Namespace) {
		if matches(svc.Spec.Selector, p.Labels) {
			return true
		}
	}
	return false
}
