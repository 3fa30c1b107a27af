package remedy

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// Withdrawn says why a rollback of a Rollout is not what would be done on the cluster as it is now; empty: it is, or it is
// another remedy. Whether the Rollout's controller goes back at once rests on more than the fields that are changed, which
// are those of a Deployment even, where that one lends it the template.
func Withdrawn(c Case, r model.Remedy) string {
	ref := rolledBack(c)
	if r.Action != rollbackName || ref.Kind != "Rollout" {
		return ""
	}
	now, why := backOf(c, ref)
	if why == "" && !slices.EqualFunc(now.Changes, r.Changes, sameFields) {
		why = "what tells its newest revision from the one that worked is not the same any more"
	}
	if why != "" {
		return fmt.Sprintf("%s: %s", ref, why)
	}
	return ""
}

// sameFields reports whether two changes give the same fields of an object the same values. One may have been stored, which
// lays JSON out anew.
func sameFields(a, b model.Change) bool {
	return a.Target.Same(b.Target) && slices.EqualFunc(a.Fields, b.Fields, func(a, b model.FieldChange) bool {
		if a.Path != b.Path || (a.New == nil) != (b.New == nil) {
			return false
		}
		if a.New == nil {
			return true
		}
		x, err1 := decode(a.New)
		y, err2 := decode(b.New)
		return err1 == nil && err2 == nil && reflect.DeepEqual(x, y)
	})
}

// rollbackRollout does what 'kubectl argo rollouts undo' does: it gives the Rollout the template of a former revision, or
// the Deployment from which it takes it (argoproj/argo-rollouts, pkg/kubectl-argo-rollouts/cmd/undo). An update that is
// aborted instead keeps the broken template, which the next sync brings again.
func rollbackRollout(c Case, ref model.Ref) []model.Remedy {
	r, why := backOf(c, ref)
	if why != "" {
		return nil
	}
	return []model.Remedy{r}
}

// backOf takes a Rollout back, or says why not.
func backOf(c Case, ref model.Ref) (out model.Remedy, why string) {
	r := custom.RolloutOf(c.Snapshot, ref)
	if r == nil || goodTemplate(c) == nil {
		return out, "it, or its revision that worked, is gone"
	}
	good, all := c.revision(), c.Snapshot.Revisions(r.Deployment())
	newest := custom.Revision(all, r.Status.CurrentPodHash)
	if newest == nil || newest == good {
		return out, "its newest revision is not one that does not work"
	}
	if detour := r.Detour(good, all); detour != "" {
		return out, detour
	}
	holder := ref
	if w := r.Spec.WorkloadRef; w != nil {
		holder = model.Ref{APIVersion: w.APIVersion, Kind: w.Kind, Namespace: ref.Namespace, Name: w.Name}
	}
	o, t, ok := object(c.Snapshot, holder)
	if !ok || holder != ref && r.Lender() == "" {
		return out, "what lends it its template is not a Deployment that is there"
	}
	var lent *int64
	if holder != ref {
		generation := o.GetGeneration()
		lent = &generation
	}
	if !r.Observed(lent) { // its newest ReplicaSet may be of another template than it has now
		return out, "its controller has not seen it as it is"
	}
	from, to := r.Template(newest), r.Template(good)
	fields, ok := sameStep(t, from, to)
	if !ok || len(fields) == 0 || OnlyRestarted(from, to) {
		return out, "its templates differ in nothing that can be taken back"
	}
	revision := snapshot.Revision(good)
	out = backTo(c, ref, revision, patchOf(o, fields...))
	if holder != ref {
		out.Summary += fmt.Sprintf(" of %s, from which it takes its template", holder)
	}
	if revision != 0 {
		out.Kubectl = fmt.Sprintf("kubectl argo rollouts undo %s%s --to-revision=%d", model.ShellWord(r.Name), namespaceFlag(ref), revision)
	}
	return finish(c, out), ""
}

// OnlyRestarted reports whether one template is the other one that was asked for again. Where more differs, that mark goes
// back with the rest: to a template that is not wholly the former one the controller takes all steps.
func OnlyRestarted(a, b *corev1.PodTemplateSpec) bool {
	a, b = a.DeepCopy(), b.DeepCopy()
	for _, t := range []*corev1.PodTemplateSpec{a, b} {
		t.CreationTimestamp = metav1.Time{}
		delete(t.Annotations, RestartedAt)
	}
	return equality.Semantic.DeepEqual(a, b)
}

// sameStep lists the changes that do to the template of an object what makes one template into another. The object is as a
// person wrote it, while the API server has given every field of the templates a value, so that only what differs between
// those is meant. ok is false where the object has no place for it.
func sameStep(object any, from, to *corev1.PodTemplateSpec) (fields []model.FieldChange, ok bool) {
	at := []string{"spec", "template"}
	have, there := lookup(object, at)
	a, err1 := tree(from)
	b, err2 := tree(to)
	if !there || err1 != nil || err2 != nil {
		return nil, false
	}
	want := have
	for _, f := range compare(nil, a, b) {
		var value any
		if f.New != nil {
			if value, err1 = decode(f.New); err1 != nil {
				return nil, false
			}
		}
		if want, ok = with(want, model.PointerSteps(f.Path), value); !ok {
			return nil, false
		}
	}
	return compare(at, have, want), true
}

// with is a value with another one at a path below it; nil takes it away. Maps on the way are made where there are none. ok is
// false when an item of a list on the way is not there. What it is made from stays as it is.
func with(v any, path []string, value any) (any, bool) {
	if len(path) == 0 {
		return value, true
	}
	switch v := v.(type) {
	case nil:
		if value == nil {
			return nil, true
		}
		return with(map[string]any{}, path, value)
	case map[string]any:
		child, ok := with(v[path[0]], path[1:], value)
		if !ok {
			return nil, false
		}
		next := maps.Clone(v)
		if next[path[0]] = child; child == nil {
			delete(next, path[0])
		}
		return next, true
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i < 0 || i >= len(v) {
			return nil, false
		}
		next := slices.Clone(v)
		var ok bool
		next[i], ok = with(v[i], path[1:], value)
		return next, ok
	default:
		return nil, false
	}
}
