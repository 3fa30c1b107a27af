package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/load"
)

// MeasureOptions says how the time to mend is measured.
type MeasureOptions struct {
	Options

	Runs   int           // of each fault with gatemend
	Alone  time.Duration // how long a fault is left to itself without gatemend at most, from its first error; 0: that is not tried
	Alones int           // how often it is
	// Kept is a file in which each run is kept as it ends. Runs that are in it already are not made again.
	Kept string
	// Records is a folder for gatemend's events and journals, which tell why a run went as it did. Empty: they are not kept.
	Records string
}

// Measured is what became of one fault.
type Measured struct {
	Fault fault.Fault
	Runs  []Result
	// Alone is what clients met without gatemend, within MeasureOptions.Alone.
	Alone []Result
}

// Measure breaks the shop in every way, so often, unattended, each time with a gatemend that knows nothing of the
// times before. What it has measured is returned in any case.
func Measure(ctx context.Context, o MeasureOptions) (all []Measured, err error) {
	if o.Unasked {
		o.Faults = unasked(o.Faults)
	}
	if all, err = Kept(o.Kept, o.Faults); err != nil {
		return nil, err
	}
	d := &demo{out: o.Out}
	if err := d.prepare(ctx, o.Options); err != nil {
		return all, err
	}
	dir := o.Records
	if dir == "" {
		if dir, err = os.MkdirTemp("", "gatemend-mttr-"); err != nil {
			return all, fmt.Errorf("make a folder for gatemend's records: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	} else if err := os.MkdirAll(dir, 0o755); err != nil {
		return all, fmt.Errorf("make a folder for gatemend's records: %w", err)
	}
	for i := range all {
		if err := d.measure(ctx, o, &all[i], dir); err != nil {
			return all, err
		}
	}
	return all, nil
}

// unasked gives the faults as they should end where nobody has agreed to anything in advance.
func unasked(faults []fault.Fault) []fault.Fault {
	out := slices.Clone(faults)
	for i := range out {
		out[i].Person = out[i].Person || out[i].Asks
	}
	return out
}

// measure makes the runs of one fault that are missing.
func (d *demo) measure(ctx context.Context, o MeasureOptions, m *Measured, dir string) error {
	f := m.Fault
	for len(m.Runs) < o.Runs {
		stop, err := d.start(ctx, o.Gatemend, filepath.Join(dir, fmt.Sprint(f.Name, len(m.Runs))))
		if err != nil {
			return err
		}
		r, err := d.round(ctx, f)
		// It ends first: what is restored piece by piece may fail meanwhile, and be mended once more, which the next run would
		// begin with.
		stop()
		d.gatemend = nil
		if err == nil {
			err = d.restore(ctx, f)
		}
		if err != nil {
			return err
		}
		m.Runs = append(m.Runs, r)
		for _, p := range r.Problems() {
			d.say("! %s, run %d: %s", f.Name, len(m.Runs), p)
		}
		if err := keep(o.Kept, kept{Fault: f.Name, Result: r}); err != nil {
			return err
		}
	}
	for o.Alone > 0 && len(m.Alone) < o.Alones {
		r, err := d.alone(ctx, f, o.Alone)
		if err == nil {
			err = d.restore(ctx, f)
		}
		if err != nil {
			return err
		}
		m.Alone = append(m.Alone, r)
		if err := keep(o.Kept, kept{Fault: f.Name, Alone: true, Result: r}); err != nil {
			return err
		}
	}
	return nil
}

// alone breaks the shop and lets it be, for so long or until the errors have ended by themselves.
func (d *demo) alone(ctx context.Context, f fault.Fault, long time.Duration) (Result, error) {
	ready := func() (bool, error) { return true, nil }
	return d.under(ctx, f, f.Name+", without gatemend", ready, func(r *Result, _ []load.Report, _ time.Time) (bool, error) {
		failed := !r.FirstError.IsZero()
		return failed && (time.Since(r.FirstError) > long || time.Since(r.LastError) > healed), nil
	})
}

// MeasuredTable writes what was measured as a table in Markdown, and below it what went wrong. Times are from the first
// to the last request that failed for a client, in seconds.
func MeasuredTable(w io.Writer, all []Measured) error {
	var b strings.Builder
	b.WriteString("| fault | gateway | failing without gatemend | named right | mended and proven | alarm, median | failing, median | failing, worst |\n|---|---|---|---|---|---|---|---|\n")
	var medians []time.Duration
	var wrong []string
	for _, m := range all {
		s := m.sum()
		outcome := fmt.Sprintf("%d of %d", s.good, len(m.Runs))
		if m.Fault.Person {
			outcome = "left to a person " + outcome
		}
		if len(s.failing) > 0 {
			medians = append(medians, median(s.failing))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d of %d | %s | %s | %s | %s |\n", m.Fault.Name, m.Fault.Gateway, leftAlone(m.Alone), s.right, len(m.Runs),
			outcome, seconds(s.alarms, median), seconds(s.failing, median), seconds(s.failing, slices.Max[[]time.Duration]))
		for _, p := range slices.Sorted(maps.Keys(s.problems)) {
			wrong = append(wrong, fmt.Sprintf("! %s: %s (%d of %d)", m.Fault.Name, p, s.problems[p], len(m.Runs)))
		}
	}
	fmt.Fprintf(&b, "\nThe median of the medians is %s s.\n%s\n", seconds(medians, median), strings.Join(wrong, "\n"))
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// summary is what all runs of a fault come to.
type summary struct {
	right, good     int // named right; without any problem
	problems        map[string]int
	alarms, failing []time.Duration
}

func (m Measured) sum() summary {
	s := summary{problems: map[string]int{}}
	for _, r := range m.Runs {
		if slices.Contains(m.Fault.WantCauses, r.Cause) && r.Object == m.Fault.WantObject {
			s.right++
		}
		problems := r.Problems()
		for _, p := range problems {
			s.problems[p]++
		}
		if len(problems) == 0 {
			s.good++
		}
		if !r.Alarm.IsZero() {
			s.alarms = append(s.alarms, r.Detected())
		}
		if r.Calm && !r.FirstError.IsZero() && (!m.Fault.Person || m.Fault.Passing) {
			s.failing = append(s.failing, r.Mended())
		}
	}
	return s
}

// leftAlone says for how many seconds a fault lasts to which nobody comes: the median, or the least that is known of
// it where the errors were going on when it was ended.
func leftAlone(all []Result) string {
	var over, on []time.Duration
	for _, r := range all {
		switch {
		case r.FirstError.IsZero():
		case r.Calm:
			over = append(over, r.Mended())
		default:
			on = append(on, r.Mended())
		}
	}
	switch {
	case len(over)+len(on) == 0:
		return "-"
	case len(on) > 0 && len(over) > 0:
		return fmt.Sprintf("over after %s in %d of %d, else over %s", seconds(over, median), len(over), len(all), seconds(on, median))
	case len(on) > 0:
		return "over " + seconds(on, median)
	default:
		return seconds(over, median)
	}
}

func seconds(all []time.Duration, of func([]time.Duration) time.Duration) string {
	if len(all) == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", of(all).Seconds())
}

// median is the lower one of the two in the middle, where there are two.
func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)-1)/2]
}
