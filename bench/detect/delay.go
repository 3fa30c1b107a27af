package main

import (
	"fmt"
	"io"
	"math"
	"time"
)

const year = 365 * 24 * time.Hour

// wald is the least mean number of requests that any sequential test needs to tell the error ratio bad from
// good, when it takes good for bad with probability alpha and never misses bad (A. Wald, "Sequential tests of
// statistical hypotheses", 1945, section 4.7; no test does better: Wald and Wolfowitz 1948). Its
// alpha is one in the number of requests between two false alarms: for a test that runs on and on that is the bound on the
// mean delay of Lorden (1971).
func wald(good, bad, alpha float64) float64 {
	divergence := bad * math.Log(bad/good)
	if bad < 1 {
		divergence += (1 - bad) * (math.Log1p(-bad) - math.Log1p(-good))
	}
	return -math.Log(alpha) / divergence
}

// warmUp is for how many requests a route is seen before the change: as long as the detector remembers.
const warmUp = 200_000

// delays prints the table of mean delays over the bound.
func (b bench) delays(w io.Writer) error {
	effects := []float64{0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1}
	fmt.Fprint(w, "requests/s\t")
	for _, e := range effects {
		fmt.Fprintf(w, "%g %%\t", 100*e)
	}
	fmt.Fprintln(w)
	var single, all uint64
	worst, spoilt := 0.0, 0
	for _, rate := range []float64{0.1, 1, 10, 100, 1000} {
		fmt.Fprintf(w, "%g\t", rate)
		for _, effect := range effects {
			c := b.cell(rate, effect)
			bound := wald(usual, effect, 1/(rate*year.Seconds()))
			fmt.Fprintf(w, "%.1f/%.1f = %.2f\t", c.mean, bound, c.mean/bound)
			worst = max(worst, c.mean/bound)
			single, all, spoilt = single+c.single, all+c.all, spoilt+c.spoilt
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "worst ratio %.2f\t%s\n", worst, verdict(worst <= 1.5))
	_, err := fmt.Fprintf(w, "%.3g requests one by one, %.3g with those before the changes; %d changes came after a false alarm and were left out\n", float64(single), float64(all), spoilt)
	return err
}

// cell is one rate and effect.
type cell struct {
	mean        float64
	single, all uint64
	spoilt      int
}

func (b bench) cell(rate, effect float64) cell {
	var c cell
	var sum float64
	for seed := range uint64(b.repeats) {
		t := newTraffic(rate, seed)
		if t.background(warmUp) {
			c.spoilt++
			continue
		}
		before := t.requests
		for failed := false; ; {
			failed = t.random.Float64() < effect
			t.one(failed)
			if failed && len(t.d.Tick(t.now())) > 0 {
				break
			}
		}
		sum += float64(t.requests - before)
		c.single += t.single
		c.all += t.requests
	}
	c.mean = sum / float64(b.repeats-c.spoilt)
	return c
}
