package detect

import (
	"cmp"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
)

// Bounds of an observation.
const (
	maxSamples   = 3
	maxUpstreams = 10
)

// observed tells observations apart.
type observed struct {
	route   string
	object  model.Ref
	proxy   string
	status  int
	failure model.FailureKind
}

// tally collects one observation.
type tally struct {
	model.Observation
	reasons   map[string]int
	addresses map[string]int
}

// Observe sums up what failed, route by route: one observation for each kind of failure, most frequent
// first. Error lines are joined to their requests first (see [Join]). routeOf names the route of a
// signal as it shall be printed, and the Ingress or HTTPRoute if known.
func Observe(signals []model.Signal, routeOf func(model.Signal) (route string, object model.Ref)) []model.Observation {
	type routeID struct {
		route  string
		object model.Ref
	}
	requests := map[routeID]int{}
	tallies := map[observed]*tally{}
	for _, s := range Join(signals) {
		route, object := routeOf(s)
		if !s.ErrorLog {
			requests[routeID{route, object}]++
		}
		if !s.Failed() {
			continue
		}
		key := observed{route, object, s.Proxy, s.Status, s.Failure}
		t := tallies[key]
		if t == nil {
			t = &tally{
				Observation: model.Observation{Route: route, Object: object, Proxy: s.Proxy, Status: s.Status, Failure: s.Failure},
				reasons:     map[string]int{},
				addresses:   map[string]int{},
			}
			tallies[key] = t
		}
		t.add(s)
	}
	observations := make([]model.Observation, 0, len(tallies))
	for _, t := range tallies {
		t.Requests = requests[routeID{t.Route, t.Object}]
		t.Reason = mostFrequent(t.reasons)
		if upstreams := ranked(t.addresses); len(upstreams) > 0 {
			t.Upstreams = upstreams[:min(len(upstreams), maxUpstreams)]
		}
		observations = append(observations, t.Observation)
	}
	slices.SortFunc(observations, func(a, b model.Observation) int {
		return cmp.Or(
			cmp.Compare(b.Count, a.Count), cmp.Compare(a.Route, b.Route), a.Object.Compare(b.Object),
			cmp.Compare(a.Proxy, b.Proxy), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Failure, b.Failure),
		)
	})
	return observations
}

func (t *tally) add(s model.Signal) {
	t.Count++
	if t.First.IsZero() || s.At.Before(t.First) {
		t.First = s.At
	}
	if s.At.After(t.Last) {
		t.Last = s.At
	}
	if s.Reason != "" {
		t.reasons[s.Reason]++
	}
	for _, try := range s.Tries {
		t.addresses[try.Address]++
	}
	if len(t.Samples) < maxSamples {
		t.Samples = append(t.Samples, s)
	}
}

// ranked returns the keys, most frequent first.
func ranked(counts map[string]int) []string {
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	return keys
}

func mostFrequent(counts map[string]int) string {
	if keys := ranked(counts); len(keys) > 0 {
		return keys[0]
	}
	return ""
}
