package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
)

// What is left of a repair in an outage is told with what finishes it, and is no success.
func TestARepairThatAnOutageCutsOff(t *testing.T) {
	undo := model.Change{
		Op: model.OpPatch, Target: model.Ref{APIVersion: "v1", Kind: "Service", Namespace: "shop", Name: "cart"},
		Fields: []model.FieldChange{{Path: "/spec/ports/0/targetPort", Old: []byte("8080"), New: []byte("9999")}},
	}
	for name, tc := range map[string]struct {
		journal string
		left    []model.Change
		want    string
	}{
		"with a journal":                    {"repairs.jsonl", []model.Change{undo}, "the same command with the same --journal"},
		"without, a change is there":        {"", []model.Change{undo}, "by hand: kubectl patch service/cart -n shop"},
		"without, before it was proven":     {"", nil, "gatemend diagnose"},
		"with a journal, not proven as yet": {"repairs.jsonl", nil, "--journal"},
	} {
		o := &fixOptions{journal: tc.journal}
		err := o.cutOff(t.Context(), &mend.AwayError{For: 10 * time.Minute, Left: tc.left})
		if exitOf(err) != ExitCouldNot || !strings.Contains(err.Error(), "not answered for 10m0s") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %q and exit %d, want %q", name, err, exitOf(err), tc.want)
		}
	}
}
