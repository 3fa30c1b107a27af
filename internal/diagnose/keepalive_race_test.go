package diagnose

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestOptionsOf: a server's idle time is set where it gets its options.
func TestOptionsOf(t *testing.T) {
	for name, tc := range map[string]struct {
		container corev1.Container
		want      string
	}{
		"command and args":     {corev1.Container{Command: []string{"uvicorn"}, Args: []string{"app:app", "--port", "8080"}}, ".args"},
		"args alone":           {corev1.Container{Args: []string{"/venv/bin/uvicorn", "app:app"}}, ".args"},
		"command alone":        {corev1.Container{Command: []string{"uvicorn", "app:app"}}, ".command"},
		"started by a script":  {corev1.Container{Command: []string{"./start.sh"}, Args: []string{"web"}}, ""},
		"started by its image": {corev1.Container{Image: "example/uvicorn"}, ""},
	} {
		if got := optionsOf(&tc.container, "uvicorn"); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}
