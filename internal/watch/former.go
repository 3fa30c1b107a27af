package watch

import (
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// lag is for how long a gateway may go by rules that are no longer those of the cluster: controllers gather changes for a
// moment, and what is being answered meanwhile is logged at its end.
const lag = 15 * time.Second

// mostFormer is how many former rules are kept, in a cluster whose rules change all the time.
const mostFormer = 8

// former are the rules before the last changes, the oldest first. A gateway that has not followed yet names in its log what
// only they have: such a line is about the route that it was about then, and not about one that nobody knows. Of several
// changes in a row each counts: what is broken and mended within seconds was in force only between the two.
type former []formerRules

type formerRules struct {
	routes *path.Map
	until  time.Time // when no gateway goes by them any more
}

// unheardOf reports whether a signal that no rule takes may be about one that was replaced right before the watch began:
// it names what its gateway goes by, and gateways may not have followed yet. Such a line tells of no route that fails now.
func unheardOf(sig model.Signal, began, now time.Time) bool {
	return (sig.Service != "" || sig.RouteName != "") && now.Sub(began) < lag
}

// replaced notes rules that were replaced just now.
func (f *former) replaced(before *path.Map, now time.Time) {
	f.forget(now)
	if len(*f) == mostFormer {
		*f = slices.Delete(*f, 1, 2) // the slowest gateway goes by the oldest
	}
	*f = append(*f, formerRules{before, now.Add(lag)})
}

func (f *former) forget(now time.Time) {
	*f = slices.DeleteFunc(*f, func(r formerRules) bool { return now.After(r.until) })
}

// locate finds the rule that a signal is about by the former rules that may be in force somewhere, by the latest ones first.
func (f *former) locate(sig model.Signal, now time.Time) (path.Route, bool) {
	f.forget(now)
	for _, r := range slices.Backward(*f) {
		if route, ok := r.routes.Locate(sig); ok {
			return route, true
		}
	}
	return path.Route{}, false
}
