package plan

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// overQuota names the ResourceQuota that would refuse the pods which controllers make after the changes; empty: none is known to.
// A dry run does not tell: it is the workload that is dry-run, and its pods come later.
func overQuota(s *snapshot.Snapshot, changes []model.Change) string {
	if s.ResourceQuotas().Len() == 0 {
		return ""
	}
	after, err := s.With(changes...)
	if err != nil {
		return "" // that it does not fit the cluster is said elsewhere
	}
	for _, c := range changes {
		if why := remedy.OverQuota(s, turnover(s, after, c)); why != "" {
			return why
		}
	}
	return ""
}

// turnover is what a change makes the controller of a workload do to its pods, which are as they are in s.
func turnover(s, after *snapshot.Snapshot, c model.Change) remedy.Turnover {
	switch {
	case c.Target.Kind == string(snapshot.Pods):
		return replacement(s, c)
	case c.Op != model.OpPatch || !movesPods(c):
	case heldBy(after, c) != nil:
		r := heldBy(after, c)
		t := rollout(s, asDeployment(after, r), func(rs *appsv1.ReplicaSet) bool { return hasAll(rs, c) })
		if r.KeepsOld() {
			t.Go = slices.DeleteFunc(t.Go, func(p *corev1.Pod) bool { return p.DeletionTimestamp == nil })
			t.Before = len(t.Go)
		}
		return t
	case c.Target.Kind == string(snapshot.Deployments):
		if d, presence := after.Deployments().Get(c.Target.Namespace, c.Target.Name); presence == snapshot.Present {
			return rollout(s, d, func(rs *appsv1.ReplicaSet) bool { return len(remedy.TemplateDiff(d, rs)) == 0 })
		}
	case c.Target.Kind == string(snapshot.StatefulSets):
		if d, presence := after.StatefulSets().Get(c.Target.Namespace, c.Target.Name); presence == snapshot.Present {
			return ordered(s, d, slices.ContainsFunc(c.Fields, setsTemplate))
		}
	}
	return remedy.Turnover{}
}

// replacement is the pod that comes for one that is evicted, or that bears its controller's labels no more and stays.
func replacement(s *snapshot.Snapshot, c model.Change) remedy.Turnover {
	p, presence := s.Pods().Get(c.Target.Namespace, c.Target.Name)
	if presence != snapshot.Present || metav1.GetControllerOf(p) == nil {
		return remedy.Turnover{}
	}
	come := []*corev1.Pod{newPod(p.Namespace, p.Name+"-next", 0, corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec})}
	switch {
	case c.Op == model.OpEvict:
		return remedy.Turnover{Come: come, Go: []*corev1.Pod{p}, Before: 1}
	case slices.ContainsFunc(c.Fields, setsLabels):
		return remedy.Turnover{Come: come}
	default: // a resize is itself what the API server refuses, already when it is dry-run
		return remedy.Turnover{}
	}
}

// hasAll reports whether a ReplicaSet of a Rollout has all that a change gives its template: the rest of the templates
// cannot be compared, since that of a Rollout is without what the API server adds.
func hasAll(rs *appsv1.ReplicaSet, c model.Change) bool {
	tree, ok := asJSON(rs)
	return ok && !slices.ContainsFunc(c.Fields, func(f model.FieldChange) bool {
		return setsTemplate(f) && !same(pointed(tree, model.PointerSteps(f.Path)), f.New)
	})
}

// rollout is what the Deployment controller does. Pods that are of the new template already, of which same tells, stay. It makes the first new pod
// before old ones go, but for those that may be unavailable (kubernetes, pkg/controller/deployment: rolling.go, recreate.go).
func rollout(s *snapshot.Snapshot, d *appsv1.Deployment, same func(*appsv1.ReplicaSet) bool) remedy.Turnover {
	var t remedy.Turnover
	n := int(snapshot.Replicas(d.Spec.Replicas))
	kept, leaving := 0, 0
	for _, rs := range s.Revisions(d) {
		stays := same(rs)
		for _, p := range s.PodsOf(rs) {
			switch {
			case p.DeletionTimestamp != nil:
				t.Go = slices.Insert(t.Go, leaving, p)
				leaving++
			case stays && kept < n:
				kept++
			default:
				t.Go = append(t.Go, p)
			}
		}
	}
	t.Come = fresh(d, d.Spec.Template, n-kept)
	t.Before = leaving + unavailable(d.Spec.Strategy, n)
	return t
}

// ordered is what the StatefulSet controller does: each pod goes before another one takes its place.
func ordered(s *snapshot.Snapshot, d *appsv1.StatefulSet, replaced bool) remedy.Turnover {
	n := int(snapshot.Replicas(d.Spec.Replicas))
	there := s.PodsOf(d)
	if !replaced {
		return remedy.Turnover{Come: fresh(d, d.Spec.Template, n-len(there))}
	}
	return remedy.Turnover{Come: fresh(d, d.Spec.Template, n), Go: there, Before: len(there)}
}

// fresh are new pods of a workload.
func fresh(o metav1.Object, t corev1.PodTemplateSpec, n int) []*corev1.Pod {
	var out []*corev1.Pod
	for i := range n {
		out = append(out, newPod(o.GetNamespace(), o.GetName(), i, t))
	}
	return out
}

// unavailable is how many of so many pods a rollout may take away before new ones work. Percentages are rounded down, and
// where neither more nor fewer pods are allowed it is one (kubernetes, pkg/controller/deployment/util: ResolveFenceposts).
func unavailable(s appsv1.DeploymentStrategy, n int) int {
	if s.Type == appsv1.RecreateDeploymentStrategyType {
		return n
	}
	down, up := intstr.FromString("25%"), intstr.FromString("25%")
	if r := s.RollingUpdate; r != nil {
		if r.MaxUnavailable != nil {
			down = *r.MaxUnavailable
		}
		if r.MaxSurge != nil {
			up = *r.MaxSurge
		}
	}
	away, err1 := intstr.GetScaledValueFromIntOrPercent(&down, n, false)
	more, err2 := intstr.GetScaledValueFromIntOrPercent(&up, n, true)
	if err1 != nil || err2 != nil {
		return n // the API server has let in what cannot be read here: nothing is refused for that
	}
	if away == 0 && more == 0 {
		return 1
	}
	return away
}
