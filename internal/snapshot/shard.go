package snapshot

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// shard is the part of a table that is in one namespace. It is never changed: what changes is copied.
type shard struct {
	namespace string
	sorted    []Stored // by name
	places    places   // in sorted, by key
}

func newShard(namespace string, sorted []Stored) *shard {
	return &shard{namespace, sorted, newPlaces(len(sorted), func(i int) key { return keyOf(sorted[i]) })}
}

// compare orders shards by namespace.
func (s *shard) compare(namespace string) int { return cmp.Compare(s.namespace, namespace) }

func (s *shard) get(k key) (o Stored, ok bool) {
	if i, found := s.places.find(k, func(i int) bool { return keyOf(s.sorted[i]) == k }); found {
		return s.sorted[i], true
	}
	return o, false
}

// with gives the shard with edits at some keys, which are sorted.
func (s *shard) with(keys []key, edits map[key]edit) *shard {
	sorted := make([]Stored, 0, len(s.sorted)+len(keys))
	rest := s.sorted
	for _, k := range keys {
		at, found := slices.BinarySearchFunc(rest, k, func(o Stored, k key) int { return keyOf(o).compare(k) })
		sorted, rest = append(sorted, rest[:at]...), rest[at:]
		if found {
			rest = rest[1:]
		}
		if e := edits[k]; !e.gone {
			sorted = append(sorted, e.object)
		}
	}
	return newShard(s.namespace, append(sorted, rest...))
}

// differ yields the pairs of objects of one name in which two shards of a namespace differ; nil stands for none.
func differ(before, after *shard, yield func(before, after metav1.Object) bool) bool {
	var was, is []Stored
	if before != nil {
		was = before.sorted
	}
	if after != nil {
		is = after.sorted
	}
	for len(was) > 0 || len(is) > 0 {
		order := 0
		switch {
		case len(was) == 0:
			order = 1
		case len(is) == 0:
			order = -1
		case was[0] == is[0]:
			was, is = was[1:], is[1:]
			continue
		default:
			order = keyOf(was[0]).compare(keyOf(is[0]))
		}
		var old, fresh metav1.Object
		if order <= 0 {
			old, _ = open[metav1.Object](was[0])
			was = was[1:]
		}
		if order >= 0 {
			fresh, _ = open[metav1.Object](is[0])
			is = is[1:]
		}
		if !yield(old, fresh) {
			return false
		}
	}
	return true
}
