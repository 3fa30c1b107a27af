package remedy

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Restart replaces pods that do not serve.
func Restart() Action {
	return Action{
		Name:       "restart",
		Doc:        "Evicts pods that are not ready, one at a time and never past a PodDisruptionBudget, so that their controller replaces them.",
		When:       "some pods of a workload, not all, run and do not answer",
		Reach:      "those pods, one at a time",
		Back:       "none: the pods are replaced by equal ones",
		Risk:       model.RiskMedium,
		Candidates: restart,
	}
}

// restartable lists the causes that a fresh process cures. A crash loop is not among them: the
// kubelet restarts such a container already.
func restartable() []model.CauseID {
	return []model.CauseID{"pods-not-ready", "app-workers-exhausted"}
}

func restart(c Case) []model.Remedy {
	if !slices.Contains(restartable(), c.Finding.ID) {
		return nil
	}
	workload := c.Finding.Workload()
	var changes []model.Change
	for p := range c.Snapshot.Pods().In(workload.Namespace) {
		if c.Snapshot.WorkloadOf(p) == workload && len(p.OwnerReferences) > 0 && stuck(p, c.Snapshot.At()) {
			changes = append(changes, model.Change{Op: model.OpEvict, Target: snapshot.RefOf(p), UID: string(p.UID)})
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return []model.Remedy{finish(c, model.Remedy{
		Action: "restart", Risk: model.RiskMedium, Changes: changes,
		Summary: fmt.Sprintf("replace %d unready pods of %s, one at a time", len(changes), workload),
		Why:     "they run but do not answer, while others of the same revision do",
	})}
}

// starting is how long a new pod may take to be ready.
const starting = time.Minute

// stuck reports whether a pod runs and does not serve, as only a fresh process may cure. One that has only begun would begin
// anew, one that has ended or waits for a node or an image would not be there any sooner.
func stuck(p *corev1.Pod, now time.Time) bool {
	runs := p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning && (now.Sub(p.CreationTimestamp.Time) >= starting || served(p))
	return runs && !Serving(p) && !slices.ContainsFunc(p.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.State.Running == nil })
}

// served reports whether a pod was ready since its containers began: it has become unready after that, and a kubelet calls it so
// from before they begin (kubernetes/kubernetes, pkg/kubelet/status: a condition's time changes with its status alone).
func served(p *corev1.Pod) bool {
	c := path.PodCondition(p, corev1.PodReady)
	return c != nil && c.Status == corev1.ConditionFalse && !slices.ContainsFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		return s.State.Running == nil || !c.LastTransitionTime.After(s.State.Running.StartedAt.Time)
	})
}

// Serving reports whether a pod is ready, also to those who judge plans and have nothing to do with paths.
func Serving(p *corev1.Pod) bool { return path.Ready(p) }

// CountServing is how many pods of a workload serve and are not being deleted.
func CountServing(s *snapshot.Snapshot, workload model.Ref) int {
	n := 0
	for p := range s.Pods().In(workload.Namespace) {
		if p.DeletionTimestamp == nil && Serving(p) && s.WorkloadOf(p) == workload {
			n++
		}
	}
	return n
}
