package detect

import "time"

// Traffic is missed if a route was busy for a while and then is silent for long, for much longer than ever
// within hours, and while many requests should have come. Traffic that ebbs away does not vanish: its
// silences grow one after the other, and the rate before the last one was low.
const (
	steadyFor = 30 * time.Minute
	unusual   = 10 // times the longest silence
	missing   = 100
)

func (r *route) vanished(now instant, o Options) bool {
	silence := now.since(r.Last)
	if o.Vanished < 0 || silence < o.Vanished || r.Last.since(r.First) < steadyFor {
		return false
	}
	rate := float64(r.Windows[minutes5].Requests) / length(minutes5).Seconds()
	return silence.Seconds() >= unusual*float64(r.Longest) && silence.Seconds()*rate >= missing
}
