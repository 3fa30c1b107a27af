package plan

import (
	"reflect"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// anyStands reports whether one of several faults still keeps the pods of a workload from becoming ready after a change of it.
func anyStands(s *snapshot.Snapshot, known []model.Finding, before, after metav1.Object) bool {
	return slices.ContainsFunc(known, func(f model.Finding) bool {
		return stands(f, before, after) && !wellIn(s, f, after)
	}) && !serves(s, before)
}

// wellIn reports whether a workload is as it was when the pods did not have a fault yet.
func wellIn(s *snapshot.Snapshot, f model.Finding, workload metav1.Object) bool {
	good := f.Related["goodRevision"]
	rs, presence := s.ReplicaSets().Get(good.Namespace, good.Name)
	d, ok := workload.(*appsv1.Deployment)
	return ok && presence == snapshot.Present && len(remedy.TemplateDiff(d, rs)) == 0
}

// stands reports whether what a finding says of the pods of a workload holds for those that it gets after a change, too.
func stands(f model.Finding, before, after metav1.Object) bool {
	switch catalogue.UnreadyOf(f.ID) {
	case catalogue.UntilOther:
		workload := snapshot.RefOf(after)
		return (f.Object.Same(workload) || f.Related["workload"].Same(workload)) && reflect.DeepEqual(run(before), run(after))
	case catalogue.UntilFixed:
		return !blamedChanged(f, before, after)
	default:
		return false
	}
}

// run is what the pods of a workload run, with what and where: its template without how they are probed, limited and ended.
func run(workload metav1.Object) corev1.PodSpec {
	var t corev1.PodTemplateSpec
	switch o := workload.(type) {
	case *appsv1.Deployment:
		t = o.Spec.Template
	case *appsv1.StatefulSet:
		t = o.Spec.Template
	}
	spec := *t.Spec.DeepCopy()
	for i := range spec.Containers {
		c := &spec.Containers[i]
		c.ReadinessProbe, c.LivenessProbe, c.StartupProbe, c.Lifecycle, c.Resources = nil, nil, nil, nil, corev1.ResourceRequirements{}
	}
	return spec
}

// serves reports whether a pod of a workload's present template is ready, whatever is wrong with it.
func serves(s *snapshot.Snapshot, workload metav1.Object) bool {
	pods := s.PodsOf(workload)
	if d, ok := workload.(*appsv1.Deployment); ok {
		pods = nil
		if all := s.Revisions(d); len(all) > 0 {
			pods = s.PodsOf(all[0])
		}
	}
	return slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return p.DeletionTimestamp == nil && remedy.Serving(p) })
}
