package labtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatemend/gatemend/lab/manifest"
)

// User is as whom gatemend acts in tests that look at what it may do and what it did; see [Lab.Grant].
const User = manifest.User

// Grant gives [User] what gatemend's own manifests say that it needs, and no more.
func (l *Lab) Grant(t *testing.T) {
	t.Helper()
	if err := l.Client.Grant(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Watch is a `gatemend watch --fix` that runs.
type Watch struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	err    error // once ended is closed
	events string
}

// Event is the part of gatemend's events that tests read. It is declared here, so that tests fail when the printed
// form changes.
type Event struct {
	Type  string    `json:"type"`
	At    time.Time `json:"at"`
	Route string    `json:"route"`
	Step  string    `json:"step"`
	Text  string    `json:"text"`
	Plan  *struct {
		Remedy struct {
			Action string `json:"action"`
		} `json:"remedy"`
	} `json:"plan"`
}

// Watch starts gatemend as [User], with its events and journal in a folder in which it goes on where another one ended.
func (l *Lab) Watch(t *testing.T, program, dir string, args ...string) *Watch {
	t.Helper()
	w := &Watch{events: filepath.Join(dir, "events.jsonl"), ended: make(chan struct{})}
	before := len(w.Events(t))
	args = append([]string{program, "watch", "--fix", "--as", User, "--plain", "--events", w.events, "--journal", filepath.Join(dir, "journal.jsonl")}, args...)
	ctx := context.WithoutCancel(t.Context()) // it is stopped below, also where the test was
	var err error
	if w.cmd, err = l.Command(ctx, args...); err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(dir, "output.txt"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	w.cmd.Stdout, w.cmd.Stderr = log, log
	if err := w.cmd.Start(); err != nil {
		t.Fatalf("start gatemend: %v", err)
	}
	go func() {
		w.err = errors.Join(w.cmd.Wait(), log.Close())
		close(w.ended)
	}()
	t.Cleanup(w.Kill)
	l.Await(t, "gatemend to watch", time.Minute, func() bool {
		select {
		case <-w.ended:
			t.Fatalf("gatemend ended: %v; see %s", w.err, dir)
		default:
		}
		return len(w.Events(t)) > before
	})
	return w
}

// Kill ends it as a crash does. It may have ended before.
func (w *Watch) Kill() {
	_ = w.cmd.Process.Kill() // it may have ended
	<-w.ended
}

// Stop ends it as Ctrl-C does.
func (w *Watch) Stop(t *testing.T) {
	t.Helper()
	if err := w.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Errorf("stop gatemend: %v", err)
	}
	select {
	case <-w.ended:
	case <-time.After(30 * time.Second):
		t.Error("gatemend did not stop within 30 s")
		w.Kill()
	}
}

// Events are those that it, and those before it in the same folder, have told of so far.
func (w *Watch) Events(t *testing.T) []Event {
	t.Helper()
	data, err := os.ReadFile(w.events)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var out []Event
	in := bufio.NewScanner(bytes.NewReader(data[:bytes.LastIndexByte(data, '\n')+1]))
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var e Event
		if json.Unmarshal(in.Bytes(), &e) == nil { // one that was killed leaves half a line
			out = append(out, e)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Await polls until a condition holds, and fails the test if it does not within a limit.
func (l *Lab) Await(t *testing.T, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	if err := l.await(t.Context(), limit, holds); err != nil {
		t.Fatalf("waited %s for %s: %v", limit, what, err)
	}
}

// Within reports whether a condition comes to hold within a limit.
func (l *Lab) Within(t *testing.T, limit time.Duration, holds func() bool) bool {
	t.Helper()
	return l.await(t.Context(), limit, holds) == nil
}

func (l *Lab) await(ctx context.Context, limit time.Duration, holds func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not hold: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}
