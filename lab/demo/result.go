package demo

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gatemend/gatemend/lab/fault"
)

// Result is what became of one fault.
type Result struct {
	Fault      fault.Fault `json:"-"`
	Status     int         // that clients got most often while it was broken; 0 when they got no error
	FirstError time.Time   // as the clients saw it
	LastError  time.Time
	Requests   int // of the route's clients, and how many of them failed
	Errors     int

	Alarm    time.Time // when gatemend's alarm was raised; zero: never
	Cause    string    // the id that it named first; empty: none
	Object   string    // the object that it named, "KIND NAMESPACE/NAME"
	Verified time.Time // when it had proof that the errors stopped; zero: never
	Planned  bool      // it had a plan
	Called   time.Time // when it said that a person must act, or agree; zero: never
	Wrote    []string  // what it has changed, as the API server tells: "patch deployments shop/api"
	// Calm says that the clients got no error any more at the end.
	Calm bool
	// Unlogged is why the gateway's log does not show the fault as it should; empty: it does.
	Unlogged string
}

// Detected is how long after the clients' first error the alarm was raised.
func (r Result) Detected() time.Duration { return r.Alarm.Sub(r.FirstError) }

// Mended is how long clients got errors.
func (r Result) Mended() time.Duration { return r.LastError.Sub(r.FirstError) }

// Problems lists in words what is not as it should be; none means that the fault was seen, rightly
// named, mended and verified.
func (r Result) Problems() []string {
	var out []string
	if r.FirstError.IsZero() {
		return []string{"clients got no error: the fault did not take hold"}
	}
	if !slices.Contains(r.Fault.WantStatus, r.Status) {
		out = append(out, fmt.Sprintf("clients got %d, expected one of %v", r.Status, r.Fault.WantStatus))
	}
	if r.Unlogged != "" {
		out = append(out, r.Unlogged)
	}
	if r.Alarm.IsZero() {
		out = append(out, "not detected")
	}
	if !slices.Contains(r.Fault.WantCauses, r.Cause) {
		out = append(out, fmt.Sprintf("named %q, the cause is %s", r.Cause, strings.Join(r.Fault.WantCauses, " or ")))
	}
	if r.Object != r.Fault.WantObject {
		out = append(out, fmt.Sprintf("accused %q, the fault is in %s", r.Object, r.Fault.WantObject))
	}
	if r.Fault.Person {
		return append(out, r.meddled()...)
	}
	if r.Verified.IsZero() {
		out = append(out, "gatemend did not verify a repair")
	} else if len(r.Wrote) == 0 {
		out = append(out, "gatemend says that it is mended, and the API server knows of no change by it")
	}
	if !r.Calm {
		out = append(out, "clients still get errors")
	}
	return out
}

// meddled lists in words what was not left to a person as it should be.
func (r Result) meddled() (out []string) {
	if r.Called.IsZero() || !r.Verified.IsZero() {
		out = append(out, "gatemend did not leave it to a person")
	}
	if r.Fault.Asks && !r.Planned {
		out = append(out, "gatemend has no plan to which a person could agree")
	}
	if len(r.Wrote) > 0 {
		out = append(out, "gatemend changed what is a person's to change: "+strings.Join(r.Wrote, ", "))
	}
	return out
}

// Table writes the results, one line each, and below them what is not as it should be.
func Table(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FAULT\tGATEWAY\tSTATUS\tFIRST ERROR\tDETECTED AFTER\tCAUSE NAMED\tMENDED AFTER\tFAILED\tVERIFIED")
	for _, r := range results {
		fmt.Fprintln(t, strings.Join([]string{
			r.Fault.Name, r.Fault.Gateway, number(r.Status), clock(r.FirstError),
			span(r.FirstError, r.Alarm), orDash(r.Cause), mendedAfter(r),
			fmt.Sprintf("%d/%d", r.Errors, r.Requests), verified(r),
		}, "\t"))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	for _, r := range results {
		for _, p := range r.Problems() {
			if _, err := fmt.Fprintf(w, "! %s: %s\n", r.Fault.Name, p); err != nil {
				return fmt.Errorf("write table: %w", err)
			}
		}
	}
	return nil
}

func number(status int) string {
	if status == 0 {
		return "-"
	}
	return strconv.Itoa(status)
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("15:04:05.000")
}

func span(from, to time.Time) string {
	if from.IsZero() || to.IsZero() {
		return "-"
	}
	return fmt.Sprintf("%.2fs", to.Sub(from).Seconds())
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func mendedAfter(r Result) string {
	if r.Fault.Person {
		return "-" // not before a person has been there
	}
	return span(r.FirstError, r.LastError)
}

func verified(r Result) string {
	switch {
	case r.Fault.Person && !r.Called.IsZero():
		return "a person"
	case !r.Verified.IsZero() && r.Calm:
		return "yes"
	default:
		return "NO"
	}
}
