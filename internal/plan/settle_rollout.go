package plan

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// whatIfHash is that of a Rollout's revision in a what-if.
const whatIfHash = "whatif"

// settleRollout does what Argo's controller does once it has gone all the way to the Rollout's present template: the pods are
// of that one, and all its Services lead to them.
func settleRollout(s, after *snapshot.Snapshot, f model.Finding, known []model.Finding, r *custom.Rollout) *snapshot.Snapshot {
	if r == nil {
		return after
	}
	was := custom.RolloutOf(s, r.Ref())
	o, presence := after.Lookup(r.Ref())
	u, ok := o.(*unstructured.Unstructured)
	if was == nil || presence != snapshot.Present || !ok {
		return after
	}
	old, d := asDeployment(s, was), asDeployment(after, r)
	for _, t := range []*corev1.PodTemplateSpec{&old.Spec.Template, &d.Spec.Template} {
		labels := map[string]string{custom.RolloutHash: whatIfHash}
		maps.Copy(labels, t.Labels)
		t.Labels = labels
	}
	put, gone, ready := turnOver(after, f, known, old, d)
	for svc := range after.Services().In(r.Namespace) {
		if r.Role(svc.Name) == "" || svc.Spec.Selector[custom.RolloutHash] == "" {
			continue
		}
		svc = svc.DeepCopy()
		svc.Spec.Selector[custom.RolloutHash] = whatIfHash
		put = append(put, svc)
	}
	return after.WithObjects(append(put, settledRollout(u, d, ready)), gone)
}

// asDeployment is a Rollout in the form of a Deployment, with the template that it is lent.
func asDeployment(s *snapshot.Snapshot, r *custom.Rollout) *appsv1.Deployment {
	d := r.Deployment()
	if lender, presence := s.Deployments().Get(r.Namespace, r.Lender()); presence == snapshot.Present {
		d.Spec.Template = lender.Spec.Template
	}
	return d
}

// settledRollout is a Rollout whose newest revision is the stable one.
func settledRollout(u *unstructured.Unstructured, d *appsv1.Deployment, ready bool) metav1.Object {
	u = u.DeepCopy()
	phase := "Healthy"
	if !ready {
		phase = "Progressing"
	}
	u.Object["status"] = map[string]any{
		"phase": phase, "stableRS": whatIfHash, "currentPodHash": whatIfHash, "replicas": int64(d.Status.Replicas),
		"updatedReplicas": int64(d.Status.UpdatedReplicas), "readyReplicas": int64(d.Status.ReadyReplicas), "availableReplicas": int64(d.Status.AvailableReplicas),
	}
	return u
}

// heldBy is the Rollout whose pods a change replaces; nil: none. Of a Deployment it takes the template alone, and has
// replicas of its own.
func heldBy(s *snapshot.Snapshot, c model.Change) *custom.Rollout {
	switch {
	case c.Target.Kind == "Rollout":
		return custom.RolloutOf(s, c.Target)
	case c.Target.Kind == string(snapshot.Deployments) && slices.ContainsFunc(c.Fields, setsTemplate):
		return custom.Borrower(s, c.Target)
	default:
		return nil
	}
}

// Holder is the workload whose pods a change of a plan replaces: where it changes the template that a Deployment lends to
// the Rollout which is at fault, that one; else it is the changed object itself.
func Holder(p model.Plan, c model.Change) model.Ref {
	if c.Target.Kind != string(snapshot.Deployments) || !slices.ContainsFunc(c.Fields, setsTemplate) {
		return c.Target
	}
	of := p.Finding
	for _, f := range p.Faults { // those that replace the pods of one workload are all about that one
		if slices.ContainsFunc(f.Remedy.Changes, func(o model.Change) bool { return o.Target == c.Target && slices.ContainsFunc(o.Fields, setsTemplate) }) {
			of = f.Finding
		}
	}
	if of.Object.Kind == "Rollout" {
		return of.Object.Ref
	}
	return c.Target
}
