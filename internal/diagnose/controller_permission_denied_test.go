package diagnose

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// A controller says again and again what it may not read: once is proof enough.
func TestADenialIsProvenByItsFirstLine(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "controller-permission-denied.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	in, _ := inputOf(t, archive, "positive-verb-missing")
	line := in.Logs[0].Lines[0]
	in.Logs[0].Lines = []string{line, strings.Replace(line, "11:55:01", "11:56:01", 1), strings.Replace(line, "11:55:01", "11:57:01", 1)}
	d := Diagnose(in)
	if len(d.Causes) == 0 || d.Causes[0].ID != "controller-permission-denied" {
		t.Fatalf("causes %+v", d.Causes)
	}
	said := 0
	for _, e := range d.Causes[0].Evidence {
		if strings.Contains(e.Text, "cannot list resource") {
			said++
		}
	}
	if said != 1 {
		t.Errorf("its words are evidence %d times, want once", said)
	}
}
