package diagnose

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

func readinessGateUnmet() Analyzer {
	return Analyzer{
		Cause: "readiness-gate-unmet", Doc: "Finds pods that wait for a readiness gate.", Inputs: podKinds(),
		run: perWorkload("readiness-gate-unmet", func(v *view, w *workload, pods []*corev1.Pod) finding {
			return v.onWorkload(w, "readiness-gate-unmet", seen, "spec.template.spec.readinessGates", fmt.Sprintf("%s: %s", w.ref, v.trouble(pods[0]).why), pods)
		}),
	}
}
