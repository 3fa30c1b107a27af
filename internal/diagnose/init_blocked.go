package diagnose

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

func initBlocked() Analyzer {
	return Analyzer{
		Cause: "init-blocked", Doc: "Finds pods whose init container never succeeds, so that their containers never start.", Inputs: podKinds(),
		run: perWorkload("init-blocked", func(v *view, w *workload, pods []*corev1.Pod) finding {
			t := v.trouble(pods[0])
			field, c, _ := containerField(w, t.container, true)
			return v.onWorkload(w, "init-blocked", seen, field+v.crashField(w, c, t), fmt.Sprintf("%s: %s", w.ref, t.why), pods)
		}),
	}
}
