//go:build lab

// Package e2e runs gatemend on the lab as a user would.
package e2e

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/demo"
	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/labtest"
)

// name is that of the cluster of these tests, beside which a demo's may be up.
const name = "e2e"

// TestEveryFaultIsMended breaks the shop behind real proxies in every way that the lab knows, and
// wants each fault to be detected, rightly named, mended, and proven on the clients' own counts.
func TestEveryFaultIsMended(t *testing.T) {
	faults := fault.All()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := cluster.Down(ctx, name, t.Output()); err != nil {
			t.Error(err)
		}
	})
	results, err := demo.Run(t.Context(), demo.Options{Name: name, Gatemend: labtest.Program(t), Faults: faults, Apart: true, Out: t.Output()})
	if err != nil && !errors.Is(err, demo.ErrFailed) {
		t.Error(err)
	}
	if len(results) != len(faults) {
		t.Errorf("%d of %d faults were tried", len(results), len(faults))
	}
	for _, r := range results {
		t.Run(r.Fault.Name, func(t *testing.T) {
			for _, p := range r.Problems() {
				t.Error(p)
			}
		})
	}
}
