package diagnose

import (
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func serviceMissing() Analyzer {
	return Analyzer{
		Cause:  "service-missing",
		Doc:    "Finds routes whose backend Service does not exist.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.hops() {
				if l.Presence == snapshot.Absent && !r.fallback && !v.misnamed(r, l) && !v.onlyRest(r.Route) && l.Backend.PortName != "use-annotation" {
					out = append(out, v.missingService(r, l))
				}
			}
			return out
		},
	}
}

func (v *view) missingService(r *route, l path.Leg) finding {
	ref := serviceRef(l)
	says := fmt.Sprintf("%s sends %s to %s, which does not exist", l.Backend.NameAt(r.Object).Ref, r, ref)
	if r.edge != nil {
		says = fmt.Sprintf("%s calls %s, which does not exist", r.Object, ref)
	}
	f := find("service-missing", proven, at(ref, objectMissing), says).
		on(r).as(model.NoEndpoints, model.NoRoute).
		because("object", fmt.Sprintf("namespace %s has no Service %s", ref.Namespace, ref.Name), ref, time.Time{})
	if svc := v.nearService(l); svc != nil && r.edge == nil {
		f.Object = l.Backend.NameAt(r.Object)
		f.Summary += fmt.Sprintf("; Service %s does, and no route uses it", svc.Name)
		f = f.wants(text(svc.Name)).relates("service", snapshot.RefOf(svc)).
			because("object", fmt.Sprintf("Service %s has the port and no route uses it", svc.Name), snapshot.RefOf(svc), time.Time{})
		return f
	}
	for _, t := range v.templates(ref.Namespace) {
		if t.ref.Name == ref.Name {
			f = f.relates("workload", t.ref).because("object", fmt.Sprintf("%s, which such a Service would select, is there", t.ref), t.ref, time.Time{})
		}
	}
	return f
}

// nearService finds the one Service whose name is nearly that of a missing one, that has the port,
// and that no other route uses.
func (v *view) nearService(l path.Leg) *corev1.Service {
	var found *corev1.Service
	for svc := range v.s.Services().In(l.Backend.Service.Namespace) {
		if !alike(svc.Name, l.Backend.Service.Name) || len(v.m.To(svc.Namespace, svc.Name)) > 0 || !hasPort(svc, l.Backend) {
			continue
		}
		if found != nil {
			return nil
		}
		found = svc
	}
	return found
}

func hasPort(svc *corev1.Service, b path.Backend) bool {
	for _, p := range svc.Spec.Ports {
		if b.PortName != "" && p.Name == b.PortName || b.PortName == "" && p.Port == b.PortNumber {
			return true
		}
	}
	return false
}

// text is a string as JSON.
func text(s string) string { return jsonOf(s) }

// jsonOf is a value as JSON; empty for one that has no such form.
func jsonOf(x any) string {
	data, err := json.Marshal(x)
	if err != nil {
		return ""
	}
	return string(data)
}
