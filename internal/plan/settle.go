package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// settle gives the cluster as it would be once controllers have reacted to the changes: workloads get
// the pods that they ask for, Services the endpoints that they select, and routes the status that their
// references deserve. The changes are to mend f; known is what else is wrong, of which some may keep new pods from coming up.
func settle(s *snapshot.Snapshot, f model.Finding, known []model.Finding, changes []model.Change) (*snapshot.Snapshot, error) {
	after, err := s.With(changes...)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		after = settlePods(s, after, f, known, c)
	}
	return settleRoutes(s, settleGateways(s, SettleSlices(s, after))), nil
}

// Expect gives the cluster as it would be once controllers have reacted to changes that are to mend a finding.
func Expect(s *snapshot.Snapshot, f model.Finding, changes []model.Change) (*snapshot.Snapshot, error) {
	return settle(s, f, nil, changes)
}

// settlePods lets the controller of a changed workload or evicted pod do its work.
func settlePods(s, after *snapshot.Snapshot, f model.Finding, known []model.Finding, c model.Change) *snapshot.Snapshot {
	switch {
	case c.Op == model.OpEvict:
		p, presence := s.Pods().Get(c.Target.Namespace, c.Target.Name)
		if presence != snapshot.Present || metav1.GetControllerOf(p) == nil {
			return after
		}
		fresh := newPod(p.Namespace, p.Name+"-next", after.Pods().Len(), corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec})
		fresh.OwnerReferences = p.OwnerReferences
		return after.WithObjects([]metav1.Object{fresh}, nil)
	case c.Op != model.OpPatch:
		return after
	case c.Target.Kind == string(snapshot.Pods):
		return settleOrphan(after, c.Target)
	case c.Target.Kind == string(snapshot.Nodes):
		return settleNode(after, f, c)
	case f.ID == "fault-injection-active":
		return settleDeployment(s, after, f, known, f.Related["workload"])
	case !movesPods(c):
		return after
	case c.Target.Kind == string(snapshot.Deployments):
		return settleRollout(s, settleDeployment(s, after, f, known, c.Target), f, known, heldBy(after, c))
	case c.Target.Kind == "Rollout":
		return settleRollout(s, after, f, known, heldBy(after, c))
	case c.Target.Kind == string(snapshot.StatefulSets):
		return settleStatefulSet(s, after, known, c.Target)
	default:
		return after
	}
}

// movesPods reports whether a change of a workload makes its controller add, take away or replace pods.
func movesPods(c model.Change) bool {
	return slices.ContainsFunc(c.Fields, func(f model.FieldChange) bool { return setsTemplate(f) || f.Path == "/spec/replicas" })
}

func setsTemplate(f model.FieldChange) bool { return strings.HasPrefix(f.Path, "/spec/template") }

func setsLabels(f model.FieldChange) bool { return strings.HasPrefix(f.Path, "/metadata/labels") }

// settleOrphan does what a ReplicaSet does when one of its pods bears its labels no more: it lets go of it
// and makes another.
func settleOrphan(after *snapshot.Snapshot, ref model.Ref) *snapshot.Snapshot {
	p, presence := after.Pods().Get(ref.Namespace, ref.Name)
	if presence != snapshot.Present {
		return after
	}
	owner := metav1.GetControllerOf(p)
	if owner == nil {
		return after
	}
	rs, presence := after.ReplicaSets().Get(ref.Namespace, owner.Name)
	if presence != snapshot.Present || rs.Spec.Selector == nil || snapshot.Matches(rs.Spec.Selector.MatchLabels, p.Labels) {
		return after
	}
	alone := p.DeepCopy()
	alone.OwnerReferences = nil
	fresh := newPod(p.Namespace, p.Name+"-next", after.Pods().Len(), rs.Spec.Template)
	fresh.OwnerReferences = p.OwnerReferences
	return after.WithObjects([]metav1.Object{alone, fresh}, nil)
}

// settleNode lets the scheduler bring the pods of the finding's workload that wait for a node to one that
// takes pods again.
func settleNode(after *snapshot.Snapshot, f model.Finding, c model.Change) *snapshot.Snapshot {
	workload := f.Workload()
	uncordons := slices.ContainsFunc(c.Fields, func(f model.FieldChange) bool { return f.Path == "/spec/unschedulable" && f.New == nil })
	var put []metav1.Object
	for p := range after.Pods().In(workload.Namespace) {
		if uncordons && p.Spec.NodeName == "" && after.WorkloadOf(p) == workload {
			fresh := newPod(p.Namespace, p.Name, after.Pods().Len()+len(put), corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec})
			fresh.OwnerReferences, fresh.UID = p.OwnerReferences, p.UID
			put = append(put, fresh)
		}
	}
	return after.WithObjects(put, nil)
}

func settleDeployment(s, after *snapshot.Snapshot, f model.Finding, known []model.Finding, ref model.Ref) *snapshot.Snapshot {
	d, presence := after.Deployments().Get(ref.Namespace, ref.Name)
	old, was := s.Deployments().Get(ref.Namespace, ref.Name)
	if presence != snapshot.Present || was != snapshot.Present {
		return after
	}
	d = d.DeepCopy()
	put, gone, _ := turnOver(after, f, known, old, d)
	return after.WithObjects(append(put, d), gone)
}

// turnOver gives a workload the pods of its present template, in a ReplicaSet of their own, and d, which is the workload
// with that template, the status that its controller then writes. ready: they come up.
func turnOver(after *snapshot.Snapshot, f model.Finding, known []model.Finding, old, d *appsv1.Deployment) (put []metav1.Object, gone []model.Ref, ready bool) {
	n := snapshot.Replicas(d.Spec.Replicas)
	for _, rs := range after.Revisions(d) {
		for _, p := range after.PodsOf(rs) {
			gone = append(gone, snapshot.RefOf(p))
		}
		rs = rs.DeepCopy()
		rs.Spec.Replicas, rs.Status = new(int32), appsv1.ReplicaSetStatus{}
		put = append(put, rs)
	}
	rs := nextRevision(d, after.Revisions(d), n)
	scaled := old.Status.ReadyReplicas > 0 && reflect.DeepEqual(old.Spec.Template, d.Spec.Template)
	ready = scaled || freshCures(f, old, d) || blamedChanged(f, old, d) && runnable(&d.Spec.Template) && !anyStands(after, known, old, d)
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
	return append(put, rs), gone, ready
}

// freshCures reports whether what is wrong with a workload is in its processes, not in its template: a gateway
// that is stuck, or holds on to what it once knew. A change of the template says that it is not.
func freshCures(f model.Finding, old, d *appsv1.Deployment) bool {
	return (catalogue.FamilyOf(f.ID) == "proxy-control-plane" || f.ID == "stale-dns-upstream") && remedy.OnlyRestarted(&old.Spec.Template, &d.Spec.Template)
}

// nextRevision is the ReplicaSet that a workload's present template gets.
func nextRevision(d *appsv1.Deployment, revisions []*appsv1.ReplicaSet, n int32) *appsv1.ReplicaSet {
	newest := int64(0)
	if len(revisions) > 0 {
		newest = snapshot.Revision(revisions[0])
	}
	rs := &appsv1.ReplicaSet{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"}}
	rs.Namespace, rs.Name, rs.UID = d.Namespace, d.Name+"-whatif", d.UID+"-whatif"
	rs.Labels = d.Spec.Template.Labels
	rs.Annotations = map[string]string{"deployment.kubernetes.io/revision": fmt.Sprint(newest + 1)}
	owner := snapshot.RefOf(d) // a Rollout, too
	rs.OwnerReferences = []metav1.OwnerReference{controllerRef(owner.APIVersion, owner.Kind, d)}
	rs.Spec = appsv1.ReplicaSetSpec{Replicas: &n, Selector: d.Spec.Selector, Template: d.Spec.Template}
	rs.Status = appsv1.ReplicaSetStatus{Replicas: n}
	return rs
}

func settleStatefulSet(s, after *snapshot.Snapshot, known []model.Finding, ref model.Ref) *snapshot.Snapshot {
	d, presence := after.StatefulSets().Get(ref.Namespace, ref.Name)
	old, was := s.StatefulSets().Get(ref.Namespace, ref.Name)
	if presence != snapshot.Present || was != snapshot.Present {
		return after
	}
	d = d.DeepCopy()
	n := snapshot.Replicas(d.Spec.Replicas)
	var gone []model.Ref
	for _, p := range after.PodsOf(d) {
		gone = append(gone, snapshot.RefOf(p))
	}
	ready := runnable(&d.Spec.Template) && !anyStands(after, known, old, d)
	d.Status.Replicas, d.Status.UpdatedReplicas = n, n
	if ready {
		d.Status.ReadyReplicas, d.Status.AvailableReplicas = n, n
	}
	put := podsFor(d, int(n), d.Spec.Template, ready)
	return after.WithObjects(append(put, d), gone)
}
