package detect

import "math"

// baseline is what is usual for a route: requests and errors while nothing spoke for a failure. It begins
// with an assumption that counts as much as priorWeight requests, and forgets slowly.
type baseline struct {
	Requests, Errors float32
}

const (
	priorWeight    = 1000
	memoryRequests = 200_000 // older requests fade once so many were seen: 0.1 % is known to a 14th of itself then
	sure           = 2       // standard deviations by which a route must be better than assumed to be believed
)

func newBaseline(usual float64) baseline {
	return baseline{Requests: priorWeight, Errors: float32(usual * priorWeight)}
}

func (b *baseline) add(requests, errors uint32) {
	b.Requests += float32(requests)
	b.Errors += float32(errors)
	if b.Requests > memoryRequests {
		fade := memoryRequests / b.Requests
		b.Requests *= fade
		b.Errors *= fade
	}
}

// ratio is the error ratio against which the tests are run. A route that is worse than assumed is taken as
// it was measured. One that looks better must be so beyond doubt, or a lucky hour would make the next
// stray errors an alarm.
func (b *baseline) ratio(o Options) float64 {
	errors, requests := float64(b.Errors), float64(b.Requests)
	atMost := (errors + sure*math.Sqrt(errors+1)) / requests
	return min(max(errors/requests, min(atMost, o.Usual), o.LeastUsual), mostUsual)
}

// mostUsual is the highest ratio that is taken for usual: the tests need room above it.
const mostUsual = 0.5
