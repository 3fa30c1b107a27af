package plan

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// settle gives the cluster as it would be once controllers have reacted to the changes: workloads get
// the pods that they ask for, Services the endpoints that they select, and routes the status that their
// references deserve.
func settle(s *snapshot.Snapshot, f model.Finding, changes []model.Change) (*snapshot.Snapshot, error) {
	after, err := s.With(changes...)
	if err != nil {
		return nil, err
	}
	near := map[string]bool{}
	for _, c := range changes {
		near[c.Target.Namespace] = true
		after = settlePods(s, after, f, c)
	}
	for ns := range near {
		after = settleSlices(after, ns)
	}
	return settleRoutes(s, after), nil
}

// settlePods lets the controller of a changed workload or evicted pod do its work.
func settlePods(s, after *snapshot.Snapshot, f model.Finding, c model.Change) *snapshot.Snapshot {
	switch {
	case c.Op == model.OpEvict:
		p, presence := s.Pods().Get(c.Target.Namespace, c.Target.Name)
		if presence != snapshot.Present || metav1.GetControllerOf(p) == nil {
			return after
		}
		fresh := newPod(p.Namespace, p.Name+"-next", after.Pods().Len(), corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec})
		fresh.OwnerReferences = p.OwnerReferences
		return after.WithObjects([]metav1.Object{fresh}, nil)
	case c.Op == model.OpPatch && c.Target.Kind == string(snapshot.Deployments):
		return settleDeployment(s, after, f, c.Target)
	case c.Op == model.OpPatch && c.Target.Kind == string(snapshot.StatefulSets):
		return settleStatefulSet(after, c.Target)
	default:
		return after
	}
}

func settleDeployment(s, after *snapshot.Snapshot, f model.Finding, ref model.Ref) *snapshot.Snapshot {
	d, presence := after.Deployments().Get(ref.Namespace, ref.Name)
	old, was := s.Deployments().Get(ref.Namespace, ref.Name)
	if presence != snapshot.Present || was != snapshot.Present {
		return after
	}
	d = d.DeepCopy()
	n := replicas(d.Spec.Replicas)
	var gone []model.Ref
	var put []metav1.Object
	for _, rs := range after.Revisions(d) {
		for _, p := range after.PodsOf(rs.UID) {
			gone = append(gone, snapshot.RefOf(p))
		}
		rs = rs.DeepCopy()
		rs.Spec.Replicas, rs.Status = new(int32), appsv1.ReplicaSetStatus{}
		put = append(put, rs)
	}
	rs := nextRevision(d, after.Revisions(d), n)
	ready := blamedChanged(f, old, d) && runnable(&d.Spec.Template)
	put = append(put, podsFor(rs, int(n), d.Spec.Template, ready)...)
	d.Status = appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n,
		Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"}},
	}
	available := appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse}
	if ready {
		d.Status.ReadyReplicas, d.Status.AvailableReplicas = n, n
		rs.Status.ReadyReplicas, rs.Status.AvailableReplicas = n, n
		available.Status = corev1.ConditionTrue
	}
	d.Status.Conditions = append(d.Status.Conditions, available)
	return after.WithObjects(append(put, rs, d), gone)
}

// nextRevision is the ReplicaSet that the Deployment's present template gets.
func nextRevision(d *appsv1.Deployment, revisions []*appsv1.ReplicaSet, n int32) *appsv1.ReplicaSet {
	newest := int64(0)
	if len(revisions) > 0 {
		newest = snapshot.Revision(revisions[0])
	}
	rs := &appsv1.ReplicaSet{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"}}
	rs.Namespace, rs.Name, rs.UID = d.Namespace, d.Name+"-whatif", d.UID+"-whatif"
	rs.Labels = d.Spec.Template.Labels
	rs.Annotations = map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(newest + 1)}
	rs.OwnerReferences = []metav1.OwnerReference{controllerRef("apps/v1", "Deployment", d)}
	rs.Spec = appsv1.ReplicaSetSpec{Replicas: &n, Selector: d.Spec.Selector, Template: d.Spec.Template}
	rs.Status = appsv1.ReplicaSetStatus{Replicas: n}
	return rs
}

func settleStatefulSet(after *snapshot.Snapshot, ref model.Ref) *snapshot.Snapshot {
	d, presence := after.StatefulSets().Get(ref.Namespace, ref.Name)
	if presence != snapshot.Present {
		return after
	}
	d = d.DeepCopy()
	n := replicas(d.Spec.Replicas)
	var gone []model.Ref
	for _, p := range after.PodsOf(d.UID) {
		gone = append(gone, snapshot.RefOf(p))
	}
	ready := runnable(&d.Spec.Template)
	d.Status.Replicas, d.Status.UpdatedReplicas = n, n
	if ready {
		d.Status.ReadyReplicas, d.Status.AvailableReplicas = n, n
	}
	put := podsFor(d, int(n), d.Spec.Template, ready)
	return after.WithObjects(append(put, d), gone)
}

func replicas(n *int32) int32 {
	if n == nil {
		return 1 // the API server's default
	}
	return *n
}
