package snapshot

import (
	"cmp"
	"iter"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// key identifies an object in its table. Only the table of other kinds, which mixes them, sets kind.
type key struct{ kind, namespace, name string }

func keyOf(o Stored) key {
	k := key{namespace: o.GetNamespace(), name: o.GetName()}
	if u, ok := o.(*unstructured.Unstructured); ok {
		k.kind = u.GetKind()
	}
	return k
}

// compare orders objects as a table does.
func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.namespace, o.namespace), cmp.Compare(k.name, o.name), cmp.Compare(k.kind, o.kind))
}

// Table holds the objects of one kind, sorted by namespace and name.
//
// It has one shard for each namespace, which copies share until they change it: to put one pod of 100,000
// costs no more than to copy the list of its own namespace.
type Table[T metav1.Object] struct {
	kind     Kind
	coverage Coverage
	scope    string // the only namespace that was listed, if Coverage is Partial for that reason
	why      string
	shards   []*shard // by namespace; none is empty
	// edits are what was put and dropped since the table was sealed last; sealing makes them part of the shards.
	edits map[key]edit
}

// edit is what is to become of one key.
type edit struct {
	object Stored
	gone   bool
}

// Kind names the table.
func (t *Table[T]) Kind() Kind { return t.kind }

// Coverage says how much of the kind the table holds, and Why gives the reason where it is not all.
func (t *Table[T]) Coverage() Coverage { return t.coverage }

// Why says in the words of the API server or the dump reader why the table is not complete.
func (t *Table[T]) Why() string { return t.why }

// Len is the number of objects.
func (t *Table[T]) Len() int {
	n := 0
	for _, s := range t.shards {
		n += len(s.sorted)
	}
	for k, e := range t.edits {
		switch _, had := t.sealed(k); {
		case had && e.gone:
			n--
		case !had && !e.gone:
			n++
		}
	}
	return n
}

// Get looks one object up. The namespace is empty for cluster-scoped kinds. The object is nil
// unless the presence is Present.
func (t *Table[T]) Get(namespace, name string) (T, Presence) {
	return t.get(key{namespace: namespace, name: name})
}

func (t *Table[T]) get(k key) (T, Presence) {
	e, edited := t.edits[k]
	if !edited {
		var had bool
		e.object, had = t.sealed(k)
		e.gone = !had
	}
	var none T
	if !e.gone {
		if o, ok := open[T](e.object); ok {
			return o, Present
		}
		return none, Unknown
	}
	if t.Covers(k.namespace) {
		return none, Absent
	}
	return none, Unknown
}

// sealed looks an object up as it was when the table was sealed last.
func (t *Table[T]) sealed(k key) (o Stored, ok bool) {
	if s := t.shard(k.namespace); s != nil {
		return s.get(k)
	}
	return nil, false
}

// shard is that of a namespace, nil if it has no object.
func (t *Table[T]) shard(namespace string) *shard {
	at, found := slices.BinarySearchFunc(t.shards, namespace, (*shard).compare)
	if !found {
		return nil
	}
	return t.shards[at]
}

// All yields the objects in order.
func (t *Table[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, s := range t.shards {
			for _, one := range s.sorted {
				if o, ok := open[T](one); ok && !yield(o) {
					return
				}
			}
		}
	}
}

// In yields the objects of one namespace in order.
func (t *Table[T]) In(namespace string) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, one := range t.in(namespace) {
			if o, ok := open[T](one); ok && !yield(o) {
				return
			}
		}
	}
}

func (t *Table[T]) in(namespace string) []Stored {
	if s := t.shard(namespace); s != nil {
		return s.sorted
	}
	return nil
}

// Named yields the objects of one name in all namespaces, in order, without looking at any other.
func (t *Table[T]) Named(name string) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, s := range t.shards {
			one, has := s.get(key{namespace: s.namespace, name: name})
			if !has {
				continue
			}
			if o, ok := open[T](one); ok && !yield(o) {
				return
			}
		}
	}
}

// Covers reports whether all objects of the kind in that namespace are in the table.
func (t *Table[T]) Covers(namespace string) bool {
	return t.coverage.Whole() || (t.scope != "" && t.scope == namespace)
}

// put adds o, replacing an object of the same name.
func (t *Table[T]) put(o Stored) { t.edit(keyOf(o), edit{object: o}) }

// drop removes an object.
func (t *Table[T]) drop(k key) { t.edit(k, edit{gone: true}) }

func (t *Table[T]) edit(k key, e edit) {
	if t.edits == nil {
		t.edits = map[key]edit{}
	}
	t.edits[k] = e
}

// seal makes the edits part of the shards, and says in which namespaces there were any.
func (t *Table[T]) seal() (namespaces []string) {
	if len(t.edits) == 0 {
		return nil
	}
	keys := slices.SortedFunc(maps.Keys(t.edits), key.compare)
	shards := make([]*shard, 0, len(t.shards)+1)
	rest := t.shards
	for len(keys) > 0 {
		namespace := keys[0].namespace
		n := slices.IndexFunc(keys, func(k key) bool { return k.namespace != namespace })
		if n < 0 {
			n = len(keys)
		}
		at, found := slices.BinarySearchFunc(rest, namespace, (*shard).compare)
		shards, rest = append(shards, rest[:at]...), rest[at:]
		was := &shard{namespace: namespace}
		if found {
			was, rest = rest[0], rest[1:]
		}
		if next := was.with(keys[:n], t.edits); len(next.sorted) > 0 {
			shards = append(shards, next)
		}
		namespaces, keys = append(namespaces, namespace), keys[n:]
	}
	t.shards, t.edits = append(shards, rest...), nil
	return namespaces
}

// clone returns a table that can be changed without touching t; the objects are shared.
func (t *Table[T]) clone() *Table[T] {
	next := *t
	next.edits = maps.Clone(t.edits)
	return &next
}

// cut returns a table of the part of the objects that is wanted.
func (t *Table[T]) cut(p Part) *Table[T] {
	next := *t
	next.shards = nil
	for _, s := range t.shards {
		kept := s
		if !p.Namespaces[s.namespace] {
			if len(p.Also) == 0 {
				continue
			}
			kept = newShard(s.namespace, slices.DeleteFunc(slices.Clone(s.sorted), func(one Stored) bool {
				return !p.Also[types.NamespacedName{Namespace: one.GetNamespace(), Name: one.GetName()}]
			}))
		}
		if len(kept.sorted) > 0 {
			next.shards = append(next.shards, kept)
		}
	}
	return &next
}
