// Package testkit holds what the tests of several packages need. Only tests import it.
package testkit

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// update rewrites golden files instead of comparing with them: go test PACKAGE -update.
var update = flag.Bool("update", false, "rewrite golden and generated files") //nolint:gochecknoglobals // a flag of the test binary is one

// Golden compares text with a file, or writes the file if the test runs with -update.
func Golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v\nwrite it with: go test -run '^%s$' -update", err, t.Name())
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s is out of step (-want +got):\n%s\nif the new text is right: go test -update", file, d)
	}
}

// Updating reports whether the test runs with -update.
func Updating() bool { return *update }
