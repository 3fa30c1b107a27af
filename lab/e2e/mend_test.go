//go:build lab

// Package e2e runs gatemend on the lab as a user would.
package e2e

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/demo"
	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/labtest"
)

// name is that of the cluster of these tests, beside which a demo's may be up.
const name = "e2e"

// forgiven is how many faults may be tried a second time: three dozen of them meet a machine that is busy with other
// things now and then. What fails twice, or more than that, is no accident.
const forgiven = 2

// again tries the faults that did not go well once more, and says what was wrong the first time.
func again(t *testing.T, o demo.Options, results []demo.Result) []demo.Result {
	t.Helper()
	o.Faults = nil
	for _, r := range results {
		if len(r.Problems()) > 0 {
			t.Logf("%s, at first: %q", r.Fault.Name, r.Problems())
			o.Faults = append(o.Faults, r.Fault)
		}
	}
	if len(o.Faults) == 0 || len(o.Faults) > forgiven {
		return results
	}
	second, err := demo.Run(t.Context(), o)
	if err != nil && !errors.Is(err, demo.ErrFailed) {
		t.Error(err)
	}
	for _, r := range second {
		i := slices.IndexFunc(results, func(first demo.Result) bool { return first.Fault.Name == r.Fault.Name })
		results[i] = r
	}
	return results
}

// TestEveryFaultIsMended breaks the shop behind real proxies in every way that the lab knows, and
// wants each fault to be detected, rightly named, mended, and proven on the clients' own counts.
func TestEveryFaultIsMended(t *testing.T) {
	// A gateway's new revision that is not ready may only need a minute to begin, which is waited for: left to benchmarks.
	faults := slices.DeleteFunc(fault.All(), func(f fault.Fault) bool { return f.Name == "proxy-not-running-never-ready" })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := cluster.Down(ctx, name, t.Output()); err != nil {
			t.Error(err)
		}
	})
	options := demo.Options{Name: name, Gatemend: labtest.Program(t), Faults: faults, Apart: true, Out: t.Output()}
	results, err := demo.Run(t.Context(), options)
	if err != nil && !errors.Is(err, demo.ErrFailed) {
		t.Error(err)
	}
	if len(results) != len(faults) {
		t.Errorf("%d of %d faults were tried", len(results), len(faults))
	}
	results = again(t, options, results)
	for _, r := range results {
		t.Run(r.Fault.Name, func(t *testing.T) {
			for _, p := range r.Problems() {
				t.Error(p)
			}
		})
	}
}
