package remedy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// rollbackRollout does what 'kubectl argo rollouts undo' does: it gives the Rollout the template of a former revision, or
// the Deployment from which it takes it (argoproj/argo-rollouts, pkg/kubectl-argo-rollouts/cmd/undo). An update that is
// aborted instead keeps the broken template, which the next sync brings again.
func rollbackRollout(c Case, ref model.Ref) []model.Remedy {
	r := custom.RolloutOf(c.Snapshot, ref)
	if r == nil || goodTemplate(c) == nil {
		return nil
	}
	good, all := c.revision(), c.Snapshot.Revisions(r.Deployment())
	newest := custom.Revision(all, r.Status.CurrentPodHash)
	if newest == nil || newest == good || r.Detour(good, all) != "" {
		return nil
	}
	holder := ref
	if w := r.Spec.WorkloadRef; w != nil {
		holder = model.Ref{APIVersion: w.APIVersion, Kind: w.Kind, Namespace: ref.Namespace, Name: w.Name}
	}
	if holder != ref && r.Lender() == "" {
		return nil
	}
	o, t, ok := object(c.Snapshot, holder)
	if !ok {
		return nil
	}
	var lent *int64
	if holder != ref {
		generation := o.GetGeneration()
		lent = &generation
	}
	if !r.Observed(lent) {
		return nil // its newest ReplicaSet may be of another template than it has now
	}
	fields, ok := sameStep(t, r.Template(newest), r.Template(good))
	if !ok || len(fields) == 0 {
		return nil
	}
	revision := snapshot.Revision(good)
	out := backTo(c, ref, revision, patchOf(o, fields...))
	if holder != ref {
		out.Summary += fmt.Sprintf(" of %s, from which it takes its template", holder)
	}
	if revision != 0 {
		out.Kubectl = fmt.Sprintf("kubectl argo rollouts undo %s%s --to-revision=%d", model.ShellWord(r.Name), namespaceFlag(ref), revision)
	}
	return []model.Remedy{finish(c, out)}
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
		if want, ok = with(want, steps(f.Path), value); !ok {
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
