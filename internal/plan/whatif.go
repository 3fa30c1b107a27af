package plan

import (
	"fmt"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// walks are all routes of a snapshot, walked once and compared with many what-ifs.
type walks struct {
	s      *snapshot.Snapshot
	m      *path.Map
	traces []model.Trace
	at     map[routeKey]int    // index into traces
	of     map[model.Ref][]int // indexes of the rules of one object, without its version
	parts  map[string]*snapshot.Snapshot
}

// routeKey tells one rule of one route from all others. A rule may stand for several hosts and paths.
type routeKey struct {
	route model.Ref
	rule  string
	to    string // host and path
}

func keyOf(t model.Trace) routeKey { return routeKey{t.Route, t.Rule, t.Request.String()} }

func newWalks(s *snapshot.Snapshot) *walks {
	w := &walks{s: s, m: path.New(s), at: map[routeKey]int{}, of: map[model.Ref][]int{}, parts: map[string]*snapshot.Snapshot{}}
	for _, t := range walk(w.m, func(path.Route) bool { return true }) {
		w.at[keyOf(t)] = len(w.traces)
		w.of[plainRef(t.Route)] = append(w.of[plainRef(t.Route)], len(w.traces))
		w.traces = append(w.traces, t)
	}
	return w
}

// walk walks the routes that are wanted, and the ways to Services that take requests from outside.
func walk(m *path.Map, wanted func(path.Route) bool) []model.Trace {
	var out []model.Trace
	routes := slices.Clone(m.Routes())
	for svc := range m.Snapshot().Services().All() {
		if path.Outside(svc) {
			routes = append(routes, m.Direct(svc)...)
		}
	}
	for _, r := range routes {
		if !wanted(r) {
			continue
		}
		t := m.WalkRoute(r)
		if t.Route.IsZero() {
			t.Route, t.Rule = r.Object, r.Rule
		}
		out = append(out, t)
	}
	return out
}

// trial is a remedy tried on a copy of the cluster.
type trial struct {
	refused       string // empty: the model predicts that it helps and harms nobody
	before, after []model.Trace
	diff          string
	settled       *snapshot.Snapshot
	mended        []int // indexes of the failing routes in before and after
}

// predicts is the outcome of the first failing request after the remedy.
func (t trial) predicts() string {
	if len(t.mended) == 0 {
		return "unknown"
	}
	return t.after[t.mended[0]].Predicts
}

// try carries a remedy out on a copy, lets controllers react, and walks the routes again.
func (w *walks) try(f model.Finding, r model.Remedy) trial {
	near := touched(f, r)
	part := w.part(near, r.Changes)
	settled, diff, err := settle(part, f, r.Changes)
	if err != nil {
		return trial{refused: fmt.Sprintf("it does not fit the cluster: %v", err)}
	}
	t := trial{diff: diff, settled: settled}
	about := concerns(part, settled, f)
	m, met := path.New(settled), map[int]bool{}
	add := func(i int, after model.Trace) {
		if suffers(f, w.traces[i], about) {
			t.mended = append(t.mended, len(t.after))
		}
		t.before, t.after, met[i] = append(t.before, w.traces[i]), append(t.after, after), true
	}
	for _, after := range walk(m, near.meets) {
		if i, known := w.at[keyOf(after)]; known { // else the change itself brought the rule: nobody used it before
			add(i, after)
		}
	}
	for _, r := range f.Routes {
		for _, i := range w.of[plainRef(r)] {
			if !met[i] { // the change took the rule away, as it does with a canary's: another one gets its requests
				add(i, m.Walk(w.traces[i].Request))
			}
		}
	}
	t.refused = t.judge()
	return t
}

// judge says why the remedy is refused, if it is.
func (t trial) judge() string {
	for i, after := range t.after {
		if rank(after) < rank(t.before[i]) {
			return fmt.Sprintf("it would break %s (%s): %s", after.Request, after.Route, trouble(after))
		}
	}
	for _, i := range t.mended {
		if !mends(t.after[i]) {
			return fmt.Sprintf("%s would still fail: %s", t.after[i].Request, trouble(t.after[i]))
		}
	}
	if len(t.mended) == 0 {
		return "the model cannot tell which request it would mend"
	}
	return ""
}

// mends reports whether a walk is good after a change. A hop that cannot be looked at does not speak
// against the change, which cannot be to blame for it; a guard then asks for a person.
func mends(after model.Trace) bool { return len(after.Hops) > 0 && rank(after) >= notKnown }

// The ranks of a walk by its worst hop.
const (
	broken = iota
	suspect
	notKnown
	allWell
)

// rank orders walks.
func rank(t model.Trace) int {
	r := allWell
	for _, h := range t.Hops {
		switch h.Verdict {
		case model.Broken:
			return broken
		case model.Suspect:
			r = min(r, suspect)
		case model.Unknown:
			r = min(r, notKnown)
		case model.OK:
		}
	}
	return r
}

// trouble is the reason of the first hop that is not well.
func trouble(t model.Trace) string {
	for _, h := range t.Hops {
		if h.Verdict != model.OK {
			return fmt.Sprintf("%s %s is %s: %s", h.Kind, h.Name, h.Verdict, h.Why)
		}
	}
	return "no rule matches it"
}
