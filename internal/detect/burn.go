package detect

import (
	"math"
	"time"
)

// windows are exponentially fading counts: of what was seen within about 5 min, 30 min, 1 h, 2 h, 6 h and a
// day. They take a pair of numbers each where a sliding window would take a list.
type windows [6]fading

// fading counts requests and errors that fade with age.
type fading struct{ Requests, Errors float32 }

// The windows by name.
const (
	minutes5 = iota
	minutes30
	hour1
	hours2
	hours6
	day1
)

// length of a window: what is that old counts 1/e.
func length(window int) time.Duration {
	return [len(windows{})]time.Duration{5 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour}[window]
}

// bucketLength is how long requests are gathered before they enter the windows.
const bucketLength = 10 * time.Second

// bucket gathers requests until they enter the windows.
type bucket struct {
	From             instant
	Requests, Errors uint32
}

// fold lets the windows age, and takes in what was gathered.
func (w *windows) fold(b bucket, age time.Duration) {
	for i := range w {
		fade := float32(math.Exp(-float64(age) / float64(length(i))))
		w[i].Requests = w[i].Requests*fade + float32(b.Requests)
		w[i].Errors = w[i].Errors*fade + float32(b.Errors)
	}
}

// forgive takes all errors out.
func (w *windows) forgive() {
	for i := range w {
		w[i].Errors = 0
	}
}

// burning reports whether errors use up the error budget too fast, over a long time and still: the
// multi-window, multi-burn-rate alerts of the SRE workbook ("Alerting on SLOs", table 5-8 and the 1 d / 2 h
// ticket at three times the budget). Its last one, at the budget itself over three days, would
// be a toss of a coin where the budget is just used up. Ratios alone raise alarms where a single request is a large share, so
// the long window must also be improbable enough for the limit (Chernoff's bound of the binomial tail).
func (w *windows) burning(o Options, limit float64) (long fading, since time.Duration, ok bool) {
	for _, pair := range [...]struct {
		long, short int
		burn        float64
	}{{hour1, minutes5, 14.4}, {hours6, minutes30, 6}, {day1, hours2, 3}} {
		least := min(pair.burn*o.Objective, mostUsual)
		long := w[pair.long]
		if long.ratio() >= least && w[pair.short].ratio() >= least && long.Errors >= minFailures && long.against(o.Objective) >= limit {
			return long, length(pair.short), true
		}
	}
	return fading{}, 0, false
}

func (f fading) ratio() float64 {
	if f.Requests <= 0 {
		return 0
	}
	return float64(f.Errors / f.Requests)
}

// against is the evidence, in nats, that the errors are more than a ratio explains.
func (f fading) against(usual float64) float64 {
	p := min(f.ratio(), mostShare)
	if p <= usual {
		return 0
	}
	return float64(f.Requests) * (p*math.Log(p/usual) + (1-p)*(math.Log1p(-p)-math.Log1p(-usual)))
}
