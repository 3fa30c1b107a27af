package plan

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/owner"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// owners lists who keeps what a remedy changes, and who wrote the fields last. An evicted pod is its
// workload's, and what does not exist yet is nobody's.
func owners(s *snapshot.Snapshot, r model.Remedy) (owners []model.Owner, managers []model.FieldManager) {
	for _, c := range r.Changes {
		o, presence := s.Lookup(c.Target)
		if presence != snapshot.Present || c.Op == model.OpEvict {
			continue
		}
		if whole, ok := owner.Of(o); ok && !slices.Contains(owners, whole) {
			owners = append(owners, whole)
		}
		for _, f := range c.Fields {
			if by, ok := resizer(s, o, c, f); ok && !slices.Contains(owners, by) {
				owners = append(owners, by)
			}
			if by, ok := owner.OfField(s, o, f.Path); ok {
				owners = append(owners, by)
			}
			if by, ok := owner.Manager(o, f.Path); ok {
				managers = append(managers, by)
			}
		}
	}
	return owners, managers
}

// held notes in changes who holds their fields.
func held(s *snapshot.Snapshot, changes []model.Change) []model.Change {
	changes = slices.Clone(changes)
	for i, c := range changes {
		changes[i].Held = nil
		if o, presence := s.Lookup(c.Target); presence == snapshot.Present {
			changes[i].Held = owner.Held(o, c)
		}
	}
	return changes
}

// resizer is who keeps the resources of the pod that a change resizes, by the workload that the pod belongs to.
func resizer(s *snapshot.Snapshot, o metav1.Object, c model.Change, f model.FieldChange) (model.Owner, bool) {
	pod, isPod := o.(*corev1.Pod)
	if !isPod || c.Subresource != model.SubresourceResize {
		return model.Owner{}, false
	}
	workload, presence := s.Lookup(s.WorkloadOf(pod))
	if presence != snapshot.Present {
		return model.Owner{}, false
	}
	return owner.OfField(s, workload, strings.Replace(f.Path, "/spec/", "/spec/template/spec/", 1))
}

// proposals are what people put into the sources of owners, in place of live edits.
func proposals(s *snapshot.Snapshot, r model.Remedy, owners []model.Owner) []model.Proposal {
	var out []model.Proposal
	for _, o := range owners {
		for _, c := range r.Changes {
			if c.Target != o.Object {
				continue
			}
			// What cannot be put as a patch is still shown as a diff, with what to do.
			p, _ := owner.Propose(s, o, c, r.Action)
			out = append(out, p)
		}
	}
	return out
}
