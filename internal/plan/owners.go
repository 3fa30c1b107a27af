package plan

import (
	"slices"

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
