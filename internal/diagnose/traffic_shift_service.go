package diagnose

import (
	"fmt"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/timeline"
)

// namedBeforeMade explains requests that found nobody because their route was written to go to a Service that was made
// only afterwards: a proxy hears of the two in this order too.
func (v *view) namedBeforeMade(r *route, l path.Leg) (finding, bool) {
	kinds := []model.FailureKind{model.NoEndpoints, model.NoRoute}
	if r.edge != nil || l.Service == nil || len(r.hits(kinds...)) < 2 || v.explains(r, model.NoEndpoints) || v.explains(r, model.NoRoute) {
		return finding{}, false
	}
	o, presence := v.s.Lookup(r.Object)
	if presence != snapshot.Present {
		return finding{}, false
	}
	where, made := at(r.Object, l.Backend.Field), l.Service.CreationTimestamp.Time
	for _, c := range timeline.Writes(o) {
		if c.Field == "" || !touches(c.Field, where.Field) || !c.At.Before(made) || made.Sub(c.At) > changedBefore {
			continue
		}
		met, all := within(r, kinds, c.At.Add(-beforeStop), made.Add(shiftLag))
		if len(met) < 2 || len(met)*2 < all || met[0].At.Sub(c.At) > toldLate {
			continue // nor was it the change, where requests were served for longer after it: the Service was made anew
		}
		f := find("traffic-shift-race", proven, where,
			fmt.Sprintf("%s sent requests for %s to %s at %s, which was made at %s only", c.Who, r, serviceRef(l), clock(c.At), clock(made))).
			on(r).as(kinds...).covering(met).since(c.At).relates("service", serviceRef(l)).
			because("change", c.String(), c.Object, c.At).
			because("object", fmt.Sprintf("%s was made at %s", serviceRef(l), clock(made)), serviceRef(l), made).
			because("proxy-log", fmt.Sprintf("%d of %d requests that found nobody fall in that time, or just after it", len(met), all), r.Object, met[0].At).
			not("service-missing", "it exists since, and requests that came before found nobody")
		for _, ref := range v.behind(l) {
			f = f.relates("workload", ref)
		}
		return f, true
	}
	return finding{}, false
}
