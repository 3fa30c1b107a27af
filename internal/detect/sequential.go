package detect

import (
	"math"
	"time"
)

// sequential is one cumulative sum: evidence that the error ratio is `share` and not the usual one, in
// nats. It never falls below zero, where it forgets.
type sequential struct {
	sum  float64
	from time.Time // the first error of the evidence; meaningful while sum > 0
}

// add takes one request into account. On a route that usually fails often the share looked for is raised to four times
// that, or the two hypotheses would be one.
func (q *sequential) add(at time.Time, failed bool, usual, share float64) {
	usual = min(usual, 0.5)
	share = min(max(share, 4*usual), 0.95)
	if failed {
		if q.sum == 0 {
			q.from = at
		}
		q.sum += math.Log(share / usual)
		return
	}
	q.sum = max(0, q.sum+math.Log1p(-share)-math.Log1p(-usual))
}

// threshold is the sum at which chance alone would get there once in the given time: the mean number of
// requests between false alarms of a CUSUM is at least e to the threshold (Lorden 1971).
func threshold(rate float64, between time.Duration) float64 {
	return math.Log(max(rate, 0.1) * between.Seconds())
}

// baseline is the usual error ratio: errors per request while calm, beginning with an assumption that
// counts as much as priorWeight requests, and forgetting slowly.
type baseline struct {
	requests, errors float64
}

const (
	priorWeight    = 1000
	memoryRequests = 20000 // older requests fade once so many were seen
)

func newBaseline(usual float64) baseline {
	return baseline{requests: priorWeight, errors: usual * priorWeight}
}

func (b *baseline) add(requests, errors int) {
	b.requests += float64(requests)
	b.errors += float64(errors)
	if b.requests > memoryRequests {
		fade := memoryRequests / b.requests
		b.requests *= fade
		b.errors *= fade
	}
}

func (b *baseline) ratio(least float64) float64 {
	return max(least, b.errors/b.requests)
}
