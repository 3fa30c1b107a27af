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

func trafficShiftRace() Analyzer {
	return Analyzer{
		Cause:  "traffic-shift-race",
		Doc:    "Finds routes whose weights or subset changed before the pods that got the requests were ready, or before the subset or the Service was there.",
		Inputs: append(podKinds(), snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Other), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if f, ok := v.namedTooSoon(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.namedBeforeMade(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.tooEarly(r, l); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// shiftLag is how long a proxy may take to hear of new endpoints after they are ready, besides the rounding of
// clocks.
const shiftLag = 15 * time.Second

// shift is a change of where requests go.
type shift struct {
	model.Changed
	object model.FieldRef
}

// tooEarly explains requests that found nobody from when a share of them was sent to a backend until its pods
// were ready and the proxy knew them.
func (v *view) tooEarly(r *route, l path.Leg) (finding, bool) {
	kinds := []model.FailureKind{model.NoEndpoints, model.NoRoute}
	if r.edge != nil || len(r.hits(kinds...)) == 0 || v.explains(r, model.NoEndpoints) || v.explains(r, model.NoRoute) {
		return finding{}, false
	}
	ready := firstReady(l)
	if ready.IsZero() && !v.coming(l) {
		return finding{}, false
	}
	for _, s := range v.shifts(r, l) {
		until := ready.Add(shiftLag)
		if ready.IsZero() {
			until = v.s.At()
		} else if s.At.After(until) || ready.Sub(s.At) > changedBefore {
			continue // they were ready long before
		}
		met, all := within(r, kinds, s.At.Add(-beforeStop), until)
		if s.At.Add(shiftLag).After(until) {
			met, all = within(r, kinds, s.At.Add(-beforeStop), s.At.Add(shiftLag))
		}
		if len(met) < 2 || len(met)*2 < all {
			continue
		}
		confidence, when := proven, fmt.Sprintf("its pods were ready at %s only", clock(ready))
		switch {
		case ready.IsZero():
			when = "none of its pods is ready yet"
		case !ready.After(s.At):
			confidence, when = likely, fmt.Sprintf("its first pod had been ready for %s, which not every proxy knew", s.At.Sub(ready))
		}
		f := find("traffic-shift-race", confidence, s.object,
			fmt.Sprintf("%s sent requests for %s to %s at %s, and %s", s.Who, r, destined(l), clock(s.At), when)).
			on(r).as(kinds...).covering(met).since(s.At).relates("service", serviceRef(l)).
			because("change", s.String(), s.Object, s.At).
			because("proxy-log", fmt.Sprintf("%d of %d requests that found nobody fall in that time", len(met), all), r.Object, met[0].At).
			not("no-endpoints", "it had none for a moment, and requests came before")
		for _, ref := range v.behind(l) {
			f = f.relates("workload", ref)
		}
		return f, true
	}
	return finding{}, false
}

func destined(l path.Leg) string {
	if s := l.Backend.Subset; s != nil {
		return fmt.Sprintf("subset %s of %s", s.Name, serviceRef(l))
	}
	return serviceRef(l).String()
}

// within lists the failures of some kinds in a time, and counts all of these kinds.
func within(r *route, kinds []model.FailureKind, from, to time.Time) (met []*model.Signal, all int) {
	for i := range r.signals {
		s := &r.signals[i]
		if !slices.Contains(kinds, s.Failure) {
			continue
		}
		all++
		if !s.At.Before(from) && !s.At.After(to) {
			met = append(met, s)
		}
	}
	return met, all
}

// firstReady is since when the first of a backend's pods has been ready; zero if none is.
func firstReady(l path.Leg) time.Time {
	var first time.Time
	for _, e := range l.ReadyEnds() {
		if e.Pod == nil {
			return time.Time{}
		}
		if c := path.PodCondition(e.Pod, "Ready"); c != nil && path.Ready(e.Pod) && (first.IsZero() || c.LastTransitionTime.Time.Before(first)) {
			first = c.LastTransitionTime.Time
		}
	}
	return first
}

// coming reports whether a backend has only pods that are new and not ready yet, with nothing wrong about them.
func (v *view) coming(l path.Leg) bool {
	found := false
	for _, p := range l.Selected {
		if s := l.Backend.Subset; s != nil && !snapshot.Matches(s.Labels, p.Labels) {
			continue
		}
		if t := v.trouble(p); path.Ready(p) || p.DeletionTimestamp != nil || !v.young(p) || t.cause != "" && t.cause != "pods-not-ready" {
			return false
		}
		found = true
	}
	return found
}

// shifts lists the changes that sent requests to a backend: of its weight, of the subset that the route names, of
// what the subset stands for, or of the share of a canary.
func (v *view) shifts(r *route, l path.Leg) []shift {
	stem := strings.TrimSuffix(l.Backend.Field, ".destination.host")
	var places []model.FieldRef
	if s := l.Backend.Subset; s != nil {
		if len(r.Backends) == 1 {
			places = append(places, at(r.Object, s.Field))
		}
		if !s.Missing {
			places = append(places, s.LabelsAt)
		}
	}
	if len(r.Backends) > 1 {
		places = append(places, at(r.Object, stem+".weight"))
	}
	for _, name := range []string{"nginx.ingress.kubernetes.io/canary-weight", "nginx.ingress.kubernetes.io/canary"} {
		places = append(places, at(r.Object, annotation(name)))
	}
	var out []shift
	for _, p := range places {
		o, presence := v.s.Lookup(p.Ref)
		if presence != snapshot.Present {
			continue
		}
		for _, c := range timeline.Writes(o) {
			if c.Field != "" && c.What != "created it" && touches(c.Field, p.Field) && c.Field != "metadata.annotations" {
				out = append(out, shift{c, p})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b shift) int { return b.At.Compare(a.At) })
	return out
}
