package act

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// lookAtArgo reads a Rollout of Argo's with its pods, and the Deployment that lends it its template, and judges them.
func (a *Actor) lookAtArgo(ctx context.Context, ref model.Ref) (Rollout, error) {
	api, _, err := a.resource(ref)
	if err != nil {
		return Rollout{}, err
	}
	u, err := api.Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return Rollout{}, err
	}
	ro := &custom.Rollout{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, ro); err != nil {
		return Rollout{}, fmt.Errorf("%w: %s is not of the form that is known: %w", errNoRollout, ref, err)
	}
	var lent *int64
	selector := ro.Spec.Selector
	if name := ro.Lender(); name != "" {
		d, err := a.kube.AppsV1().Deployments(ref.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return Rollout{}, err
		}
		lent = &d.Generation
		if selector == nil { // it takes that one with the template
			selector = d.Spec.Selector
		}
	}
	pods, err := a.kube.CoreV1().Pods(ref.Namespace).List(ctx, matching(selector))
	if err != nil {
		return Rollout{}, err
	}
	return judgeArgo(ref, ro, lent, pods.Items)
}

// judgeArgo says how far a Rollout has come, by its controller's own word: Healthy, once the newest revision is the stable
// one (argoproj/argo-rollouts, utils/rollout: CalculateRolloutPhase, GetRolloutPhase). Pods of a former revision may be left
// running for a while then, without requests. lent is the generation of the Deployment that lends it its template; nil: it
// has one of its own.
func judgeArgo(ref model.Ref, ro *custom.Rollout, lent *int64, pods []corev1.Pod) (Rollout, error) {
	r := Rollout{Object: ref, Want: snapshot.Replicas(ro.Spec.Replicas), Updated: ro.Status.UpdatedReplicas, Available: ro.Status.AvailableReplicas}
	if ro.Spec.Paused {
		return r, &StuckError{Rollout: r, Because: "somebody has paused it"}
	}
	if !ro.Observed(lent) {
		r.Waiting = "Argo's controller has not seen the change yet"
		return r, nil
	}
	for i := range pods {
		p := &pods[i]
		if p.Labels[custom.RolloutHash] != ro.Status.CurrentPodHash {
			r.Old++
			continue
		}
		if why := cannotStart(p); why != "" {
			return r, &StuckError{Rollout: r, Pod: p.Name, Because: why}
		}
	}
	switch {
	case ro.Status.Abort:
		return r, &StuckError{Rollout: r, Because: "its update was aborted: " + ro.Status.Message}
	case ro.Status.Phase == "Paused":
		return r, &StuckError{Rollout: r, Because: fmt.Sprintf("its controller waits for a person (%s): kubectl argo rollouts promote %s%s",
			ro.Status.Message, model.ShellWord(ref.Name), inNamespace(ref))}
	case ro.Status.Phase == "Healthy" && ro.Status.StableRS == ro.Status.CurrentPodHash:
		r.Done = true
	default:
		r.Waiting = fmt.Sprintf("its controller calls it %s: %s", ro.Status.Phase, ro.Status.Message)
	}
	return r, nil
}
