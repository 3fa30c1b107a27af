package detect

import (
	"math"
	"time"
)

// Traffic is missed if a route was busy for a while and then is silent for long, for much longer than ever
// within hours, and while many requests should have come. Traffic that ebbs away does not vanish: its
// silences grow one after the other, and the rate before the last one was low.
const (
	steadyFor = 30 * time.Minute
	unusual   = 10 // times the longest silence
	missing   = 100
)

// lapsed reports whether the silence since the last request was an alarm already, which has ended because nobody needs it any more.
func (r *route) lapsed() bool { return r.Kind == Vanished && r.From == r.Last }

func (r *route) vanished(now instant, o Options) bool {
	silence := now.since(r.Last)
	if o.Vanished < 0 || r.lapsed() || silence < o.Vanished || r.Last.since(r.First) < steadyFor {
		return false
	}
	rate := float64(r.Windows[minutes5].Requests) / length(minutes5).Seconds()
	return silence.Seconds() >= unusual*float64(r.Longest) && silence.Seconds()*rate >= missing
}

// Where it is known that nothing takes requests any more, nothing else needs to be unusual about a silence: so many requests
// should have come, a few seconds are over, and they did come until then.
const (
	expected  = 20 // the probability that none comes is e^-20 where they come by chance
	silentFor = 5 * time.Second
)

// missed reports whether a route is silent since a moment from which on nothing takes its requests, and was not before.
func (r *route) missed(since, now instant) bool {
	rate := r.rate()
	lacks := func(from, to instant) bool {
		silence := to.since(from)
		return silence >= silentFor && silence.Seconds()*rate >= expected
	}
	return !r.lapsed() && lacks(max(r.Last, since), now) && !lacks(r.Last, since)
}

// rate is how many requests came in a second until the last one.
func (r *route) rate() float64 {
	window, age := length(minutes5).Seconds(), max(r.Last.since(r.First).Seconds(), 1)
	seen := window * -math.Expm1(-age/window) // what of a fading window the route was there
	return (float64(r.Windows[minutes5].Requests) + float64(r.Bucket.Requests)) / seen
}
