package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/lab/fault"
)

func TestRunsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.jsonl")
	good, alone := mended(), mended()
	alone.Verified, alone.Calm, alone.LastError = time.Time{}, false, noon.Add(time.Minute)
	other := good.Fault
	other.Name = "another"
	for _, k := range []kept{
		{Fault: good.Fault.Name, Result: good},
		{Fault: good.Fault.Name, Alone: true, Result: alone},
		{Fault: "one that was taken out of the lab", Result: good},
		{Fault: good.Fault.Name, Result: good},
	} {
		if err := keep(path, k); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"fault":"wrong-sel`); err != nil { // the machine went down
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := Kept(path, []fault.Fault{other, good.Fault})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || len(all[0].Runs) != 0 || len(all[1].Runs) != 2 || len(all[1].Alone) != 1 {
		t.Fatalf("got %+v, want two runs and one without gatemend, all of the second fault", all)
	}
	if p := all[1].Runs[1].Problems(); len(p) > 0 {
		t.Errorf("a run without a problem has %q after it was kept", p)
	}
	var table strings.Builder
	if err := MeasuredTable(&table, all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| another | nginx | - |", "| wrong-selector | nginx | over 60.0 | 2 of 2 | 2 of 2 | 0.4 | 3.0 | 3.0 |"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, table.String())
		}
	}
}

func TestNothingIsKeptAtFirst(t *testing.T) {
	all, err := Kept(filepath.Join(t.TempDir(), "none"), []fault.Fault{mended().Fault})
	if err != nil || len(all) != 1 || len(all[0].Runs) != 0 {
		t.Errorf("got %+v, %v, want one fault without a run", all, err)
	}
}
