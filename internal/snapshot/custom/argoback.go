package custom

import (
	"encoding/json"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// RolloutOf reads the Rollout of a name; nil if the snapshot holds none, or none of the form that is known.
func RolloutOf(s *snapshot.Snapshot, ref model.Ref) *Rollout {
	o, presence := s.Lookup(ref)
	u, ok := o.(*unstructured.Unstructured)
	if presence != snapshot.Present || !ok || !isRollout(u) {
		return nil
	}
	return readRollout(u)
}

// Borrower is the Rollout that takes its template from a Deployment; nil if none does.
func Borrower(s *snapshot.Snapshot, deployment model.Ref) *Rollout {
	for u := range s.Others().In(deployment.Namespace) {
		if !isRollout(u) {
			continue
		}
		if r := readRollout(u); r != nil && r.Lender() == deployment.Name {
			return r
		}
	}
	return nil
}

func isRollout(u *unstructured.Unstructured) bool {
	gvk := u.GroupVersionKind()
	return gvk.Group == "argoproj.io" && gvk.Kind == "Rollout"
}

func readRollout(u *unstructured.Unstructured) *Rollout {
	r := &Rollout{}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, r) != nil {
		return nil
	}
	return r
}

// Lender names the Deployment from which the Rollout takes its template; empty: it has one of its own, or takes it from
// another kind of object.
func (r *Rollout) Lender() string {
	if w := r.Spec.WorkloadRef; w != nil && w.Kind == string(snapshot.Deployments) {
		return w.Name
	}
	return ""
}

// Observed reports whether the Rollout's controller has seen it as it is, and its lender, of which the generation is given;
// nil: it has none. A controller of before 1.0 writes something else than a number, of which nothing can be told.
func (r *Rollout) Observed(lender *int64) bool {
	seen := func(have string, want int64) bool {
		n, err := strconv.ParseInt(have, 10, 64)
		return err != nil || n == want
	}
	return seen(r.Status.ObservedGeneration, r.Generation) && (lender == nil || seen(r.Status.WorkloadObservedGeneration, *lender))
}

// Revision finds the ReplicaSet of a hash among those of the Rollout; nil if it is not there.
func Revision(all []*appsv1.ReplicaSet, hash string) *appsv1.ReplicaSet {
	for _, rs := range all {
		if hash != "" && rs.Labels[RolloutHash] == hash {
			return rs
		}
	}
	return nil
}

// metadataAnnotation of a ReplicaSet lists the labels and annotations that the controller has put into its template for the
// role that it has just now (argoproj/argo-rollouts, EphemeralMetadataAnnotation).
const metadataAnnotation = "rollout.argoproj.io/ephemeral-metadata"

// Template is the template of one of the Rollout's ReplicaSets without what the controller has put into it: the hash,
// labels and annotations of the role that it has, and rules that keep its pods from those of another revision.
func (r *Rollout) Template(rs *appsv1.ReplicaSet) *corev1.PodTemplateSpec {
	t := rs.Spec.Template.DeepCopy()
	delete(t.Labels, RolloutHash)
	var put struct{ Labels, Annotations map[string]string }
	if json.Unmarshal([]byte(rs.Annotations[metadataAnnotation]), &put) == nil {
		for k := range put.Labels {
			delete(t.Labels, k)
		}
		for k := range put.Annotations {
			delete(t.Annotations, k)
		}
	}
	if s := r.Spec.Strategy; s.Canary != nil && s.Canary.AntiAffinity != nil || s.BlueGreen != nil && s.BlueGreen.AntiAffinity != nil {
		t.Spec.Affinity = nil
	}
	return t
}

// Detour says what keeps the Rollout's controller from going back to a former ReplicaSet at once, by itself and all the way
// when the Rollout gets that one's template again; empty: nothing does. To the revision that it calls stable it goes so
// while an update to another one is under way, also while that one is paused or was aborted, and to those within its
// rollback window. All else is an update as every other, with the steps, pauses and analyses of the strategy
// (argoproj/argo-rollouts, rollout/sync.go: isFastRollback; rollout/canary.go and bluegreen.go; docs/features/rollback.md).
func (r *Rollout) Detour(to *appsv1.ReplicaSet, all []*appsv1.ReplicaSet) string {
	stable, s := Revision(all, r.Status.StableRS), r.Spec.Strategy
	switch {
	case r.Spec.Paused:
		return "somebody has paused it"
	case to.Labels[RolloutHash] == "" || stable == nil:
		return "which of its revisions is stable is not known"
	case stable == to || r.withinWindow(to, stable, all):
		return ""
	case s.Canary != nil && len(s.Canary.Steps) > 0:
		return fmt.Sprintf("its controller would take all %d steps of its strategy on the way", len(s.Canary.Steps))
	case s.Canary != nil && s.Canary.Analysis != nil,
		s.BlueGreen != nil && (s.BlueGreen.PrePromotionAnalysis != nil || s.BlueGreen.PostPromotionAnalysis != nil):
		return "its controller would wait for an analysis on the way"
	case s.BlueGreen != nil && s.BlueGreen.AutoPromotionEnabled != nil && !*s.BlueGreen.AutoPromotionEnabled:
		return "its controller would wait for a person to promote it"
	case s.BlueGreen != nil && s.BlueGreen.AutoPromotionSeconds > 0:
		return fmt.Sprintf("its controller would wait for %d s before it promotes it", s.BlueGreen.AutoPromotionSeconds)
	default:
		return ""
	}
}

// withinWindow reports whether fewer revisions lie between two than the Rollout's rollback window has.
func (r *Rollout) withinWindow(to, stable *appsv1.ReplicaSet, all []*appsv1.ReplicaSet) bool {
	if !to.CreationTimestamp.Before(&stable.CreationTimestamp) {
		return false
	}
	between := int32(0)
	for _, rs := range all {
		if to.CreationTimestamp.Before(&rs.CreationTimestamp) && rs.CreationTimestamp.Before(&stable.CreationTimestamp) {
			between++
		}
	}
	return between < r.Spec.RollbackWindow.Revisions
}
