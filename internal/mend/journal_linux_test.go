package mend

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/plan"
)

// Of an event for which the disk has no room nothing stays, and the next one is a line of its own.
func TestAFullDisk(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ) // what a process is told that writes more than it may
	t.Cleanup(func() { signal.Reset(syscall.SIGXFSZ) })
	file := filepath.Join(t.TempDir(), "journal")
	j, err := OpenJournal(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	e := plan.Event{At: time.Unix(1, 0).UTC(), Incident: "i1", Kind: plan.EventClosed, Because: strings.Repeat("x", 100)}
	if err := j.Append(e); err != nil {
		t.Fatal(err)
	}
	size, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	less := limit
	less.Cur = uint64(size.Size()) + 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &less); err != nil {
		t.Fatal(err)
	}
	full := j.Append(e)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if full == nil {
		t.Fatal("an event was taken for which there is no room")
	}
	if err := j.Append(e); err != nil {
		t.Fatal(err)
	}
	if got, err := j.Events(); err != nil || len(got) != 2 {
		t.Errorf("got %d events, %v, want 2", len(got), err)
	}
}
