package act

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/gatemend/gatemend/internal/model"
)

func TestJudgeResize(t *testing.T) {
	limit := func(memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)}
	}
	condition := func(kind corev1.PodConditionType, reason string) []corev1.PodCondition {
		return []corev1.PodCondition{{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: "words of the kubelet"}}
	}
	for _, tc := range []struct {
		name        string
		has         *corev1.ResourceRequirements
		conditions  []corev1.PodCondition
		done, stuck bool
	}{
		{"it has what it asks for", &corev1.ResourceRequirements{Limits: limit("256Mi")}, nil, true, false},
		{"in another unit", &corev1.ResourceRequirements{Limits: limit("262144Ki")}, nil, true, false},
		{"not yet", &corev1.ResourceRequirements{Limits: limit("128Mi")}, nil, false, false},
		{"its kubelet does not tell", nil, nil, false, false},
		{"deferred", &corev1.ResourceRequirements{Limits: limit("128Mi")}, condition(corev1.PodResizePending, corev1.PodReasonDeferred), false, false},
		{"infeasible", &corev1.ResourceRequirements{Limits: limit("128Mi")}, condition(corev1.PodResizePending, corev1.PodReasonInfeasible), false, true},
		{"under way", &corev1.ResourceRequirements{Limits: limit("128Mi")}, condition(corev1.PodResizeInProgress, ""), false, false},
		{"failed", &corev1.ResourceRequirements{Limits: limit("128Mi")}, condition(corev1.PodResizeInProgress, corev1.PodReasonError), false, true},
	} {
		p := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "cart", Resources: corev1.ResourceRequirements{Limits: limit("256Mi")}}}}}
		p.Status = corev1.PodStatus{Conditions: tc.conditions, ContainerStatuses: []corev1.ContainerStatus{{Name: "cart", Resources: tc.has}}}
		got, err := judgeResize(model.Ref{Kind: "Pod", Namespace: "shop", Name: "cart-1"}, p)
		if _, stuck := errors.AsType[*StuckError](err); stuck != tc.stuck || got.Done != tc.done || !got.Done && !stuck && got.Waiting == "" {
			t.Errorf("%s: got %+v, %v; want done %v, stuck %v", tc.name, got, err, tc.done, tc.stuck)
		}
	}
}
