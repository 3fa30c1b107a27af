package diagnose

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// podKinds are the kinds that tell how a workload's pods fare.
func podKinds() []snapshot.Kind {
	return []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods, snapshot.Deployments, snapshot.ReplicaSets, snapshot.StatefulSets, snapshot.DaemonSets, snapshot.Events}
}

// perWorkload makes findings of the workloads with pods that have one trouble.
func perWorkload(cause model.CauseID, describe func(v *view, w *workload, pods []*corev1.Pod) finding) func(v *view) []finding {
	return func(v *view) []finding {
		var out []finding
		for _, w := range v.workloads {
			if pods := v.affected(w, cause); len(pods) > 0 {
				out = append(out, describe(v, w, pods))
			}
		}
		return out
	}
}
