package podlog

import "sync/atomic"

// counters are Counts while they grow.
type counters struct {
	lines, requests, errors, foreign, gaps, reopened, open atomic.Int64
}

func (c *counters) read() Counts {
	return Counts{
		Lines:    c.lines.Load(),
		Requests: c.requests.Load(),
		Errors:   c.errors.Load(),
		Foreign:  c.foreign.Load(),
		Gaps:     c.gaps.Load(),
		Reopened: c.reopened.Load(),
		Open:     int(c.open.Load()),
	}
}
