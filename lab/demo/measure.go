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

	Runs  int           // of each fault with gatemend
	Alone time.Duration // how long a fault is left to itself without gatemend, once; 0: that is not tried
}

// Measured is what became of one fault.
type Measured struct {
	Fault fault.Fault
	Runs  []Result
	// Alone is what clients met without gatemend; its Errors and Requests are of MeasureOptions.Alone.
	Alone Result
}

// Measure breaks the shop in every way, so often, unattended, each time with a gatemend that knows nothing of the
// times before. What it has measured is returned in any case.
func Measure(ctx context.Context, o MeasureOptions) (all []Measured, err error) {
	d := &demo{out: o.Out}
	if err := d.prepare(ctx, o.Options); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "gatemend-mttr-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for gatemend's records: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, f := range o.Faults {
		m := Measured{Fault: f}
		if o.Alone > 0 {
			if m.Alone, err = d.alone(ctx, f, o.Alone); err != nil {
				return all, err
			}
		}
		for i := range o.Runs {
			stop, err := d.start(ctx, o.Gatemend, filepath.Join(dir, fmt.Sprint(f.Name, i)))
			if err != nil {
				return all, err
			}
			r, err := d.round(ctx, f)
			stop()
			d.gatemend = nil
			m.Runs = append(m.Runs, r)
			if err != nil {
				return append(all, m), err
			}
			for _, p := range r.Problems() {
				d.say("! %s, run %d: %s", f.Name, i+1, p)
			}
		}
		all = append(all, m)
	}
	return all, nil
}

// alone breaks the shop and lets it be.
func (d *demo) alone(ctx context.Context, f fault.Fault, how time.Duration) (Result, error) {
	ready := func() (bool, error) { return true, nil }
	return d.under(ctx, f, f.Name+", without gatemend", ready, func(r *Result, _ []load.Report, _ time.Time) (bool, error) {
		return !r.FirstError.IsZero() && time.Since(r.FirstError) > how, nil
	})
}

// MeasuredTable writes what was measured as a table in Markdown, and below it what went wrong. Times are from the first
// to the last request that failed for a client, in seconds.
func MeasuredTable(w io.Writer, all []Measured) error {
	var b strings.Builder
	b.WriteString("| fault | gateway | without gatemend | named right | mended and proven | alarm, median | failing, median | failing, worst |\n|---|---|---|---|---|---|---|---|\n")
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
		if r.Calm && !r.FirstError.IsZero() && !m.Fault.Person {
			s.failing = append(s.failing, r.Mended())
		}
	}
	return s
}

// leftAlone says what becomes of a fault to which nobody comes.
func leftAlone(r Result) string {
	switch {
	case r.FirstError.IsZero():
		return "-"
	case r.Calm:
		return fmt.Sprintf("over after %.1f", r.Mended().Seconds())
	default:
		return "goes on"
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
