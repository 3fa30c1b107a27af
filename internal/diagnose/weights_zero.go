package diagnose

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func routeWeightsZero() Analyzer {
	return Analyzer{
		Cause:  "route-weights-zero",
		Doc:    "Finds rules all of whose backends have weight zero, so that no request is forwarded.",
		Inputs: []snapshot.Kind{snapshot.HTTPRoutes, snapshot.Services, snapshot.EndpointSlices},
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				weighs := func(b path.Backend) bool { return b.Weight > 0 }
				if len(r.Backends) == 0 || r.Fixed != 0 || slices.ContainsFunc(r.Backends, weighs) {
					continue
				}
				out = append(out, v.weightless(r))
			}
			return out
		},
	}
}

// weightless names the weight to raise: that of the backend that had all the requests when the route was
// last applied, else of the first one that has an endpoint. What it should be is only known where no other one may have been meant:
// of two colours that both run, one may be a version that nobody has tried.
func (v *view) weightless(r *route) finding {
	serves := func(b path.Backend) bool { return v.serves(b.Service) }
	meant := slices.IndexFunc(r.Backends, serves)
	sure := len(r.Backends) == 1 || meant >= 0 && !slices.ContainsFunc(r.Backends[meant+1:], serves)
	best := 0.0
	if o, presence := v.s.Lookup(r.Object); presence == snapshot.Present {
		for i, b := range r.Backends {
			if was, ok := applied(o, b.Field+".weight"); ok {
				if n, isNumber := was.(float64); isNumber && n > best {
					meant, best = i, n
				}
			}
		}
	}
	meant = max(meant, 0)
	what := "the only backend of " + r.Rule + " has weight 0"
	if len(r.Backends) > 1 {
		what = fmt.Sprintf("all %d backends of %s have weight 0", len(r.Backends), r.Rule)
	}
	f := find("route-weights-zero", proven, at(r.Object, r.Backends[meant].Field+".weight"),
		fmt.Sprintf("%s forwards no request for %s: %s", r.Object, r, what)).
		on(r).as(model.NoRoute, model.NoEndpoints, model.UpstreamStatus).
		because("object", what, r.Object, time.Time{}).
		not("no-endpoints", "the backends' endpoints are not asked while none has a weight")
	if sure || best > 0 {
		f = f.wants(fmt.Sprint(max(1, int(best))))
	}
	return f
}

// serves reports whether a Service is known to have an endpoint that is ready.
func (v *view) serves(ref model.Ref) bool {
	for _, es := range v.s.SlicesOf(ref.Namespace, ref.Name) {
		for i := range es.Endpoints {
			if c := es.Endpoints[i].Conditions.Ready; len(es.Endpoints[i].Addresses) > 0 && (c == nil || *c) {
				return true
			}
		}
	}
	return false
}
