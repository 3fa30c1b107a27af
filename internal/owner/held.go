package owner

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Held lists who holds the fields that a patch is about to set, by the object's managed fields: the API server takes
// fields that somebody else sets from all that hold them (Kubernetes documentation, "Server-Side Apply", section "Field
// management"). Nothing where the object does not say.
func Held(o metav1.Object, c model.Change) []model.Holding {
	content, ok := contentOf(o)
	if !ok || c.Op != model.OpPatch {
		return nil
	}
	var out []model.Holding
	for _, m := range o.GetManagedFields() {
		set, err := setOf(m)
		if err != nil || m.Subresource == "status" {
			continue
		}
		part := within(set, content, c.Fields)
		if part.Empty() {
			continue
		}
		fields, err := part.ToJSON()
		if err != nil {
			continue
		}
		h := model.Holding{
			Manager: m.Manager, Operation: string(m.Operation), APIVersion: m.APIVersion, Subresource: m.Subresource, Fields: fields,
		}
		if m.Time != nil {
			h.At = m.Time.UTC()
		}
		out = append(out, h)
	}
	return out
}

// GiveBack is what the managed fields of an object must become, once a manager's patch was taken back, for the fields
// to be as they were before: out of the manager's hands, and in those of who held them. undo is the change that took
// the patch back. changed is false where the manager holds none of them any more. What nobody else has taken in the
// meantime is given back, and nothing else.
func GiveBack(o metav1.Object, manager string, undo model.Change) (entries []metav1.ManagedFieldsEntry, changed bool, err error) {
	content, ok := contentOf(o)
	if !ok || undo.Op != model.OpPatch {
		return nil, false, nil
	}
	sets, given := map[int]*fieldpath.Set{}, fieldpath.NewSet()
	entries = slices.Clone(o.GetManagedFields())
	for i, m := range entries {
		if m.Manager != manager || m.Operation != metav1.ManagedFieldsOperationUpdate || m.Subresource != undo.Subresource {
			continue
		}
		set, err := setOf(m)
		if err != nil {
			return nil, false, err
		}
		part := within(set, content, undo.Fields)
		given = given.Union(part)
		sets[i] = set.Difference(part)
	}
	if given.Empty() {
		return nil, false, nil
	}
	for _, h := range undo.Held {
		if entries, err = handed(entries, sets, h, given); err != nil {
			return nil, false, err
		}
	}
	entries, err = encoded(entries, sets)
	return entries, err == nil, err
}

// handed puts what somebody held, of what is given back, into the entry from which it was taken; sets are the entries'
// fields as far as they change.
func handed(entries []metav1.ManagedFieldsEntry, sets map[int]*fieldpath.Set, h model.Holding, given *fieldpath.Set) ([]metav1.ManagedFieldsEntry, error) {
	back, err := setOf(metav1.ManagedFieldsEntry{Manager: h.Manager, FieldsV1: metav1.NewFieldsV1(string(h.Fields))})
	if err != nil {
		return nil, err
	}
	if back = back.Intersection(given); back.Empty() {
		return entries, nil
	}
	i := slices.IndexFunc(entries, func(m metav1.ManagedFieldsEntry) bool { return isEntry(m, h) })
	if i < 0 {
		i, entries = len(entries), append(entries, entryOf(h))
		sets[i] = fieldpath.NewSet()
	}
	if sets[i] == nil {
		if sets[i], err = setOf(entries[i]); err != nil {
			return nil, err
		}
	}
	sets[i] = sets[i].Union(back)
	return entries, nil
}

// encoded writes sets of fields into their entries and leaves out those that have become empty.
func encoded(entries []metav1.ManagedFieldsEntry, sets map[int]*fieldpath.Set) ([]metav1.ManagedFieldsEntry, error) {
	out := make([]metav1.ManagedFieldsEntry, 0, len(entries))
	for i, m := range entries {
		if set := sets[i]; set != nil {
			if set.Empty() {
				continue
			}
			fields, err := set.ToJSON()
			if err != nil {
				return nil, fmt.Errorf("encode the fields of %s: %w", m.Manager, err)
			}
			m.FieldsV1 = metav1.NewFieldsV1(string(fields))
		}
		out = append(out, m)
	}
	return out, nil
}

func isEntry(m metav1.ManagedFieldsEntry, h model.Holding) bool {
	return m.Manager == h.Manager && string(m.Operation) == h.Operation && m.APIVersion == h.APIVersion && m.Subresource == h.Subresource
}

func entryOf(h model.Holding) metav1.ManagedFieldsEntry {
	m := metav1.ManagedFieldsEntry{
		Manager: h.Manager, Operation: metav1.ManagedFieldsOperationType(h.Operation), APIVersion: h.APIVersion,
		Subresource: h.Subresource, FieldsType: "FieldsV1",
	}
	if !h.At.IsZero() {
		at := metav1.NewTime(h.At)
		m.Time = &at
	}
	return m
}

// setOf reads the fields of an entry; none is an empty set.
func setOf(m metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	set := fieldpath.NewSet()
	if m.FieldsV1 == nil {
		return set, nil
	}
	if err := set.FromJSON(bytes.NewReader(m.FieldsV1.GetRawBytes())); err != nil {
		return nil, fmt.Errorf("read the fields of %s: %w", cmp.Or(m.Manager, "an unnamed manager"), err)
	}
	return set, nil
}

// within is the part of a set that a change of fields touches: what lies at and below them, and lists and maps around
// them that are owned as a whole.
func within(set *fieldpath.Set, content any, fields []model.FieldChange) *fieldpath.Set {
	part, leaves := fieldpath.NewSet(), set.Leaves()
	for p := range set.All() {
		if slices.ContainsFunc(fields, func(f model.FieldChange) bool {
			steps := model.PointerSteps(f.Path)
			return (len(p) >= len(steps) || leaves.Has(p)) && along(p, content, steps)
		}) {
			part.Insert(p.Copy())
		}
	}
	return part
}

// along reports whether a path of managed fields and the steps of a JSON pointer lead the same way for as long as both
// go on.
func along(p fieldpath.Path, content any, steps []string) bool {
	for i := range min(len(p), len(steps)) {
		child, ok := leads(p[i], content, steps[i])
		if !ok {
			return false
		}
		content = child
	}
	return true
}

// leads reports whether an element of a path is what a step of a JSON pointer leads to, and gives that.
func leads(e fieldpath.PathElement, content any, step string) (child any, ok bool) {
	list, isList := content.([]any)
	if !isList {
		fields, isMap := content.(map[string]any)
		if e.FieldName == nil || *e.FieldName != step {
			return nil, false
		}
		if isMap {
			child = fields[step]
		}
		return child, true // absent as well: what is to be added
	}
	i, ok := index(step, len(list))
	if !ok {
		return nil, false
	}
	switch {
	case e.Index != nil:
		return list[i], *e.Index == i
	case e.Value != nil:
		return list[i], reflect.DeepEqual(decoded((*e.Value).Unstructured()), list[i])
	case e.Key != nil:
		want := map[string]any{}
		for _, k := range *e.Key {
			want[k.Name] = decoded(k.Value.Unstructured())
		}
		return list[i], includes(list[i], want)
	default:
		return nil, false
	}
}

// decoded gives a value the form that it has in decoded JSON, where all numbers are of one type.
func decoded(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out any
	if json.Unmarshal(data, &out) != nil {
		return v
	}
	return out
}

func contentOf(o metav1.Object) (any, bool) {
	data, err := snapshot.JSONOf(o)
	if err != nil {
		return nil, false
	}
	var content any
	if json.Unmarshal(data, &content) != nil {
		return nil, false
	}
	return content, true
}
