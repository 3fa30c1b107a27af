package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatemend/gatemend/internal/printer"
)

// alarmsOf runs a watch of a shop that fails for ten seconds, and returns what it said of alarms.
func alarmsOf(t *testing.T, state string) (alarms []printer.EventDoc, stderr string) {
	t.Helper()
	c := newFakeCluster(t, true)
	var out, errOut bytes.Buffer
	cmd := New(c.env(strings.NewReader(""), &out, &errOut))
	cmd.SetArgs([]string{"watch", "-o", "json", "--state", state})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := cmd.ExecuteContext(ctx); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		var e printer.EventDoc
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if e.Type == printer.EventAlarm {
			alarms = append(alarms, e)
		}
	}
	return alarms, errOut.String()
}

// After a restart a watch still knows what it knew: the same alarm is open, since the same first error.
func TestStateOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := filepath.Join(t.TempDir(), "state")
		first, stderr := alarmsOf(t, state)
		if len(first) != 1 || stderr != "" {
			t.Fatalf("alarms %+v; %s", first, stderr)
		}
		time.Sleep(time.Minute)
		again, stderr := alarmsOf(t, state)
		if len(again) != 1 || !again[0].FirstError.Equal(first[0].FirstError) || stderr != "" {
			t.Errorf("alarms %+v, want that of before, %+v; %s", again, first, stderr)
		}
		time.Sleep(time.Hour)
		again, _ = alarmsOf(t, state)
		if len(again) != 1 || again[0].FirstError.Equal(first[0].FirstError) {
			t.Errorf("alarms %+v, want a new one", again)
		}
	})
}

// A file that nobody can understand is told of, and replaced.
func TestStateIsDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(state, []byte("none"), 0o600); err != nil {
			t.Fatal(err)
		}
		if alarms, stderr := alarmsOf(t, state); len(alarms) != 1 || !strings.Contains(stderr, "learned anew") {
			t.Errorf("alarms %+v; %s", alarms, stderr)
		}
		if _, stderr := alarmsOf(t, state); stderr != "" {
			t.Errorf("it was not replaced: %s", stderr)
		}
	})
}

// A place at which nothing can be kept is an error before anything is watched.
func TestStateCannotBeKept(t *testing.T) {
	c := newFakeCluster(t, true)
	var out, errOut bytes.Buffer
	cmd := New(c.env(strings.NewReader(""), &out, &errOut))
	cmd.SetArgs([]string{"watch", "--state", filepath.Join(t.TempDir(), "nowhere", "state")})
	if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "--state") || out.Len() > 0 {
		t.Errorf("%v; %s", err, out.String())
	}
}
