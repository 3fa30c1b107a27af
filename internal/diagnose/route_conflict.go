package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func routeConflict() Analyzer {
	return Analyzer{
		Cause:  "route-conflict",
		Doc:    "Finds routes that claim a host and path that another route claims too, where the one that answers fails.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services, snapshot.EndpointSlices},
		run: func(v *view) []finding {
			rivals := v.rivals()
			out := faults(v, "route-conflict", path.HostTaken)
			for _, r := range v.routes {
				if f, ok := v.conflict(r, rivals[claimOf(r.Route)]); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// claim is what only one rule of a proxy can answer.
type claim struct {
	proxy, class, host, path, method, conditions string
	gateway                                      model.Ref
	kind                                         path.Comparison
}

func claimOf(r path.Route) claim {
	return claim{
		r.Proxy, r.Class, r.Host, r.Path, r.Method, fmt.Sprint(r.Headers, r.Queries), r.Gateway, r.PathType,
	}
}

// rivals lists the served rules that claim what one of those in question does, by what they claim. A canary shares its rule's
// claim, as it must.
func (v *view) rivals() map[claim][]path.Route {
	wanted, out := map[string]bool{}, map[claim][]path.Route{}
	for _, r := range v.routes {
		wanted[r.Host] = true
	}
	all := v.m.Routes()
	for i := range all {
		r := &all[i]
		if wanted[r.Host] && r.Served() && r.Rule != "spec.defaultBackend" && !r.Settings.Yes(proxy.Canary) {
			c := claimOf(*r)
			out[c] = append(out[c], *r)
		}
	}
	return out
}

// conflict looks at a rule that fails while another one with the same claim leads to a Service that
// serves. Proxies let one of them answer: ingress-nginx and the Gateway API the older one, others none
// that could be foretold.
func (v *view) conflict(r *route, rivals []path.Route) (finding, bool) {
	if len(rivals) < 2 || !r.failing() && len(r.astray) == 0 || len(r.legs) == 0 {
		return finding{}, false
	}
	i := slices.IndexFunc(rivals, func(o path.Route) bool {
		return (o.Object != r.Object || o.Rule != r.Rule) && len(o.Backends) > 0 && differ(o, r.Route) && v.serves(o.Backends[0].Service)
	})
	if i < 0 {
		return finding{}, false
	}
	other := rivals[i]
	if firstOf := v.elder(r.Route, other); !firstOf && r.requests == 0 {
		return finding{}, false // the other one answers
	}
	field := r.Rule
	f := find("route-conflict", proven, at(r.Object, field),
		fmt.Sprintf("%s and %s both claim %s; it goes to %s, which fails, and not to %s",
			r.Object, other.Object, r, r.Backends[0].Service, other.Backends[0].Service)).
		on(r).as(wrongPlace()...).showing(r, r.astray).relates("service", other.Backends[0].Service).
		because("object", fmt.Sprintf("%s of %s has the same host and path as %s of %s", r.Rule, r.Object, other.Rule, other.Object), other.Object, time.Time{}).
		not("wrong-backend", "each of the two routes names the Service that it means")
	f.covers = !slices.ContainsFunc(rivals, func(o path.Route) bool { return o.Object == r.Object && o.Rule != r.Rule && !differ(o, r.Route) })
	return f, true
}

// differ reports whether two rules lead to different Services or ports.
func differ(a, b path.Route) bool {
	if len(a.Backends) == 0 || len(b.Backends) == 0 {
		return true
	}
	x, y := a.Backends[0], b.Backends[0]
	return x.Service != y.Service || x.PortNumber != y.PortNumber && x.PortName == y.PortName
}

// elder reports whether a rule's object was made before another's, and so answers.
func (v *view) elder(a, b path.Route) bool {
	x, okX := v.s.Lookup(a.Object)
	y, okY := v.s.Lookup(b.Object)
	if okX != snapshot.Present || okY != snapshot.Present {
		return true
	}
	s, t := x.GetCreationTimestamp().Time, y.GetCreationTimestamp().Time
	if s.Equal(t) {
		return a.Object.Compare(b.Object) <= 0
	}
	return s.Before(t)
}
