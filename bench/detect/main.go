// Command detect measures package detect in simulation: how many requests an alarm takes, against Wald's
// bound; how often chance opens one; how soon an outage is alarmed, and its end; how much memory a route
// takes, and how much time a signal. Seeds are fixed, so that every run prints the same figures but for the
// last two. A target that is missed is printed; the command fails only if it cannot measure.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"text/tabwriter"
)

func main() {
	b := bench{out: os.Stdout}
	flag.IntVar(&b.repeats, "repeats", 2500, "changes simulated for each rate and effect")
	flag.IntVar(&b.years, "years", 200, "route-years without a change, at 10 requests a second")
	flag.Parse()
	runtime.GOMAXPROCS(1) // the targets are for one core
	if err := b.run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is what is measured.
type bench struct {
	out            io.Writer
	repeats, years int
}

// usual is the share of background errors in all simulations.
const usual = 0.001

func (b bench) run() error {
	fmt.Fprintf(b.out, "%s %s/%s, one core\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, part := range []struct {
		title string
		run   func(w io.Writer) error
	}{
		{"Requests from the change to the alarm, mean, over Wald's bound (target: at most 1.5)", b.delays},
		{"Full outage: the failing request that opens the alarm, and the end after the last error", b.outages},
		{"False alarms, background errors 0.1 %", b.falseAlarms},
		{"Cost", b.cost},
	} {
		fmt.Fprintf(b.out, "\n%s\n\n", part.title)
		w := tabwriter.NewWriter(b.out, 0, 8, 2, ' ', 0)
		if err := part.run(w); err != nil {
			return fmt.Errorf("%s: %w", part.title, err)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func verdict(met bool) string {
	if met {
		return "ok"
	}
	return "not met"
}
