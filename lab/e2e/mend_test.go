//go:build lab

// Package e2e runs gatemend on the lab as a user would.
package e2e

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/gatemend/gatemend/lab/demo"
	"github.com/gatemend/gatemend/lab/fault"
)

// build makes the gatemend program from the repository's main module.
func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "gatemend")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/gatemend")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build gatemend: %v\n%s", err, out)
	}
	return program
}

// TestEveryFaultIsMended breaks the shop behind real proxies in every way that a machine may mend,
// and wants each to be detected, rightly named, mended, and proven on the clients' own counts.
func TestEveryFaultIsMended(t *testing.T) {
	var faults []fault.Fault
	for _, f := range fault.All() {
		if !f.AdviceOnly {
			faults = append(faults, f)
		}
	}
	results, err := demo.Run(t.Context(), demo.Options{Gatemend: build(t), Faults: faults, Out: t.Output()})
	if err != nil && !errors.Is(err, demo.ErrFailed) {
		t.Error(context.Cause(t.Context()), err)
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
