package remedy

import (
	"testing"

	"github.com/gatemend/gatemend/internal/plan/plantest"
)

// A fresh process cures what runs and does not answer; it does not help what is only beginning, has ended or cannot start.
func TestRestartTakesWhatRuns(t *testing.T) {
	for name, tc := range map[string]struct {
		value any
		path  []any
		takes bool
	}{
		"it runs":         {nil, []any{"metadata", "creationTimestamp"}, true},
		"it begins":       {"2026-05-04T03:01:41Z", []any{"metadata", "creationTimestamp"}, false},
		"it ends":         {"2026-05-04T03:01:41Z", []any{"metadata", "deletionTimestamp"}, false},
		"it has ended":    {"Failed", []any{"status", "phase"}, false},
		"it has no node":  {"Pending", []any{"status", "phase"}, false},
		"it crashes":      {map[string]any{"waiting": map[string]any{"reason": "CrashLoopBackOff"}}, []any{"status", "containerStatuses", 0, "state"}, false},
		"nothing is said": {nil, []any{"status"}, false},
	} {
		c := plantest.Shop("cart", "web")
		c.Edit("Pod/cart-2-0", "False", "status", "conditions", 0, "status")
		c.Edit("Pod/cart-2-0", tc.value, tc.path...)
		got := restart(Case{Snapshot: c.Snapshot(), Finding: plantest.Finding("app-workers-exhausted", "Deployment", "cart", "", "")})
		if (len(got) == 1) != tc.takes {
			t.Errorf("%s: %d remedies, want it taken: %v", name, len(got), tc.takes)
		}
	}
}
