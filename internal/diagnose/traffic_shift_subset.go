package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/timeline"
)

// toldLate bounds how long before a subset was defined the last request may have missed it: a quiet route is not
// asked for every second.
const toldLate = time.Minute

// namedTooSoon explains requests for a subset that no proxy had a cluster for yet: the route named it before a
// DestinationRule defined it. Envoy says of such requests that their cluster is not found, and Istio's name of the
// cluster tells the subset (istio.io, docs: traffic management problems, 503 errors after setting a destination rule).
func (v *view) namedTooSoon(r *route, l path.Leg) (finding, bool) {
	s := l.Backend.Subset
	if r.edge != nil || s == nil || s.Missing || s.LabelsAt.Kind != "DestinationRule" {
		return finding{}, false
	}
	defined, ok := v.defined(s.LabelsAt)
	if !ok {
		return finding{}, false
	}
	unheard := v.unknownUntil(l, defined.At)
	var met []*model.Signal
	for i := range r.signals {
		g := &r.signals[i]
		named := strings.Contains(g.Raw, "outbound|")
		if clusterMissing(g) && (named && strings.Contains(g.Raw, "|"+s.Name+"|") || !named && unheard) {
			met = append(met, g)
		}
	}
	if len(met) < 2 {
		return finding{}, false
	}
	first, last := met[0].At, met[len(met)-1].At
	if defined.At.Sub(first) > changedBefore || last.Before(defined.At.Add(-toldLate)) || last.After(defined.At.Add(shiftLag)) {
		return finding{}, false
	}
	where := at(r.Object, s.Field)
	f := find("traffic-shift-race", proven, where,
		fmt.Sprintf("%s named subset %s of %s before the proxies knew it: %s defined it at %s", r.Object, s.Name, serviceRef(l), defined.Object, clock(defined.At))).
		on(r).as(model.NoEndpoints, model.NoRoute).covering(met).since(first).relates("service", serviceRef(l)).
		because("change", defined.String(), defined.Object, defined.At).
		because("proxy-log", fmt.Sprintf("%d requests were sent to the subset while no proxy had a cluster for it, the last at %s", len(met), clock(last)), r.Object, first)
	for _, c := range v.shifts(r, l) {
		if c.Object == r.Object && c.At.Before(first.Add(beforeStop)) && first.Sub(c.At) < toldLate {
			return f.since(c.At), true
		}
	}
	if first.After(defined.At) {
		f.Confidence = likely // both came at once, as far as is known
	}
	return f, true
}

// unknownUntil reports whether the pods of a route's subset got no request until some time, and got some after. Envoy does not always
// write of which cluster it says that it has none: then it is the one that nobody was sent to yet.
func (v *view) unknownUntil(l path.Leg, at time.Time) bool {
	after := false
	for i := range v.in.Signals {
		s := &v.in.Signals[i]
		if !slices.ContainsFunc(l.ReadyEnds(), func(e path.End) bool { return e.IP == lastHost(s) }) {
			continue
		}
		if s.At.Before(at) {
			return false
		}
		after = true
	}
	return after
}

// clusterMissing reports whether Envoy says of a request that it has no cluster for it.
func clusterMissing(s *model.Signal) bool {
	return slices.Contains(strings.Fields(s.Reason), "NC") || strings.Contains(s.Reason, "cluster_not_found")
}

// defined is the last write of what a DestinationRule says of its subsets.
func (v *view) defined(p model.FieldRef) (last model.Changed, ok bool) {
	o, presence := v.s.Lookup(p.Ref)
	if presence != snapshot.Present {
		return last, false
	}
	for _, c := range timeline.Writes(o) {
		if (c.What == "created it" || touches(c.Field, p.Field)) && c.At.After(last.At) {
			last, ok = c, true
		}
	}
	return last, ok
}
