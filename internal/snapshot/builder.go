package snapshot

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
)

// Builder collects the objects of a snapshot. It is not safe for use by several goroutines.
type Builder struct {
	tables map[Kind]table
	notes  []model.Unseen
}

// NewBuilder returns a builder whose kinds are all NotRead.
func NewBuilder() *Builder { return &Builder{tables: newTables()} }

// Add puts an object in, replacing one of the same kind, namespace and name. The builder owns the
// object from then on and strips what nobody reads: values of Secrets, managed fields of pods.
func (b *Builder) Add(o metav1.Object) error {
	k := KindOf(o)
	strip(o)
	if k == Other {
		if u, ok := o.(*unstructured.Unstructured); ok {
			b.tables[Other].putAny(u)
			return nil
		}
		return fmt.Errorf("add %T %s/%s: not a kind that a snapshot holds", o, o.GetNamespace(), o.GetName())
	}
	b.tables[k].putAny(o)
	return nil
}

// Put is [Builder.Add] of an object that may be packed.
func (b *Builder) Put(s Stored) error {
	if p, ok := s.(Packed); ok {
		b.tables[p.Kind()].putAny(p)
		return nil
	}
	o, ok := s.(metav1.Object)
	if !ok {
		return fmt.Errorf("add %T %s/%s: it has no metadata", s, s.GetNamespace(), s.GetName())
	}
	return b.Add(o)
}

// Get gives the object of a name that was put in, nil if there is none. Of [Other] it gives none: it mixes
// kinds.
func (b *Builder) Get(k Kind, namespace, name string) metav1.Object {
	o, presence := b.tables[k].getAny(key{namespace: namespace, name: name})
	if presence != Present {
		return nil
	}
	return o
}

// Cover records how much of a kind was read. namespace is the only one listed, when c is Partial
// for that reason.
func (b *Builder) Cover(k Kind, c Coverage, namespace, why string) {
	b.tables[k].cover(c, namespace, why)
}

// Len is the number of objects of a kind so far.
func (b *Builder) Len(k Kind) int { return b.tables[k].Len() }

// Note records something that could not be read.
func (b *Builder) Note(what, why string) {
	b.notes = append(b.notes, model.Unseen{What: what, Why: why})
}

// Seal makes the snapshot. The builder must not be used afterwards.
func (b *Builder) Seal(at time.Time) *Snapshot {
	for _, t := range b.tables {
		t.seal()
	}
	s := &Snapshot{at: at, notes: b.notes, tables: b.tables}
	s.index = newIndex(s)
	return s
}

// strip removes what must not be kept (values of Secrets) and what only costs memory.
func strip(o metav1.Object) {
	switch o := o.(type) {
	case *corev1.Secret:
		for k := range o.Data {
			o.Data[k] = nil
		}
		for k := range o.StringData {
			if o.Data == nil {
				o.Data = map[string][]byte{}
			}
			o.Data[k] = nil
		}
		o.StringData = nil
		o.Annotations, o.ManagedFields = nil, nil // last-applied-configuration repeats the values
	case *corev1.Pod, *corev1.Event:
		// Objects of an informer's cache come stripped and are shared: they must not be written to.
		if len(o.GetManagedFields()) > 0 {
			o.SetManagedFields(nil)
		}
	}
}
