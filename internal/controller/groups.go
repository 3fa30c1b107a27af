package controller

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/detect"
)

// mostRoutes is how many further routes an incident names.
const mostRoutes = 64

// group is what one incident is about: an alarm, and those that began with it and have no incident of their own.
type group struct {
	first  detect.Alarm            // as it was heard of last, also once it has ended
	others map[string]detect.Alarm // by route
	// suffix is of the name of the incident that is being created, with that one however often it takes; one writer has it at a time.
	suffix   string
	incident types.NamespacedName // to which it was written, by [clerk.write] alone; zero: to none yet
}

// over reports whether nothing more will be heard of a group.
func (g *group) over() bool {
	if !g.first.Ended {
		return false
	}
	for _, a := range g.others {
		if !a.Ended {
			return false
		}
	}
	return true
}

// sum is the first alarm with the counts of all, and the further routes, those with most errors first.
func (g *group) sum() (detect.Alarm, []string) {
	total := g.first
	others := make([]detect.Alarm, 0, len(g.others))
	for _, a := range g.others {
		others = append(others, a)
		total.Requests += a.Requests
		total.Errors += a.Errors
		if a.To.After(total.To) {
			total.To = a.To
		}
	}
	slices.SortFunc(others, func(a, b detect.Alarm) int { return cmp.Or(b.Errors-a.Errors, cmp.Compare(a.Route, b.Route)) })
	var routes []string
	for _, a := range others[:min(len(others), mostRoutes)] {
		routes = append(routes, clipRoute(a.Route))
	}
	return total, routes
}

// groups are the alarms that are open, and those that ended of groups of which one is.
type groups struct {
	begun map[string]*group // by the route of the first alarm
	of    map[string]string // the first route of each alarm that follows
}

func newGroups() groups { return groups{begun: map[string]*group{}, of: map[string]string{}} }

// take takes in what is heard of an alarm, and gives the first route of its group. first is that of an alarm that opens and
// follows from another. One that follows and goes on for a while is not over with the first one: it gets a group of its own.
func (g groups) take(a detect.Alarm, first string) string {
	if begun := g.begun[first]; begun != nil && !begun.first.Ended && !a.Ended {
		begun.others[a.Route], g.of[a.Route] = a, first
		return first
	}
	if follows, ok := g.of[a.Route]; ok {
		if a.Ended {
			g.begun[follows].others[a.Route] = a
			return follows
		}
		delete(g.begun[follows].others, a.Route)
		delete(g.of, a.Route)
	}
	begun := g.begun[a.Route]
	switch {
	case begun == nil || begun.first.Ended && !a.Ended:
		g.begun[a.Route] = &group{first: a, others: g.stillOpen(a.Route)}
	case a.Ended || a.Errors >= begun.first.Errors: // a diagnosis takes a moment, in which more errors are heard of
		begun.first = a
	}
	return a.Route
}

// stillOpen takes those that are open out of a group whose first alarm has ended.
func (g groups) stillOpen(first string) map[string]detect.Alarm {
	out := map[string]detect.Alarm{}
	if begun := g.begun[first]; begun != nil {
		for route, a := range begun.others {
			if a.Ended {
				g.leave(route, first)
				continue
			}
			out[route] = a
		}
	}
	return out
}

// open reports whether the alarm of a route is.
func (g groups) open(route string) bool {
	if begun := g.begun[route]; begun != nil && !begun.first.Ended {
		return true
	}
	follows, ok := g.of[route]
	return ok && !g.begun[follows].others[route].Ended
}

// drop forgets a group if it is over.
func (g groups) drop(first string) {
	begun := g.begun[first]
	if begun == nil || !begun.over() {
		return
	}
	for route := range begun.others {
		g.leave(route, first)
	}
	delete(g.begun, first)
}

// leave notes that a route does not follow from another one any more. One that failed again may follow from a third one by now.
func (g groups) leave(route, first string) {
	if g.of[route] == first {
		delete(g.of, route)
	}
}

// account is what is to be written of a group.
type account struct {
	of     *group // nil: there is none
	alarm  detect.Alarm
	routes []string
	whole  bool // nothing more will be heard of it
}

// heard gives what is to be written of the group of a route.
func (c *clerk) heard(route string) account {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.groups.begun[route]
	if of == nil {
		return account{}
	}
	a, routes := of.sum()
	return account{of: of, alarm: a, routes: routes, whole: of.over()}
}

// wrote notes to which incident a group was written, unless another one has begun there. One that was written as a whole is not
// needed any more.
func (c *clerk) wrote(n account, route string, key types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.of == nil || c.groups.begun[route] != n.of {
		return
	}
	n.of.incident, n.of.suffix = key, "" // what comes after it has a name of its own
	if n.whole {
		c.groups.drop(route)
	}
}
