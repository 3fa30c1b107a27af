package detect

import "time"

// windowSeconds is how far back a window counts.
const windowSeconds = 60

// window counts requests and errors by second, for the last minute. The zero value is empty.
type window struct {
	seconds [windowSeconds]second
	newest  int64 // Unix second of the newest count
}

type second struct {
	at               int64
	requests, errors uint32
}

// add counts one request. What is older than the window is ignored: logs of several pods are
// not in order, and some proxies stamp the start of a request.
func (w *window) add(at time.Time, failed bool) {
	unix := at.Unix()
	if unix <= w.newest-windowSeconds {
		return
	}
	s := &w.seconds[slot(unix)]
	if s.at != unix {
		*s = second{at: unix}
	}
	s.requests++
	if failed {
		s.errors++
	}
	w.newest = max(w.newest, unix)
}

// count sums up the last d before now, the second of now included.
func (w *window) count(now time.Time, d time.Duration) (requests, errors int) {
	to := now.Unix()
	from := to - int64(d/time.Second)
	for i := range w.seconds {
		if s := &w.seconds[i]; s.requests > 0 && s.at > from && s.at <= to {
			requests += int(s.requests)
			errors += int(s.errors)
		}
	}
	return requests, errors
}

// rate is the number of requests a second over the seconds that the window has seen, at least one.
func (w *window) rate() float64 {
	requests, oldest := 0, w.newest
	for i := range w.seconds {
		if s := &w.seconds[i]; s.requests > 0 && s.at > w.newest-windowSeconds {
			requests += int(s.requests)
			oldest = min(oldest, s.at)
		}
	}
	return float64(requests) / float64(w.newest-oldest+1)
}

func slot(unix int64) int64 {
	return ((unix % windowSeconds) + windowSeconds) % windowSeconds
}
