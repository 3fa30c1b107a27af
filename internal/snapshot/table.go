package snapshot

import (
	"cmp"
	"iter"
	"maps"
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

// compare orders objects as a table does.
func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.namespace, o.namespace), cmp.Compare(k.name, o.name), cmp.Compare(k.kind, o.kind))
}

// Table holds the objects of one kind, sorted by namespace and name.
type Table[T metav1.Object] struct {
	kind     Kind
	coverage Coverage
	scope    string // the only namespace that was listed, if Coverage is Partial for that reason
	why      string
	sorted   []T
	places   places // in sorted, by key
	// edits are what was put and dropped since the table was sealed last; sealing makes them part of sorted.
	edits map[key]edit[T]
}

// edit is what is to become of one key.
type edit[T metav1.Object] struct {
	object T
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
	n := len(t.sorted)
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
	if !e.gone {
		return e.object, Present
	}
	var none T
	if t.Covers(k.namespace) {
		return none, Absent
	}
	return none, Unknown
}

// sealed looks an object up as it was when the table was sealed last.
func (t *Table[T]) sealed(k key) (o T, ok bool) {
	if i, found := t.places.find(k, func(i int) bool { return keyOf(t.sorted[i]) == k }); found {
		return t.sorted[i], true
	}
	return o, false
}

// All yields the objects in order.
func (t *Table[T]) All() iter.Seq[T] { return slices.Values(t.sorted) }

// In yields the objects of one namespace in order.
func (t *Table[T]) In(namespace string) iter.Seq[T] { return slices.Values(t.in(namespace)) }

func (t *Table[T]) in(namespace string) []T {
	order := func(o T, ns string) int { return cmp.Compare(o.GetNamespace(), ns) }
	from, _ := slices.BinarySearchFunc(t.sorted, namespace, order)
	rest := t.sorted[from:]
	to, _ := slices.BinarySearchFunc(rest, namespace, func(o T, ns string) int {
		if o.GetNamespace() == ns {
			return -1
		}
		return 1
	})
	return rest[:to]
}

// Covers reports whether all objects of the kind in that namespace are in the table.
func (t *Table[T]) Covers(namespace string) bool {
	return t.coverage.Whole() || (t.scope != "" && t.scope == namespace)
}

// put adds o, replacing an object of the same name.
func (t *Table[T]) put(o T) { t.edit(keyOf(o), edit[T]{object: o}) }

// drop removes an object.
func (t *Table[T]) drop(k key) { t.edit(k, edit[T]{gone: true}) }

func (t *Table[T]) edit(k key, e edit[T]) {
	if t.edits == nil {
		t.edits = map[key]edit[T]{}
	}
	t.edits[k] = e
}

// seal makes the edits part of the sorted objects.
func (t *Table[T]) seal() {
	if len(t.edits) == 0 {
		return
	}
	var put []T
	for _, k := range slices.SortedFunc(maps.Keys(t.edits), key.compare) {
		if e := t.edits[k]; !e.gone {
			put = append(put, e.object)
		}
	}
	sorted := make([]T, 0, len(t.sorted)+len(put))
	for _, o := range t.sorted {
		k := keyOf(o)
		if _, edited := t.edits[k]; edited {
			continue
		}
		for len(put) > 0 && keyOf(put[0]).compare(k) < 0 {
			sorted, put = append(sorted, put[0]), put[1:]
		}
		sorted = append(sorted, o)
	}
	t.hold(append(sorted, put...))
}

// hold makes sorted objects those of the table.
func (t *Table[T]) hold(sorted []T) {
	t.sorted, t.edits = sorted, nil
	t.places = newPlaces(len(sorted), func(i int) key { return keyOf(sorted[i]) })
}

// clone returns a table that can be changed without touching t; the objects are shared.
func (t *Table[T]) clone() *Table[T] {
	next := *t
	next.edits = maps.Clone(t.edits)
	return &next
}

// cut returns a table of the part of the objects that is wanted.
func (t *Table[T]) cut(p Part) *Table[T] {
	var kept []T
	if p.Also != nil {
		for _, o := range t.sorted {
			if p.Namespaces[o.GetNamespace()] || p.Also(o) {
				kept = append(kept, o)
			}
		}
	} else {
		for _, ns := range slices.Sorted(maps.Keys(p.Namespaces)) {
			if p.Namespaces[ns] {
				kept = append(kept, t.in(ns)...)
			}
		}
	}
	next := *t
	next.hold(kept)
	return &next
}
