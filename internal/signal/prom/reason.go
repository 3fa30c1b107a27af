package prom

import (
	"cmp"
	"maps"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// reason is how often something went wrong.
type reason struct {
	*proxy.ReasonCounter
	count uint64
}

// divide gives failed requests the failures that were counted beside them at the same place. What is counted
// may be tries, of which one request has several: where there are more of them than failed requests, these
// are shared out in proportion; where there are fewer, the rest was answered so by the application.
//
// counted says whether the proxy counts reasons at all.
func divide(requests map[model.Count]uint64, reasons map[place][]reason, counted bool) map[model.Count]uint64 {
	out := map[model.Count]uint64{}
	for _, c := range slices.SortedFunc(maps.Keys(requests), func(a, b model.Count) int { return cmp.Compare(a.Status, b.Status) }) {
		n := requests[c]
		if c.Class != 5 || c.Failure != model.NoFailure {
			out[c] += n
			continue
		}
		kinds := kindsOf(reasons[placeOf(c)], c)
		rest := n
		for _, k := range share(kinds, n) {
			c.Failure = k.Failure
			out[c] += k.count
			rest -= k.count
		}
		if rest > 0 {
			c.Failure = model.OtherFailure
			if counted {
				c.Failure = model.UpstreamStatus
			}
			out[c] += rest
		}
	}
	return out
}

// kindsOf are the reasons that lead to a status, without those that are counted by themselves as well.
func kindsOf(all []reason, c model.Count) []reason {
	var out []reason
	for _, r := range all {
		if r.Status != 0 && c.Status != 0 && r.Status != c.Status {
			continue
		}
		for _, other := range all {
			if slices.Contains(r.Beside, other.Name) {
				r.count -= min(r.count, other.count)
			}
		}
		if r.count > 0 {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b reason) int { return cmp.Compare(b.count, a.count) })
	return out
}

// share cuts the counts down to n together, the largest remainder first.
func share(kinds []reason, n uint64) []reason {
	var sum uint64
	for _, k := range kinds {
		sum += k.count
	}
	if sum <= n {
		return kinds
	}
	left := n
	for i := range kinds {
		kinds[i].count = uint64(float64(n) * float64(kinds[i].count) / float64(sum))
		left -= min(left, kinds[i].count)
	}
	for i := range kinds {
		if left > 0 {
			kinds[i].count++
			left--
		}
	}
	return slices.DeleteFunc(kinds, func(k reason) bool { return k.count == 0 })
}
