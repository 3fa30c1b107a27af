package detect

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Failing reports whether a request counts as an error of its route: a 5xx, no answer at all, or an
// answer that broke off. What was refused on purpose or for want of a route (4xx) does not count, nor an error that the
// client asked for, or anybody could open alarms by asking for what is not there. Clients that gave up are another matter: see
// the package comment.
func Failing(s *model.Signal) bool {
	return (s.Status >= 500 || s.Failure != model.NoFailure && s.Status < 400) && !s.AskedFor()
}

// clientClosed is nginx's status of a request whose client went away before it was answered (nginx,
// src/http/ngx_http_request.h); Envoy and HAProxy have no status then.
const clientClosed = 499

// gaveUp reports whether the client went away before the answer.
func gaveUp(s model.Signal) bool {
	return s.Status == clientClosed || s.Status == 0 && s.Failure == model.NoFailure
}

// A client that gives up is right to blame the route if it waited long by any standard, and much longer
// than answers of this route take.
const (
	longWait   = 5 * time.Second
	muchLonger = 3
)

// hung reports whether a client gave up because no answer came, not because it was impatient.
func (r *route) hung(s model.Signal) bool {
	waited := waitedFor(s)
	return waited >= longWait && waited.Seconds() >= muchLonger*float64(r.Slow)
}

// waitedFor is how long the backend kept the client waiting. A client may take its own time to send a
// request: where the proxy says how long its tries took, only that counts, and without a try nothing.
func waitedFor(s model.Signal) time.Duration {
	if s.Proxy == "nginx" && len(s.Tries) == 0 {
		return 0
	}
	var tries time.Duration
	for _, t := range s.Tries {
		tries += t.Duration
	}
	if tries > 0 {
		return min(tries, s.Duration)
	}
	return s.Duration
}

// answered learns how long answers take: a moving estimate of the 99th percentile, which goes up by
// a twentieth where an answer took longer and down by as much less as that is rarer.
func (r *route) answered(took time.Duration) {
	const (
		pace  = 0.05
		share = 0.99
	)
	switch seconds := float32(took.Seconds()); {
	case took <= 0:
	case r.Slow == 0:
		r.Slow = seconds
	case seconds > r.Slow:
		r.Slow *= 1 + pace*share
	default:
		r.Slow *= 1 - pace*(1-share)
	}
}
