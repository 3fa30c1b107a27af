package main

import (
	"fmt"
	"io"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
)

// tickEvery is the rhythm in which the program asks for alarms.
const tickEvery = 100 * time.Millisecond

// outages prints how soon full outages are alarmed and ended.
func (b bench) outages(w io.Writer) error {
	fmt.Fprintln(w, "requests/s\trequests that failed until the alarm, most\ttime to the alarm, longest\t\tend after, longest\t")
	for _, rate := range []float64{1. / 60, 0.1, 1, 10, 100, 1000} {
		var requests int
		var opened, ended time.Duration
		for seed := range uint64(100) {
			o := outage(rate, seed)
			requests, opened, ended = max(requests, o.requests), max(opened, o.opened), max(ended, o.ended)
		}
		met := verdict(requests <= 5 || opened <= time.Second)
		end := verdict(ended <= 10*time.Second)
		if 10*rate < 3 {
			end = "fewer than 3 requests come within 10 s"
		}
		fmt.Fprintf(w, "%.3g\t%d\t%s\t%s\t%s\t%s\n", rate, requests, opened.Round(time.Millisecond), met, ended.Round(time.Millisecond), end)
	}
	return nil
}

// outageOf is how one outage was seen.
type outageOf struct {
	requests      int // that failed until the alarm
	opened, ended time.Duration
}

// outage lets every request fail for 30 s or 30 requests, and none afterwards.
func outage(rate float64, seed uint64) outageOf {
	t := newTraffic(rate, seed)
	for again := uint64(1); t.background(20_000); again++ {
		t = newTraffic(rate, seed+again<<32)
	}
	var o outageOf
	start, last := time.Time{}, time.Time{}
	for i := range max(30, int(30*rate)) {
		t.one(true)
		if last = t.now(); i == 0 {
			start = last
		}
		if o.opened == 0 {
			o.requests = i + 1
		}
		if a, at := t.ticks(); a != nil && o.opened == 0 {
			o.opened = max(at.Sub(start), 1)
		}
	}
	for o.ended == 0 {
		t.one(false)
		if a, at := t.ticks(); a != nil && a.Ended {
			o.ended = at.Sub(last)
		}
	}
	return o
}

// ticks asks for alarms until the next request is due.
func (t *traffic) ticks() (*detect.Alarm, time.Time) {
	gap := time.Duration(float64(time.Second) / t.rate)
	now := t.now()
	for at := now.Truncate(tickEvery).Add(tickEvery); !at.After(now.Add(gap)); at = at.Add(tickEvery) {
		if alarms := t.d.Tick(at); len(alarms) > 0 {
			return &alarms[0], at
		}
	}
	return nil, time.Time{}
}

// falseAlarms prints how often chance opens an alarm.
func (b bench) falseAlarms(w io.Writer) error {
	fmt.Fprintln(w, "requests/s\troute-years\trequests\tfalse alarms\ta route-year\tat most, 95 %\t")
	for _, c := range []struct {
		rate  float64
		years int
	}{{0.1, b.years}, {1, b.years}, {10, b.years}, {100, b.years / 20}} {
		alarms := 0
		requests := uint64(c.rate * year.Seconds())
		for seed := range uint64(c.years) {
			t := newTraffic(c.rate, seed)
			for t.requests < requests {
				if t.background(requests - t.requests) {
					alarms++
					t.d = detector()
				}
			}
		}
		most := poissonAtMost(alarms, 0.95) / float64(c.years)
		fmt.Fprintf(w, "%g\t%d\t%.2g\t%d\t%.3f\t%.3f\t%s\n", c.rate, c.years, float64(requests)*float64(c.years), alarms, float64(alarms)/float64(c.years), most, verdict(most <= 1))
	}
	return nil
}
