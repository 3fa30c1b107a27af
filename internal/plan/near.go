package plan

import (
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// namespaces is a set of namespaces.
type namespaces map[string]bool

// touched are the namespaces in which remedies change something, directly or through a controller,
// and those of the routes that they are to mend.
func touched(faults []model.Fault) namespaces {
	near := namespaces{}
	for _, f := range faults {
		near[f.Finding.Object.Namespace] = true
		for _, c := range f.Remedy.Changes {
			near[c.Target.Namespace] = true
		}
		for _, route := range f.Finding.Routes {
			near[route.Namespace] = true
		}
	}
	return near
}

// meets reports whether a route is in one of the namespaces, or leads into one.
func (n namespaces) meets(r path.Route) bool {
	if n[r.Object.Namespace] || n[r.Gateway.Namespace] && !r.Gateway.IsZero() {
		return true
	}
	for _, b := range r.Backends {
		if n[b.Service.Namespace] {
			return true
		}
	}
	return false
}

// inRule reports whether a field of a route belongs to one of its rules. An annotation or a field
// outside of all rules belongs to each.
func inRule(field, rule string) bool {
	if !strings.HasPrefix(field, "spec.rules") && !strings.HasPrefix(field, "spec.defaultBackend") {
		return true
	}
	rest, ok := strings.CutPrefix(field, rule)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
