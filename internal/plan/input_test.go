package plan

import "testing"

// What could not be taken back is there still, so that making it again would be no other try.
func TestOnlyWhatWasTakenBackIsExcused(t *testing.T) {
	for back, tells := range map[bool]int{true: 0, false: 1} {
		if got := Excuse([]Attempt{{Cause: "target-port-mismatch", Action: "patch-service", Acted: true, Away: true, TakenBack: back}}); len(got) != tells {
			t.Errorf("taken back: %v, and %d attempts tell of the next one, want %d", back, len(got), tells)
		}
	}
}
