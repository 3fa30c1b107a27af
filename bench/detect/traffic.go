package main

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
)

// traffic is one simulated route: independent requests at a steady rate.
type traffic struct {
	d        *detect.Detector
	random   *rand.Rand
	rate     float64 // requests a second
	requests uint64  // so far; their times follow
	single   uint64  // those that were sent one by one
}

const route = "shop.test/buy"

func newTraffic(rate float64, seed uint64) *traffic {
	t := &traffic{d: detector(), random: rand.New(rand.NewPCG(seed, math.Float64bits(rate))), rate: rate}
	t.d.Tick(t.now())
	return t
}

// detector has its defaults, but that runs of successes, which arrive at once, have pauses that are none.
func detector() *detect.Detector { return detect.New(detect.Options{Vanished: -1}) }

func (t *traffic) now() time.Time {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	seconds := float64(t.requests) / t.rate
	whole := math.Floor(seconds)
	return start.Add(time.Duration(whole)*time.Second + time.Duration((seconds-whole)*float64(time.Second)))
}

// one sends a single request.
func (t *traffic) one(failed bool) {
	t.requests++
	t.single++
	status := 200
	if failed {
		status = 503
	}
	t.d.Add(route, model.Ref{}, model.Signal{At: t.now(), Status: status})
}

// run sends successes up to the next failure, and that. The number of successes has a geometric distribution, and
// a run of them is taken in at once: to the detector that is the same as one by one, which its tests prove.
func (t *traffic) run(ratio float64, most uint64) {
	n := min(uint64(math.Log(1-t.random.Float64())/math.Log1p(-ratio)), most)
	t.requests += n
	t.d.AddCounts(route, model.Ref{}, t.now(), int(n), 0)
	if n < most {
		t.requests++
		t.d.AddCounts(route, model.Ref{}, t.now(), 1, 1)
	}
}

// background sends so many requests with the usual share of errors. It reports the first alarm.
func (t *traffic) background(n uint64) (alarm bool) {
	for end := t.requests + n; t.requests < end; {
		t.run(usual, end-t.requests)
		if len(t.d.Tick(t.now())) > 0 {
			return true
		}
	}
	return false
}
