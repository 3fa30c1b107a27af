package watch

import (
	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
)

// takeCounts counts the requests of one look at counters. They go to a detector of their own: the same
// requests may stand in a log that is followed too, and must not count twice as much for that.
func (w *Watcher) takeCounts(counts []model.Count) {
	type sum struct {
		object           model.Ref
		requests, errors int
	}
	sums := map[string]*sum{}
	for _, c := range counts {
		sig := c.Signal()
		route, ok := w.locate(sig)
		name := stray(c.Host, c.Path) + c.Service
		switch {
		case ok && selects(w.Target, route):
			name = route.String()
		case ok || !w.Target.IsZero() || unheardOf(sig, w.began, w.Session.Now()):
			continue
		}
		s := sums[name]
		if s == nil {
			s = &sum{object: route.Object}
			sums[name] = s
		}
		s.requests += int(c.Requests)
		if c.Failed() {
			s.errors += int(c.Requests)
		}
		if w.Session.NoLogs { // else they are seen one by one, too
			w.tally(name, s.object, sig, c.Failed(), int(c.Requests))
		}
	}
	for name, s := range sums {
		w.counted.AddCounts(name, s.object, counts[0].To, s.requests, s.errors)
	}
}

// voices sees to it that one failing route is said to fail once, though two detectors hear of it.
type voices map[string]*detect.Detector // whose alarm of a route is open

// says reports whether an alarm of one detector is news. The end of an alarm is none while the other
// detector's is open.
func (v voices) says(a detect.Alarm, d, other *detect.Detector) bool {
	speaker := v[a.Route]
	switch {
	case !a.Ended:
		if speaker == nil {
			v[a.Route] = d
		}
		return speaker == nil || speaker == d
	case speaker != d:
		return false
	}
	for _, open := range other.Open() {
		if open.Route == a.Route {
			v[a.Route] = other
			return false
		}
	}
	delete(v, a.Route)
	return true
}

// open lists the open alarms of some detectors, each route's once.
func (v voices) open(detectors ...*detect.Detector) []detect.Alarm {
	var all []detect.Alarm
	for _, d := range detectors {
		for _, a := range d.Open() {
			if v[a.Route] == d {
				all = append(all, a)
			}
		}
	}
	return all
}
