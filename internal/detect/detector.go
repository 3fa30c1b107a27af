package detect

import (
	"cmp"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Alarm says that a route is failing, or that it no longer is.
type Alarm struct {
	Route  string    `json:"route"`
	Object model.Ref `json:"object"`
	// From is the time of the first error, as the gateway stamped it.
	From time.Time `json:"from"`
	// Opened is the tick at which the alarm was first reported.
	Opened time.Time `json:"opened"`
	// To is the time of the last error so far.
	To time.Time `json:"to"`
	// Requests and Errors count since From.
	Requests int  `json:"requests"`
	Errors   int  `json:"errors"`
	Ended    bool `json:"ended,omitempty"`
	// Quiet is set on an ended alarm if no more requests came: nobody knows whether it works again.
	Quiet bool `json:"quiet,omitempty"`
}

// Detector watches requests route by route. It is used by one goroutine. See the package comment for how
// it decides.
type Detector struct {
	options   Options
	routes    map[string]*route
	untracked int
}

// New returns a detector that has seen nothing.
func New(o Options) *Detector {
	return &Detector{options: o.withDefaults(), routes: map[string]*route{}}
}

// Failing reports whether a request counts as an error of its route: a 5xx, no answer at all, or an
// answer that broke off. What was refused on purpose or for want of a route (4xx) does not count, or
// anybody could open alarms by asking for what is not there.
func Failing(s model.Signal) bool {
	return s.Status >= 500 || s.Failure != model.NoFailure && s.Status < 400
}

// Add takes in one request. route tells routes apart and is printed; object is the Ingress or
// HTTPRoute, or zero. Lines of error logs are ignored, since their request has an access line too.
func (d *Detector) Add(route string, object model.Ref, s model.Signal) {
	if s.ErrorLog {
		return
	}
	if r := d.route(route, object); r != nil {
		r.add(s.At, Failing(s), d.options)
	} else {
		d.untracked++
	}
}

// AddCounts takes in requests that were only counted, as counters of metrics are: so many since the last
// time, of which errors failed, until the time at. In which order they came is not known; the failures are
// taken to be spread evenly.
func (d *Detector) AddCounts(route string, object model.Ref, at time.Time, requests, errors int) {
	if requests <= 0 {
		return
	}
	if r := d.route(route, object); r != nil {
		r.addCounts(at, requests, min(max(errors, 0), requests), d.options)
	} else {
		d.untracked += requests
	}
}

// route finds or makes what is known of a route; nil if there are too many.
func (d *Detector) route(key string, object model.Ref) *route {
	r := d.routes[key]
	if r == nil {
		if len(d.routes) >= d.options.MaxRoutes {
			return nil
		}
		r = newRoute(key, d.options)
		d.routes[key] = r
	}
	if !object.IsZero() {
		r.object = object
	}
	return r
}

// Untracked is how many requests were not looked at because there were more routes than
// Options.MaxRoutes.
func (d *Detector) Untracked() int { return d.untracked }

// forgetAfter is how long a route without requests is remembered.
const forgetAfter = time.Hour

// Tick returns the alarms that opened or ended since the last tick, ordered by time and route. Call it
// a few times a second.
func (d *Detector) Tick(now time.Time) []Alarm {
	var changed []Alarm
	for key, r := range d.routes {
		if a, ok := r.tick(now, d.options); ok {
			changed = append(changed, a)
		}
		if r.state == calm && now.Sub(r.last) > forgetAfter {
			delete(d.routes, key)
		}
	}
	order(changed)
	return changed
}

// Open returns the alarms that are open, with their counts so far, ordered as by [Detector.Tick].
func (d *Detector) Open() []Alarm {
	var open []Alarm
	for _, r := range d.routes {
		if r.state == alarmed {
			open = append(open, r.alarm())
		}
	}
	order(open)
	return open
}

func order(alarms []Alarm) {
	slices.SortFunc(alarms, func(a, b Alarm) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Route, b.Route))
	})
}
