package plan

import (
	"iter"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// walks are the routes of a snapshot, with which many what-ifs are compared.
type walks struct {
	s     *snapshot.Snapshot
	m     *path.Map
	rows  []path.Route        // see rowsOf
	at    map[routeKey]int    // index into rows
	of    map[model.Ref][]int // indexes of the rules of one object, without its version
	known []model.Finding     // what else is certain to be wrong, see stands
	short []model.Fault       // with repairs that harm nobody and do not go far enough, see tryOne
	last  part                // causes are in order of their objects, so that the next remedy is mostly tried on the same part
}

// routeKey tells one rule of one route from all others. A rule may stand for several hosts and paths.
type routeKey struct {
	route model.Ref
	rule  string
	to    string // host and path
}

func keyOf(t model.Trace) routeKey { return routeKey{t.Route, t.Rule, t.Request.String()} }

func rowKey(r path.Route) routeKey { return routeKey{r.Object, r.Rule, r.Request().String()} }

func newWalks(in Input) *walks {
	m := in.Map
	if m == nil {
		m = path.New(in.Snapshot)
	}
	w := walksOf(m)
	w.known = certain(in.Diagnosis)
	return w
}

func walksOf(m *path.Map) *walks {
	w := &walks{s: m.Snapshot(), m: m, at: map[routeKey]int{}, of: map[model.Ref][]int{}}
	w.rows = rowsOf(w.m)
	for i := range w.rows {
		r := &w.rows[i]
		w.at[rowKey(*r)] = i
		w.of[plainRef(r.Object)] = append(w.of[plainRef(r.Object)], i)
	}
	return w
}

// rowsOf are all routes, and the ways to Services that take requests from outside.
func rowsOf(m *path.Map) []path.Route {
	rows := m.Routes()
	for _, svc := range m.Outer() {
		rows = append(slices.Clip(rows), m.Direct(svc)...)
	}
	return rows
}

// walk walks the routes that are wanted, and the ways to Services that take requests from outside.
func walk(m *path.Map, wanted func(path.Route) bool) []model.Trace {
	var out []model.Trace
	for _, r := range rowsOf(m) {
		if wanted(r) {
			out = append(out, walked(m, r))
		}
	}
	return out
}

func walked(m *path.Map, r path.Route) model.Trace {
	t := m.WalkRoute(r)
	if t.Route.IsZero() {
		t.Route, t.Rule = r.Object, r.Rule
	}
	return t
}

// before is the walk of a route as it is.
func (w *walks) before(i int) model.Trace {
	t, ok := w.last.before[i]
	if !ok {
		t = walked(w.m, w.rows[i])
		w.last.before[i] = t
	}
	return t
}

// rulesOf gives the rules of the routes that faults break, by their index.
func (w *walks) rulesOf(faults []model.Fault) iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, f := range faults {
			for _, r := range f.Finding.Routes {
				for _, i := range w.of[plainRef(r)] {
					if !yield(i) {
						return
					}
				}
			}
		}
	}
}
