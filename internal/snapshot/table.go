package snapshot

import (
	"cmp"
	"iter"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// key identifies an object in its table. Only the table of other kinds, which mixes them, sets kind.
type key struct{ kind, namespace, name string }

func keyOf(o metav1.Object) key {
	k := key{namespace: o.GetNamespace(), name: o.GetName()}
	if u, ok := o.(*unstructured.Unstructured); ok {
		k.kind = u.GetKind()
	}
	return k
}

// Table holds the objects of one kind, sorted by namespace and name.
type Table[T metav1.Object] struct {
	kind     Kind
	coverage Coverage
	scope    string // the only namespace that was listed, if Coverage is Partial for that reason
	why      string
	sorted   []T
	byKey    map[key]T
}

// Kind names the table.
func (t Table[T]) Kind() Kind { return t.kind }

// Coverage says how much of the kind the table holds, and Why gives the reason where it is not all.
func (t Table[T]) Coverage() Coverage { return t.coverage }

// Why says in the words of the API server or the dump reader why the table is not complete.
func (t Table[T]) Why() string { return t.why }

// Len is the number of objects.
func (t Table[T]) Len() int { return len(t.byKey) }

// Get looks one object up. The namespace is empty for cluster-scoped kinds. The object is nil
// unless the presence is Present.
func (t Table[T]) Get(namespace, name string) (T, Presence) {
	return t.at(key{namespace: namespace, name: name})
}

func (t Table[T]) at(k key) (T, Presence) {
	if o, ok := t.byKey[k]; ok {
		return o, Present
	}
	var none T
	if t.coverage.Whole() || (t.scope != "" && t.scope == k.namespace) {
		return none, Absent
	}
	return none, Unknown
}

// All yields the objects in order.
func (t Table[T]) All() iter.Seq[T] { return slices.Values(t.sorted) }

// In yields the objects of one namespace in order.
func (t Table[T]) In(namespace string) iter.Seq[T] {
	from, _ := slices.BinarySearchFunc(t.sorted, namespace, func(o T, ns string) int {
		return cmp.Compare(o.GetNamespace(), ns)
	})
	return func(yield func(T) bool) {
		for _, o := range t.sorted[from:] {
			if o.GetNamespace() != namespace || !yield(o) {
				return
			}
		}
	}
}

// Covers reports whether all objects of the kind in that namespace are in the table.
func (t Table[T]) Covers(namespace string) bool {
	return t.coverage.Whole() || (t.scope != "" && t.scope == namespace)
}

// put adds o, replacing an object of the same name.
func (t *Table[T]) put(o T) {
	if t.byKey == nil {
		t.byKey = map[key]T{}
	}
	t.byKey[keyOf(o)] = o
}

// drop removes an object.
func (t *Table[T]) drop(k key) { delete(t.byKey, k) }

// seal sorts the table; it is called once, before anybody reads.
func (t *Table[T]) seal() {
	t.sorted = make([]T, 0, len(t.byKey))
	for _, o := range t.byKey {
		t.sorted = append(t.sorted, o)
	}
	slices.SortFunc(t.sorted, func(a, b T) int {
		return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
}

// clone returns a table that can be changed without touching t; the objects are shared.
func (t Table[T]) clone() Table[T] {
	byKey := make(map[key]T, len(t.byKey)+1)
	for k, o := range t.byKey {
		byKey[k] = o
	}
	t.byKey, t.sorted = byKey, nil
	return t
}
