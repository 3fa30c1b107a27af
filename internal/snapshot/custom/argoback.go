package custom

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
// nil: it has none. A controller of before 1.0 writes something else than a number for the Rollout itself, of which nothing
// can be told. Lenders came later, so that for one all but its generation, also nothing at all, means that it was not seen.
func (r *Rollout) Observed(lender *int64) bool {
	n, err := strconv.ParseInt(r.Status.ObservedGeneration, 10, 64)
	own := err != nil || n == r.Generation
	return own && (lender == nil || r.Status.WorkloadObservedGeneration == strconv.FormatInt(*lender, 10))
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
	t.Spec.Affinity = ownAffinity(t.Spec.Affinity)
	return t
}

// ownAffinity is an affinity without the term that the controller has appended to keep the pods from those of another
// revision, and without what it had to make for that (argoproj/argo-rollouts, GenerateReplicaSetAffinity). It is changed.
func ownAffinity(a *corev1.Affinity) *corev1.Affinity {
	if a == nil || a.PodAntiAffinity == nil {
		return a
	}
	put := func(t corev1.PodAffinityTerm) bool {
		return t.LabelSelector != nil && slices.ContainsFunc(t.LabelSelector.MatchExpressions, func(e metav1.LabelSelectorRequirement) bool {
			return e.Key == RolloutHash
		})
	}
	from := a.PodAntiAffinity
	before := len(from.RequiredDuringSchedulingIgnoredDuringExecution) + len(from.PreferredDuringSchedulingIgnoredDuringExecution)
	required := slices.DeleteFunc(from.RequiredDuringSchedulingIgnoredDuringExecution, put)
	preferred := slices.DeleteFunc(from.PreferredDuringSchedulingIgnoredDuringExecution, func(t corev1.WeightedPodAffinityTerm) bool {
		return put(t.PodAffinityTerm)
	})
	from.RequiredDuringSchedulingIgnoredDuringExecution, from.PreferredDuringSchedulingIgnoredDuringExecution = required, preferred
	switch left := len(required) + len(preferred); {
	case left > 0 || left == before:
		return a
	case a.NodeAffinity == nil && a.PodAffinity == nil:
		return nil
	default:
		a.PodAntiAffinity = nil
		return a
	}
}

// Detour says what keeps the Rollout's controller from going back to a former ReplicaSet at once, by itself and all the way
// when the Rollout gets that one's template again; empty: nothing does. To the revision that it calls stable it goes so
// while an update to another one is under way, also while that one is paused or was aborted. All else is an update as every
// other, with the steps, pauses and analyses of the strategy, but for revisions within its rollback window: to these it goes
// at once, and cannot be taken back from there as fast if that does not help (argoproj/argo-rollouts, rollout/sync.go,
// canary.go and bluegreen.go; docs/features/rollback.md).
func (r *Rollout) Detour(to *appsv1.ReplicaSet, all []*appsv1.ReplicaSet) string {
	stable, hash := Revision(all, r.Status.StableRS), to.Labels[RolloutHash]
	switch {
	case r.Spec.Paused:
		return "somebody has paused it"
	case hash == "" || stable == nil:
		return "which of its revisions is stable is not known"
	}
	switch waits := r.waits(hash, stable == to); {
	case waits == "":
		return ""
	case stable != to && r.withinWindow(to, stable, all):
		return "its controller would go there at once, but back again, should that not help, it " + waits
	default:
		return "its controller " + waits
	}
}

// waits says what the controller would do on the way to a revision before all requests are there. Back to the stable one
// a canary takes no steps. The active Service of blue and green that has left it already is promoted again up to v1.9.1:
// only since v1.10.0-rc1 a way back to the stable revision skips that (isFastRollback). Once it leads there, no analysis follows.
func (r *Rollout) waits(hash string, stable bool) string {
	if canary := r.Spec.Strategy.Canary; canary != nil && !stable {
		switch {
		case len(canary.Steps) > 0:
			return fmt.Sprintf("would take all %d steps of its strategy on the way", len(canary.Steps))
		case canary.Analysis != nil:
			return "would wait for an analysis on the way"
		}
	}
	b := r.Spec.Strategy.BlueGreen
	switch {
	case b == nil || stable && r.Status.BlueGreen.ActiveSelector == hash:
		return ""
	case b.PrePromotionAnalysis != nil || b.PostPromotionAnalysis != nil && !stable:
		return "would wait for an analysis on the way"
	case b.AutoPromotionEnabled != nil && !*b.AutoPromotionEnabled:
		return "would wait for a person to promote it"
	case b.AutoPromotionSeconds > 0:
		return fmt.Sprintf("would wait for %d s before it promotes it", b.AutoPromotionSeconds)
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
