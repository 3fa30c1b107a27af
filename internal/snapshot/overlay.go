package snapshot

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/model"
)

// With gives the snapshot as it would be right after the changes, before any controller has
// reacted to them. The receiver is not touched. A change that does not fit, because its object is
// not there or a field has another value than the change expects, is an error.
func (s *Snapshot) With(changes ...model.Change) (*Snapshot, error) {
	next := s.clone()
	for _, c := range changes {
		if err := next.apply(c); err != nil {
			return nil, fmt.Errorf("%s %s: %w", c.Op, c.Target, err)
		}
	}
	return next.seal(), nil
}

// WithObjects gives the snapshot with objects put in, replacing those of the same name, and others
// removed: what controllers would make of a change.
func (s *Snapshot) WithObjects(put []metav1.Object, remove []model.Ref) *Snapshot {
	stored := make([]Stored, len(put))
	for i, o := range put {
		stored[i] = o
	}
	return s.WithStored(stored, remove)
}

// WithStored is [Snapshot.WithObjects] of objects of which some may be packed.
func (s *Snapshot) WithStored(put []Stored, remove []model.Ref) *Snapshot {
	next := s.clone()
	for _, r := range remove {
		if t, ok := next.table(home(r)); ok {
			t.drop(placeOf(r))
		}
	}
	for _, o := range put {
		if t, ok := next.table(kindOf(o)); ok {
			t.putAny(o)
		}
	}
	return next.seal()
}

// Part is a part of the objects of a kind: those of some namespaces, and some others by name.
type Part struct {
	Namespaces map[string]bool
	Also       map[types.NamespacedName]bool
}

// Cut gives the snapshot with no more than a part of the objects of some kinds. It goes on to say that it covers
// all of them: it is for who asks for none of what was cut off, and makes many copies.
func (s *Snapshot) Cut(parts map[Kind]Part) *Snapshot {
	next := s.clone()
	for k, p := range parts {
		if t, ok := s.tables[k]; ok {
			next.next.tables[k], next.cut[k] = t.cutAny(p), true
		}
	}
	return next.seal()
}

// draft is a snapshot that is being made of another: it shares the tables and lookups of all kinds that it
// does not change.
type draft struct {
	next    *Snapshot
	changed map[Kind]bool // have edits
	cut     map[Kind]bool // have lost whole namespaces
}

func (s *Snapshot) clone() *draft {
	return &draft{&Snapshot{at: s.at, notes: s.notes, tables: maps.Clone(s.tables), index: s.index}, map[Kind]bool{}, map[Kind]bool{}}
}

// home names the table of an object: that of its kind, or that of all other kinds. A custom resource may
// bear the name of a kind with a table of its own, as Istio's Gateway does.
func home(ref model.Ref) Kind {
	group, _, _ := strings.Cut(ref.APIVersion, "/")
	if _, custom := customOf(group, ref.Kind); custom || !slices.Contains(Kinds(), Kind(ref.Kind)) {
		return Other
	}
	return Kind(ref.Kind)
}

// placeOf is an object's key in its table.
func placeOf(ref model.Ref) key {
	k := key{namespace: ref.Namespace, name: ref.Name}
	if home(ref) == Other {
		k.kind = ref.Kind
	}
	return k
}

// table gives a table that may be changed.
func (d *draft) table(k Kind) (table, bool) {
	t, ok := d.next.tables[k]
	if ok && !d.changed[k] {
		t = t.cloneAny()
		d.next.tables[k], d.changed[k] = t, true
	}
	return t, ok
}

func (d *draft) seal() *Snapshot {
	x := *d.next.index
	for k := range d.cut {
		x.clear(k)
		x.build(d.next, k, d.next.tables[k].namespaces())
	}
	for k := range d.changed {
		x.build(d.next, k, d.next.tables[k].seal())
	}
	d.next.index = &x
	return d.next
}

func (d *draft) apply(c model.Change) error {
	t, ok := d.table(home(c.Target))
	if !ok {
		return fmt.Errorf("a snapshot does not hold this kind")
	}
	switch c.Op {
	case model.OpCreate:
		o, err := Decode(c.Object)
		if err != nil {
			return err
		}
		// The API server keeps the book of who has written an object; what the former one's said went with it.
		o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: model.OwnManager, Operation: metav1.ManagedFieldsOperationUpdate}})
		t.putAny(o)
		return nil
	case model.OpEvict, model.OpDelete:
		t.drop(placeOf(c.Target))
		return nil
	case model.OpPatch:
		o, p := t.getAny(placeOf(c.Target))
		if p != Present {
			return fmt.Errorf("the object is not in the snapshot")
		}
		if c.UID != "" && string(o.GetUID()) != c.UID {
			return fmt.Errorf("it was deleted and created anew")
		}
		patched, err := patch(o, c)
		if err != nil {
			return err
		}
		t.putAny(patched)
		return nil
	default:
		return fmt.Errorf("unknown operation")
	}
}

// patch applies the fields of a change to a copy of the object.
func patch(o metav1.Object, c model.Change) (metav1.Object, error) {
	before, err := JSONOf(o)
	if err != nil {
		return nil, err
	}
	ops, err := JSONPatch(c)
	if err != nil {
		return nil, err
	}
	p, err := jsonpatch.DecodePatch(ops)
	if err != nil {
		return nil, fmt.Errorf("read patch: %w", err)
	}
	after, err := p.Apply(before)
	if err != nil {
		return nil, fmt.Errorf("apply patch: %w", err)
	}
	return Decode(after)
}

// JSONOf is the object's JSON form with apiVersion and kind set.
func JSONOf(o metav1.Object) ([]byte, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", RefOf(o), err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("encode %s: %w", RefOf(o), err)
	}
	ref := RefOf(o)
	fields["apiVersion"], fields["kind"] = ref.APIVersion, ref.Kind
	return json.Marshal(fields)
}

// JSONPatch is a patch change as JSON Patch (RFC 6902): every former value is tested before it is
// replaced, so that the patch fails as a whole on an object that has moved on.
func JSONPatch(c model.Change) ([]byte, error) {
	type op struct {
		Op    string          `json:"op"`
		Path  string          `json:"path"`
		Value json.RawMessage `json:"value,omitempty"`
	}
	ops := []op{}
	if c.ResourceVersion != "" {
		v, err := json.Marshal(c.ResourceVersion)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op{"test", "/metadata/resourceVersion", v})
	}
	for _, f := range c.Fields {
		switch {
		case f.Old == nil && f.New == nil:
			return nil, fmt.Errorf("change of %s: neither an old nor a new value", f.Path)
		case f.Old == nil:
			ops = append(ops, op{"add", f.Path, f.New})
		case f.New == nil:
			ops = append(ops, op{"test", f.Path, f.Old}, op{Op: "remove", Path: f.Path})
		default:
			ops = append(ops, op{"test", f.Path, f.Old}, op{"replace", f.Path, f.New})
		}
	}
	return json.Marshal(ops)
}
