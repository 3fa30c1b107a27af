package detect

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Dependencies are the parts of a cluster that a route's requests need: Services, nodes, policies, gateways.
type Dependencies struct {
	Route string
	Parts []model.Ref
}

// Incident is one trouble: the alarms that most likely have one cause.
type Incident struct {
	// Shared are the parts that would explain the alarms, the most specific first; those that explain them
	// equally well are all listed. It is empty for an alarm that stands alone.
	Shared []model.Ref `json:"shared,omitempty"`
	Alarms []Alarm     `json:"alarms"`
}

// Two routes fail at the same time by chance as rarely as one part breaks; where a part is broken, few
// of its routes with traffic go on working. The choice between explanations depends little on the numbers.
const (
	byChance    = 0.01
	goesOn      = 0.1
	togetherFor = 2 * time.Minute // from one alarm's first error to the next one's: a route with a request a minute fails late
)

// Group sorts open alarms into incidents, ordered by their first errors. routes are all routes that have traffic, failing or
// not: that those of a gateway mostly work is what acquits it. A part explains alarms the better the more of its routes
// fail since the same time, and the fewer do not; the best explanation is taken first, then the best for the rest.
func Group(alarms []Alarm, routes []Dependencies) []Incident {
	alarms = slices.Clone(alarms)
	order(alarms)
	g := &grouping{alarms: alarms, taken: make([]bool, len(alarms))}
	g.index(routes)
	var incidents []Incident
	for {
		best, ok := g.best()
		if !ok {
			break
		}
		i := Incident{Shared: g.equals(best)}
		for _, at := range best.alarms {
			g.taken[at] = true
			i.Alarms = append(i.Alarms, alarms[at])
		}
		incidents = append(incidents, i)
	}
	for at, taken := range g.taken {
		if !taken {
			incidents = append(incidents, Incident{Alarms: []Alarm{alarms[at]}})
		}
	}
	slices.SortFunc(incidents, func(a, b Incident) int {
		return cmp.Or(a.Alarms[0].From.Compare(b.Alarms[0].From), cmp.Compare(a.Alarms[0].Route, b.Alarms[0].Route))
	})
	return incidents
}

// grouping is the state of one [Group].
type grouping struct {
	alarms []Alarm
	taken  []bool
	queue  explanations
	all    []*explanation
}

// explanation is a part that may be the cause of alarms.
type explanation struct {
	part    model.Ref
	routes  int   // that need it
	failing []int // all its alarms
	alarms  []int // those of them that are not explained yet and began together
	gain    float64
}

// index finds what each part could explain.
func (g *grouping) index(routes []Dependencies) {
	alarmsOf := map[string][]int{}
	for at, a := range g.alarms {
		alarmsOf[a.Route] = append(alarmsOf[a.Route], at)
	}
	byPart := map[model.Ref]*explanation{}
	for _, r := range merged(routes) {
		for _, part := range r.Parts {
			e := byPart[part]
			if e == nil {
				e = &explanation{part: part}
				byPart[part] = e
			}
			e.routes++
			e.failing = append(e.failing, alarmsOf[r.Route]...)
		}
	}
	for _, e := range byPart {
		if slices.Sort(e.failing); g.weigh(e) {
			g.all = append(g.all, e)
		}
	}
	slices.SortFunc(g.all, (*explanation).compare)
	g.queue = slices.Clone(g.all)
	heap.Init(&g.queue)
}

// merged has each route once: several rules may be one route to the detector.
func merged(routes []Dependencies) []Dependencies {
	at := map[string]int{}
	var out []Dependencies
	for _, r := range routes {
		i, ok := at[r.Route]
		if !ok {
			i, at[r.Route] = len(out), len(out)
			out = append(out, Dependencies{Route: r.Route})
		}
		for _, p := range r.Parts {
			if !slices.Contains(out[i].Parts, p) {
				out[i].Parts = append(out[i].Parts, p)
			}
		}
	}
	return out
}

// weigh computes what an explanation is worth by now: by how much likelier, as a logarithm, its alarms are if this one part broke
// than if each has its own cause. It reports whether it is worth anything.
func (g *grouping) weigh(e *explanation) bool {
	e.alarms = g.together(e.failing)
	n, working := float64(len(e.alarms)), float64(e.routes-len(e.failing))
	e.gain = (n-1)*-math.Log(byChance) + n*math.Log1p(-goesOn) + working*math.Log(goesOn)
	return n >= 2 && e.gain > 0
}

// together are the most alarms that are not explained yet and began shortly after each other.
func (g *grouping) together(failing []int) []int {
	var most, run []int
	for _, at := range failing {
		if g.taken[at] {
			continue
		}
		if n := len(run); n > 0 && g.alarms[at].From.Sub(g.alarms[run[n-1]].From) > togetherFor {
			run = nil
		}
		if run = append(run, at); len(run) > len(most) {
			most = run
		}
	}
	return most
}

// best takes the best explanation of what is left. What an explanation is worth only falls as others take
// alarms away, so only the first of the queue has to be weighed anew.
func (g *grouping) best() (*explanation, bool) {
	for len(g.queue) > 0 {
		e := g.queue[0]
		before := e.gain
		switch {
		case !g.weigh(e):
			heap.Pop(&g.queue)
		case e.gain < before:
			heap.Fix(&g.queue, 0)
		default:
			heap.Pop(&g.queue)
			return e, true
		}
	}
	return nil, false
}

// equals are the parts that explain the same alarms as well as the best does.
func (g *grouping) equals(best *explanation) []model.Ref {
	refs := []model.Ref{best.part}
	for _, e := range g.all {
		if e != best && e.routes == best.routes && slices.Equal(e.failing, best.failing) {
			refs = append(refs, e.part)
		}
	}
	return refs
}

// compare puts the better explanation first: of equal ones the one that less depends on.
func (e *explanation) compare(o *explanation) int {
	return cmp.Or(
		cmp.Compare(o.gain, e.gain), cmp.Compare(e.routes, o.routes),
		cmp.Compare(breadth(e.part), breadth(o.part)), e.part.Compare(o.part),
	)
}

// breadth is how much of a cluster usually depends on a part of this kind.
func breadth(part model.Ref) int {
	switch part.Kind {
	case "Service":
		return 0
	case "NetworkPolicy":
		return 1
	case "Node":
		return 2
	default:
		return 3
	}
}

// explanations are a heap, the best at the top.
type explanations []*explanation

func (q explanations) Len() int           { return len(q) }
func (q explanations) Less(i, j int) bool { return q[i].compare(q[j]) < 0 }
func (q explanations) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push is for package heap.
func (q *explanations) Push(x any) { *q = append(*q, x.(*explanation)) } //nolint:forcetypeassert // only explanations are pushed

// Pop is for package heap.
func (q *explanations) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
