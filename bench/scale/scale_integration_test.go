//go:build integration

package main

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
)

// TestSmall runs the whole benchmark on a cluster of a two-hundredth of the size: gatemend lists nothing after its start, and
// in a storm it diagnoses everything, changes no more than its limits allow, and does not flood people with notifications. Numbers are printed, and judged by nobody.
func TestSmall(t *testing.T) {
	programs, gatemend := os.Getenv("PROGRAMS"), os.Getenv("GATEMEND")
	if programs == "" || gatemend == "" {
		t.Fatal("PROGRAMS and GATEMEND are not set: run 'make test-integration'")
	}
	b := bench{
		gatemend: gatemend, programs: paths(programs), size: full().by(200), idle: 4 * time.Second, storm: 25,
		dir: t.TempDir(), out: t.Output(),
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Minute, errors.New("it is not done after 5 minutes")) // before go test gives up, and leaves its processes behind
	defer cancel()
	if err := b.run(ctx); err != nil {
		t.Fatal(err)
	}
}
