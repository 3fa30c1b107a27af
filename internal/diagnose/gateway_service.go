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
	for _, e := range f.Entries {
		if e.Stray {
			return entryLeg(e.Service), true
		}
	}
	return path.Leg{}, false
}

// entryLeg makes a leg without an end of a Service in front of a gateway.
func entryLeg(svc *corev1.Service) path.Leg {
	return path.Leg{Backend: path.Backend{Service: snapshot.RefOf(svc)}, Presence: snapshot.Present, Service: svc, Port: &svc.Spec.Ports[0]}
}
