package detect

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Detector watches requests route by route. It is used by one goroutine. See the package comment for how
// it decides.
type Detector struct {
	options   Options
	table     table
	now       instant // of the last tick
	active    []watched
	swept     uint32 // where the next sweep goes on
	untracked int
}

// watched is a route that is not calm.
type watched struct {
	slot uint32
	due  instant // before it there is nothing to tell, so that a tick costs but a glance at most of many failing routes
}

// New returns a detector that has seen nothing.
func New(o Options) *Detector {
	return &Detector{options: o.withDefaults(), table: newTable()}
}

// Add takes in one request. route tells routes apart and is printed; object is the Ingress or
// HTTPRoute, or zero. Lines of error logs are ignored, since their request has an access line too.
func (d *Detector) Add(route string, object model.Ref, s model.Signal) {
	if s.ErrorLog {
		return
	}
	slot, ok := d.slot(route, object)
	if !ok {
		d.untracked++
		return
	}
	r := d.table.at(slot)
	failed := Failing(&s)
	switch {
	case gaveUp(s):
		if failed = r.hung(s); !failed {
			return // an impatient client says nothing about the route
		}
	case !failed:
		r.answered(s.Duration)
	}
	errors := 0
	if failed {
		errors = 1
	}
	d.take(slot, d.stamp(s.At), 1, errors)
}

// AddCounts takes in requests that were only counted, as counters of metrics are: so many since the last
// time, of which errors failed, until the time at. In which order they came is not known; the failures are
// taken to be spread evenly.
func (d *Detector) AddCounts(route string, object model.Ref, at time.Time, requests, errors int) {
	if requests <= 0 {
		return
	}
	slot, ok := d.slot(route, object)
	if !ok {
		d.untracked += requests
		return
	}
	d.take(slot, d.stamp(at), requests, min(max(errors, 0), requests))
}

// chunks is into how many parts a batch of requests is cut at most, so that it costs no more than that
// many requests.
const chunks = 64

func (d *Detector) take(slot uint32, at instant, requests, errors int) {
	r, now := d.table.at(slot), max(at, d.now)
	if r.told(at, now) {
		requests, errors = requests-errors, 0
	}
	before := r.State
	r.arrive(at, now, requests, errors, d.options)
	parts := min(errors, chunks)
	successes, left := requests-errors, errors
	for i := parts; i > 0; i-- {
		s, f := successes/(i+1), left/i
		r.succeed(at, now, uint32(min(s, maxBatch)))
		r.fail(at, now, uint32(min(f, maxBatch)), d.options)
		successes, left = successes-s, left-f
	}
	r.succeed(at, now, uint32(min(successes, maxBatch)))
	switch {
	case r.State == before:
	case before == calm:
		d.watch(slot)
	default:
		d.active[r.watched].due = 0
	}
}

// watch has each tick look at a route from now on.
func (d *Detector) watch(slot uint32) {
	d.table.at(slot).watched = uint32(len(d.active))
	d.active = append(d.active, watched{slot: slot})
}

// unwatch ends that. The last of the watched takes the place that becomes free.
func (d *Detector) unwatch(i int) {
	last := len(d.active) - 1
	d.active[i] = d.active[last]
	d.table.at(d.active[i].slot).watched = uint32(i)
	d.active = d.active[:last]
}

// maxBatch is the largest number of requests that is believed at once.
const maxBatch = 1 << 30

// slot finds or makes the place of a route. Whoever asks for ever new hosts and paths takes no more than half of all places:
// the others are for the routes of objects, which nobody can make up.
func (d *Detector) slot(key string, object model.Ref) (uint32, bool) {
	slot, ok := d.table.find(key)
	if !ok {
		if most := d.options.MaxRoutes; d.table.len() >= most || object.IsZero() && d.table.strays >= (most+1)/2 {
			return 0, false
		}
		r := newRoute(key, d.options)
		r.object = object
		slot = d.table.insert(r)
	}
	if d.table.at(slot).object != object && !object.IsZero() {
		d.table.belongs(slot, object)
	}
	return slot, true
}

// stamp is the time of a request. Without one, or with one of the future, it counts as of now.
func (d *Detector) stamp(at time.Time) instant {
	i := instantOf(at)
	if d.now > 0 && (i == 0 || i > d.now.add(ahead)) {
		return d.now
	}
	return i
}

// Untracked is how many requests were not looked at because there were more routes than
// Options.MaxRoutes.
func (d *Detector) Untracked() int { return d.untracked }

// Tick returns the alarms that opened, became worse or ended since the last tick, ordered by time and
// route. Call it a few times a second.
func (d *Detector) Tick(now time.Time) []Alarm {
	elapsed := d.advance(instantOf(now))
	d.sweep(elapsed)
	var changed []Alarm
	for i := 0; i < len(d.active); {
		if d.active[i].due > d.now {
			i++
			continue
		}
		r := d.table.at(d.active[i].slot)
		if a, ok := r.tick(d.now, d.options); ok {
			changed = append(changed, a)
		}
		if r.State == calm {
			d.unwatch(i)
			continue
		}
		d.active[i].due = r.due(d.options)
		i++
	}
	order(changed)
	return changed
}

// SetBack is how far a clock must be set back to be followed. Smaller steps are waited out.
const SetBack = time.Minute

// advance takes the new time and says how much time has gone by.
func (d *Detector) advance(now instant) time.Duration {
	elapsed := now.since(d.now)
	switch {
	case d.now == 0:
		d.now = now
		return sweepEvery
	case elapsed <= -SetBack:
		d.now = now
		for slot := range d.table.slots() {
			d.table.at(slot).notAfter(now)
		}
		for i := range d.active {
			d.active[i].due = 0
		}
		return 0
	case elapsed < 0:
		return 0
	}
	d.now = now
	return elapsed
}

const (
	// sweepEvery is how long it takes until each route was looked at for what happens without requests.
	sweepEvery = 10 * time.Second
	// forgetAfter is how long a route without requests is remembered.
	forgetAfter = time.Hour
)

// sweep looks at some of the routes, for traffic that vanished and for routes that can be forgotten.
func (d *Detector) sweep(elapsed time.Duration) {
	slots := d.table.slots()
	n := min(int64(slots), 1+int64(slots)*int64(min(elapsed, sweepEvery))/int64(sweepEvery))
	for range n {
		if d.swept++; d.swept >= d.table.slots() {
			d.swept = 0
		}
		if d.table.len() == 0 {
			return
		}
		r := d.table.at(d.swept)
		switch {
		case r.key == "" || r.State != calm:
		case r.vanished(d.now, d.options):
			r.open(Vanished, r.Last)
			r.Requests, r.Errors = 0, 0
			d.watch(d.swept)
		case d.now.since(r.Last) > forgetAfter:
			d.table.remove(d.swept)
		}
	}
}

// Missed is told that nothing takes a route's requests since a moment: its gateway has no pod that could. If there was traffic until
// then, silence is an alarm soon, and not only after what is unusual for the route.
func (d *Detector) Missed(route string, since time.Time) {
	slot, ok := d.table.find(route)
	if !ok || d.options.Vanished < 0 {
		return
	}
	if r := d.table.at(slot); r.State == calm && r.missed(instantOf(since), d.now) {
		r.open(Vanished, r.Last)
		r.Requests, r.Errors = 0, 0
		d.watch(slot)
	}
}

// Knows reports whether a route had requests lately.
func (d *Detector) Knows(route string) bool {
	_, ok := d.table.find(route)
	return ok
}

// Open returns the alarms that are open, with their counts so far, ordered as by [Detector.Tick].
func (d *Detector) Open() []Alarm {
	var open []Alarm
	for _, w := range d.active {
		if r := d.table.at(w.slot); r.State == alarmed || r.State == worse {
			open = append(open, r.alarm())
		}
	}
	order(open)
	return open
}
