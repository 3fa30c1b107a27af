package snapshot

import (
	"iter"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Difference is an object that two snapshots do not have in common.
type Difference struct {
	Kind          Kind
	Before, After metav1.Object // nil: it was not there, or is not any more
}

// Since yields in what objects of some kinds a snapshot differs from an earlier one, by kind, namespace and name. Where one
// was made of the other, that takes no longer than to look through the namespaces that differ: objects are never changed,
// so that those that both share are the same.
func (s *Snapshot) Since(before *Snapshot, kinds ...Kind) iter.Seq[Difference] {
	return func(yield func(Difference) bool) {
		for _, k := range kinds {
			t, ok := s.tables[k]
			if !ok {
				continue
			}
			going := t.since(before.tables[k], func(was, is metav1.Object) bool { return yield(Difference{k, was, is}) })
			if !going {
				return
			}
		}
	}
}

// SameView reports whether as much could be looked at of every kind as in an earlier snapshot.
func (s *Snapshot) SameView(before *Snapshot) bool {
	for k, t := range s.tables {
		was := before.tables[k]
		if was == nil || t.Coverage() != was.Coverage() || t.Why() != was.Why() || t.onlyIn() != was.onlyIn() {
			return false
		}
	}
	return slices.Equal(s.notes, before.notes)
}

// since yields the pairs of objects in which a table differs from an earlier one, until it is told to stop.
func (t *Table[T]) since(before table, yield func(was, is metav1.Object) bool) bool {
	var was []*shard
	if b, ok := before.(*Table[T]); ok {
		was = b.shards
	}
	is := t.shards
	for len(was) > 0 || len(is) > 0 {
		var old, fresh *shard
		switch {
		case len(was) == 0:
			fresh, is = is[0], is[1:]
		case len(is) == 0 || was[0].compare(is[0].namespace) < 0:
			old, was = was[0], was[1:]
		case was[0].compare(is[0].namespace) > 0:
			fresh, is = is[0], is[1:]
		default:
			old, was = was[0], was[1:]
			fresh, is = is[0], is[1:]
		}
		if old != fresh && !differ(old, fresh, yield) {
			return false
		}
	}
	return true
}
