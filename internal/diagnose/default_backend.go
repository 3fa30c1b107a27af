package diagnose

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func defaultBackendMissing() Analyzer {
	return Analyzer{
		Cause:  "default-backend-missing",
		Doc:    "Finds default backends that do not exist or have no such port, while requests that no rule takes fall to them.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.Services},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if r.fallback && l.Presence == snapshot.Absent {
					out = append(out, v.noFallback(r, l))
					continue
				}
				if !v.onlyRest(r.Route) || l.Presence == snapshot.Unknown {
					continue
				}
				if l.Presence == snapshot.Absent || l.Port == nil && l.Service.Spec.Type != corev1.ServiceTypeExternalName {
					out = append(out, v.noDefault(r, l))
				}
			}
			return out
		},
	}
}

// onlyRest reports whether a rule is the default backend beside rules, which takes what they leave.
func (v *view) onlyRest(r path.Route) bool {
	ing := v.ingress(r)
	return ing != nil && r.Rule == "spec.defaultBackend" && len(ing.Spec.Rules) > 0
}

func (v *view) noDefault(r *route, l path.Leg) finding {
	ref := serviceRef(l)
	field, what := l.Backend.Field+".name", "does not exist"
	if l.Presence == snapshot.Present {
		field, what = l.Backend.PortField, "has no port "+l.Backend.Port()
	}
	f := find("default-backend-missing", proven, at(r.Object, field),
		fmt.Sprintf("requests that no rule of %s takes fall to its default backend %s, which %s", r.Object, ref, what)).
		on(r).as(model.NoEndpoints, model.NoRoute).relates("service", ref).
		because("object", fmt.Sprintf("%s %s", ref, what), ref, time.Time{}).
		not("service-missing", "rules lead to other Services; only what they leave falls to this one")
	f.dormant = r.failures == 0 && v.in.Target.Request == nil
	return f
}

// noFallback is the finding for a gateway whose arguments name a Service for what no rule takes that does not exist.
func (v *view) noFallback(r *route, l path.Leg) finding {
	ref := serviceRef(l)
	return find("default-backend-missing", proven, at(r.Object, r.Rule),
		fmt.Sprintf("requests that no rule takes fall to the default backend that %s is told of, %s, which does not exist", r.Object, ref)).
		on(r).relates("service", ref).because("object", fmt.Sprintf("%s is %s/%s", fallbackFlag, ref.Namespace, ref.Name), r.Object, time.Time{}).
		not("service-missing", "no rule names it; only what rules leave falls to this one")
}
