package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// quiet is how long a kind of failure must have stayed away before it may have stopped: proxies
// retry, and pods come and go, within less.
const quiet = 5 * time.Second

// enough is how many failures must have been due since the last one, at the rate at which they came,
// before it is taken that they stopped: if they had gone on, seeing none would have a chance of less
// than one in twenty (the statisticians' rule of three).
const enough = 3

// root is a finding that explains failures, while it is being ranked.
type root struct {
	finding
	explains int // failed requests
}

// temper takes a step off the confidence of what was seen to happen where that is no proof: another finding, as sure,
// explains the same failures of the same route, or all that is said is that the application fails and nothing deeper is seen.
func temper(roots []root) {
	rivals := func(a, b root) bool {
		return a.Object.Ref != b.Object.Ref && b.explains > 0 && b.Confidence >= proven && slices.ContainsFunc(a.routes, func(r *route) bool {
			return slices.Contains(b.routes, r) && slices.ContainsFunc(r.hitsOf(a.finding), func(s model.Signal) bool { return r.meets(b.finding, s.Failure) })
		})
	}
	var less []int
	for i, f := range roots {
		if f.Confidence >= seen && (f.ID == "app-error" || slices.ContainsFunc(roots, func(o root) bool { return rivals(f, o) })) {
			less = append(less, i)
		}
	}
	for _, i := range less {
		roots[i].Confidence = proven
	}
}

// demote marks the findings all of whose failures have stopped, if another one explains failures
// that were seen and go on. If nothing goes on, what failed last is still the question: a race ends
// by its nature.
func demote(roots []root) {
	if !slices.ContainsFunc(roots, root.seenAndOn) {
		return
	}
	for i := range roots {
		roots[i].stopped = !roots[i].goesOn()
	}
}

// seenAndOn reports whether a finding explains what goes on, on a route whose requests were seen to fail.
func (f root) seenAndOn() bool {
	return slices.ContainsFunc(f.routes, func(r *route) bool { return r.failures > 0 && r.goesOn(f.finding) })
}

// goesOn reports whether failures that the finding predicts go on, on any of its routes.
func (f finding) goesOn() bool {
	return slices.ContainsFunc(f.routes, func(r *route) bool { return r.goesOn(f) })
}

// goesOn reports whether the failures that a finding predicts go on: the walk, which is of now, says
// so, or too little was seen after the last one to say that it was the last.
func (r *route) goesOn(f finding) bool {
	if r.deadNow() {
		return r.failsNow(f)
	}
	hits := r.hitsOf(f)
	if len(hits) == 0 {
		return len(r.observed) == 0
	}
	first, last := hits[0].At, hits[len(hits)-1].At
	during, after, end := 0, 0, last
	count := func(t time.Time) {
		switch {
		case t.After(last):
			after++
			if t.After(end) {
				end = t
			}
		case !t.Before(first):
			during++
		}
	}
	for _, t := range r.succeeded {
		count(t)
	}
	for i := range r.signals {
		count(r.signals[i].At)
	}
	return end.Sub(last) < quiet || after*len(hits) < enough*during
}

// plenty is how many failures must have been due in a pause, at the rate at which they came before and after it, before it
// is taken that what failed after it is another matter.
const plenty = 10

// lastBegan is when the failures of a route began that were seen last: those after the last pause in which so many requests
// succeeded that it was none of chance. What a line says from before that may be of a fault that somebody has mended.
func (r *route) lastBegan() time.Time {
	if len(r.signals) == 0 {
		return time.Time{}
	}
	began, all := r.signals[0].At, r.succeededIn(r.signals[0].At, r.signals[len(r.signals)-1].At)+len(r.signals)
	for i := range len(r.signals) - 1 {
		last, next := r.signals[i].At, r.signals[i+1].At
		if next.Sub(last) < quiet {
			continue
		}
		if paused := r.succeededIn(last, next); paused*len(r.signals) >= plenty*(all-paused) {
			began = next
		}
	}
	return began
}

// succeededIn counts the requests that succeeded in a time.
func (r *route) succeededIn(from, to time.Time) int {
	first, _ := slices.BinarySearchFunc(r.succeeded, from, time.Time.Compare)
	end, _ := slices.BinarySearchFunc(r.succeeded, to, time.Time.Compare)
	return end - first
}

// toQuote is the one of a finding's failures of which the log's line is shown: the first of those that were seen last.
func (r *route) toQuote(hits []model.Signal) model.Signal {
	i := slices.IndexFunc(hits, func(s model.Signal) bool { return !s.At.Before(r.resumed) })
	return hits[max(i, 0)]
}

// deadNow reports whether the walk says that each request fails.
func (r *route) deadNow() bool {
	return slices.ContainsFunc(r.trace.Hops, func(h model.Hop) bool { return h.Verdict == model.Broken }) &&
		!slices.Contains(strings.Split(r.trace.Predicts, "|"), "200")
}

// failsNow reports whether the walk says that each request fails, in a way that the finding predicts.
func (r *route) failsNow(f finding) bool {
	if !r.deadNow() {
		return false
	}
	if len(r.trace.Endpoints) == 0 {
		return f.predicts(model.NoEndpoints) || f.predicts(model.NoRoute)
	}
	return slices.ContainsFunc(r.trace.Endpoints, func(e model.Endpoint) bool {
		return e.Outcome.Failure != model.NoFailure && f.predicts(e.Outcome.Failure)
	})
}
