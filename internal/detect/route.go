package detect

import (
	"math"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// state is where a route stands between two ticks.
type state uint8

const (
	calm    state = iota
	opening       // a test gave way; the next tick reports it
	alarmed       // reported
)

// minFailures is the least number of errors of an alarm that a sequential test opens, whatever its sum:
// one stray error is never an alarm, and two by chance are common at a thousand requests a second.
const minFailures = 3

// apart is how far two failures in a row must at least lie apart to open an alarm without a third.
const apart = time.Second

// route is what the detector knows of one route.
type route struct {
	key    string
	object model.Ref
	state  state

	window       window
	usual        baseline
	large, small sequential

	inRow       int       // failures since the last success
	rowFrom     time.Time // the first of them
	last        time.Time // the newest request
	lastError   time.Time
	successes   int // since the last error
	from        time.Time
	opened      time.Time
	requests    int // since from
	errors      int // since from
	sinceCalm   int // requests since the tests last had no evidence at all
	errorsSince int // errors among them
}

func newRoute(key string, o Options) *route {
	return &route{key: key, usual: newBaseline(o.Usual)}
}

// add takes in one request at the given time.
func (r *route) add(at time.Time, failed bool, o Options) {
	r.window.add(at, failed)
	if at.After(r.last) {
		r.last = at
	}
	r.count(at, failed)
	if r.state != calm {
		r.requests++
		if failed {
			r.errors++
		}
		return
	}
	usual := r.usual.ratio(o.LeastUsual)
	r.large.add(at, failed, usual, o.Large)
	r.small.add(at, failed, usual, o.Small)
	r.sinceCalm++
	if failed {
		r.errorsSince++
	}
	if r.gaveWay(at, failed, o) {
		r.state, r.requests, r.errors = opening, r.sinceCalm, r.errorsSince
		return
	}
	r.learn()
}

// addCounts takes in requests of which some failed, evenly spread among the others.
func (r *route) addCounts(at time.Time, requests, errors int, o Options) {
	failed := 0
	for i := 1; i <= requests; i++ {
		fails := i*errors/requests > failed
		if fails {
			failed++
		}
		r.add(at, fails, o)
	}
}

// learn takes what was seen into the usual ratio once no test has evidence against it any more. A
// failure that builds up slowly would be learned as usual before it is noticed otherwise.
func (r *route) learn() {
	if r.large.sum > 0 || r.small.sum > 0 {
		return
	}
	r.usual.add(r.sinceCalm, r.errorsSince)
	r.sinceCalm, r.errorsSince = 0, 0
}

func (r *route) count(at time.Time, failed bool) {
	if !failed {
		r.inRow = 0
		r.successes++
		return
	}
	if r.inRow == 0 {
		r.rowFrom = at
	}
	r.inRow++
	r.successes = 0
	if at.After(r.lastError) {
		r.lastError = at
	}
}

// gaveWay reports whether any test has enough, and notes since when.
func (r *route) gaveWay(at time.Time, failed bool, o Options) bool {
	if !failed {
		return false
	}
	if r.inRow >= minFailures || r.inRow == 2 && r.rare(at, o) {
		r.from = r.rowFrom
		return true
	}
	if r.errorsSince < minFailures {
		return false
	}
	limit := threshold(r.window.rate(), o.FalseAlarm)
	switch {
	case r.large.sum >= limit:
		r.from = r.large.from
	case r.small.sum >= limit:
		r.from = r.small.from
	default:
		return false
	}
	return true
}

// rare reports whether requests come so seldom that two failures in a row are not chance: at a request a
// second two errors meet once in a million requests, which is twice a month.
func (r *route) rare(at time.Time, o Options) bool {
	gap := at.Sub(r.rowFrom)
	if gap < apart {
		return false
	}
	usual := max(r.usual.ratio(o.LeastUsual), o.Usual)
	return -2*math.Log(usual) >= threshold(1/gap.Seconds(), o.FalseAlarm)
}

// tick reports the alarm if it opened or ended.
func (r *route) tick(now time.Time, o Options) (Alarm, bool) {
	switch r.state {
	case opening:
		r.state, r.opened = alarmed, now
		return r.alarm(), true
	case alarmed:
		recovered, quiet := r.recovered(now, o), now.Sub(r.last) >= o.Quiet
		if !recovered && !quiet {
			return Alarm{}, false
		}
		a := r.alarm()
		a.Ended, a.Quiet = true, !recovered
		r.state = calm
		r.large, r.small = sequential{}, sequential{}
		r.sinceCalm, r.errorsSince, r.inRow = 0, 0, 0
		return a, true
	default:
		return Alarm{}, false
	}
}

// enoughSuccesses is how many requests in a row must succeed before an alarm ends, so that a pause in
// traffic is not taken for recovery.
const enoughSuccesses = 3

// recovered: for as long as Calm nothing failed, or no more than usual; and requests did come. The
// share at which an alarm ends is well below the one at which it opens, so that it does not flap.
func (r *route) recovered(now time.Time, o Options) bool {
	if r.successes < enoughSuccesses {
		return false
	}
	// Some proxies stamp a request with its start and log it at its end, so that the last error may
	// look old when its line arrives.
	if now.Sub(r.opened) < o.Calm {
		return false
	}
	if now.Sub(r.lastError) >= o.Calm {
		return true
	}
	requests, errors := r.window.count(now, o.Calm)
	return float64(errors) <= 2*r.usual.ratio(o.LeastUsual)*float64(requests)
}

func (r *route) alarm() Alarm {
	return Alarm{
		Route: r.key, Object: r.object,
		From: r.from, Opened: r.opened, To: r.lastError,
		Requests: r.requests, Errors: r.errors,
	}
}
