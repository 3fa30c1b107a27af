package act

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

func TestJudgeArgo(t *testing.T) {
	ref := model.Ref{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Namespace: "shop", Name: "cart"}
	crashing := corev1.Pod{}
	crashing.Name, crashing.Labels = "cart-b-0", map[string]string{custom.RolloutHash: "b"}
	crashing.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "cart", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}}
	nine := int64(9)
	for name, tc := range map[string]struct {
		set   func(*custom.Rollout)
		lent  *int64
		done  bool
		waits string // what is missing
		stuck string
	}{
		"healthy, though pods of the former revision run on": {func(*custom.Rollout) {}, nil, true, "", ""},
		"not seen yet":               {func(r *custom.Rollout) { r.Status.ObservedGeneration = "3" }, nil, false, "has not seen the change", ""},
		"its lender not seen yet":    {func(r *custom.Rollout) { r.Status.WorkloadObservedGeneration = "8" }, &nine, false, "has not seen the change", ""},
		"its lender seen":            {func(r *custom.Rollout) { r.Status.WorkloadObservedGeneration = "9" }, &nine, true, "", ""},
		"progressing":                {func(r *custom.Rollout) { r.Status.Phase, r.Status.Message = "Progressing", "waiting" }, nil, false, "Progressing: waiting", ""},
		"healthy on another":         {func(r *custom.Rollout) { r.Status.StableRS = "b" }, nil, false, "Healthy", ""},
		"aborted":                    {func(r *custom.Rollout) { r.Status.Abort, r.Status.Message = true, "analysis failed" }, nil, false, "", "was aborted: analysis failed"},
		"paused by its controller":   {func(r *custom.Rollout) { r.Status.Phase, r.Status.Message = "Paused", "CanaryPauseStep" }, nil, false, "", "kubectl argo rollouts promote cart -n shop"},
		"paused by a person":         {func(r *custom.Rollout) { r.Spec.Paused = true }, nil, false, "", "somebody has paused it"},
		"a pod of it does not start": {func(r *custom.Rollout) { r.Status.CurrentPodHash, r.Status.Phase = "b", "Progressing" }, nil, false, "", "pod cart-b-0: container cart crashes"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &custom.Rollout{}
			r.Generation, r.Status.ObservedGeneration = 4, "4"
			r.Status.Phase, r.Status.StableRS, r.Status.CurrentPodHash = "Healthy", "a", "a"
			tc.set(r)
			got, err := judgeArgo(ref, r, tc.lent, []corev1.Pod{crashing})
			var stuck *StuckError
			if errors.As(err, &stuck) != (tc.stuck != "") || stuck != nil && !strings.Contains(stuck.Error(), tc.stuck) {
				t.Fatalf("error %v, want one about %q", err, tc.stuck)
			}
			if got.Done != tc.done || !strings.Contains(got.Waiting, tc.waits) || tc.waits == "" && got.Waiting != "" {
				t.Errorf("got %+v", got)
			}
		})
	}
}
