package remedy

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// AutoscalerOf is the HorizontalPodAutoscaler that sets a workload's replicas, nil if there is none.
func AutoscalerOf(s *snapshot.Snapshot, workload model.Ref) *autoscalingv2.HorizontalPodAutoscaler {
	for hpa := range s.HorizontalAutoscalers().In(workload.Namespace) {
		t := hpa.Spec.ScaleTargetRef
		if t.Kind == workload.Kind && t.Name == workload.Name {
			return hpa
		}
	}
	return nil
}
