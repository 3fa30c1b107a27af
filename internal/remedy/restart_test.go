package remedy

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// A young pod that was ready is not one that only begins.
func TestServed(t *testing.T) {
	began := time.Date(2026, 5, 4, 3, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		status corev1.ConditionStatus
		at     time.Duration // of the condition, after the container began
		runs   bool
		want   bool
	}{
		"it became unready":            {corev1.ConditionFalse, 20 * time.Second, true, true},
		"it has never been ready":      {corev1.ConditionFalse, -2 * time.Second, true, false},
		"it began in the same second":  {corev1.ConditionFalse, 0, true, false},
		"it is ready":                  {corev1.ConditionTrue, 20 * time.Second, true, false},
		"its container has ended once": {corev1.ConditionFalse, 20 * time.Second, false, false},
	} {
		state := corev1.ContainerState{}
		if tc.runs {
			state.Running = &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(began)}
		}
		p := &corev1.Pod{Status: corev1.PodStatus{
			Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: tc.status, LastTransitionTime: metav1.NewTime(began.Add(tc.at))}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: "cart", State: state}},
		}}
		if got := served(p); got != tc.want {
			t.Errorf("%s: %t, want %t", name, got, tc.want)
		}
	}
}
