package mend

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
)

func TestJournalSurvivesACutOffLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal")
	j, err := OpenJournal(file)
	if err != nil {
		t.Fatal(err)
	}
	first := plan.Event{At: time.Unix(1, 0).UTC(), Incident: "i1", Kind: plan.EventApplying, Index: 1}
	if err := j.Append(first); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(data, `{"at":"2026-01-`...), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err = OpenJournal(file)
	if err != nil {
		t.Fatal(err)
	}
	second := plan.Event{At: time.Unix(2, 0).UTC(), Incident: "i1", Kind: plan.EventApplied, Index: 1, UID: "u"}
	if err := j.Append(second); err != nil {
		t.Fatal(err)
	}
	got, err := j.Events()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]plan.Event{first, second}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedJournalIsNotActedOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(file, []byte("{\"incident\":\"i1\"}\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := OpenJournal(file)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if _, err := j.Events(); err == nil || !strings.Contains(err.Error(), file+":2") {
		t.Errorf("got error %v, want one that names line 2", err)
	}
}

func TestAbandon(t *testing.T) {
	now := time.Unix(9, 0)
	var j MemoryJournal
	for _, e := range []plan.Event{
		{Incident: "asked", Kind: plan.EventPlanned}, {Incident: "begun", Kind: plan.EventPlanned}, {Incident: "begun", Kind: plan.EventApplying},
		{Incident: "done", Kind: plan.EventPlanned}, {Incident: "done", Kind: plan.EventClosed},
	} {
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if open, err := Open(&j); err != nil || !cmp.Equal(open, []string{"asked", "begun"}) {
		t.Errorf("open: got %v, %v", open, err)
	}
	if ok, err := Abandon(&j, "asked", now); !ok || err != nil {
		t.Errorf("abandon what was only asked: got %v, %v", ok, err)
	}
	if ok, err := Abandon(&j, "begun", now); ok || err != nil {
		t.Errorf("abandon what was begun: got %v, %v; want a refusal", ok, err)
	}
	if open, _ := Open(&j); !cmp.Equal(open, []string{"begun"}) {
		t.Errorf("open afterwards: got %v", open)
	}
}

func TestRing(t *testing.T) {
	r := NewRing(3)
	statuses := func(from uint64) (out []int, next uint64) {
		signals, next := r.Read(from)
		for _, s := range signals {
			out = append(out, s.Status)
		}
		return out, next
	}
	if got, next := statuses(0); len(got) != 0 || next != 0 {
		t.Errorf("empty: got %v, %d", got, next)
	}
	for i := range 2 {
		r.Add(model.Signal{Status: i})
	}
	got, next := statuses(0)
	if !cmp.Equal(got, []int{0, 1}) || next != 2 {
		t.Errorf("got %v, %d", got, next)
	}
	for i := 2; i < 7; i++ {
		r.Add(model.Signal{Status: i})
	}
	if got, next = statuses(next); !cmp.Equal(got, []int{4, 5, 6}) || next != 7 {
		t.Errorf("after more than it keeps: got %v, %d; want the latest three", got, next)
	}
	if got, _ = statuses(next); len(got) != 0 {
		t.Errorf("nothing new: got %v", got)
	}
}

func TestAJournalBelongsToOneProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal")
	j, err := OpenJournal(file)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "windows" {
		t.Skip("files are not locked there")
	}
	if second, err := OpenJournal(file); !errors.Is(err, ErrInUse) {
		t.Errorf("opened a second time: %v, %v", second, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := OpenJournal(file)
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}
