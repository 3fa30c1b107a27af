package simapi

import (
	"bytes"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// own writes down that a manager has set what differs between two states of an object, and that nobody else holds it any
// more, as kube-apiserver does for all but server-side apply (Kubernetes documentation, "Server-Side Apply", section
// "Field management"). Lists are owned as a whole here, which the schemas of few fields say.
func own(manager string, before, after *unstructured.Unstructured) error {
	from, err := written(before)
	if err != nil {
		return err
	}
	to, err := written(after)
	if err != nil {
		return err
	}
	diff, err := from.Compare(to)
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	if diff.IsSame() {
		return nil
	}
	set := diff.Modified.Union(diff.Added)
	taken := set.Union(diff.Removed)
	var out []metav1.ManagedFieldsEntry
	mine := metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: after.GetAPIVersion(), FieldsType: "FieldsV1"}
	for _, m := range after.GetManagedFields() {
		fields := fieldpath.NewSet()
		if err := fields.FromJSON(bytes.NewReader(m.FieldsV1.GetRawBytes())); err != nil {
			return fmt.Errorf("read the fields of %s: %w", m.Manager, err)
		}
		fields = fields.Difference(taken)
		if m.Manager == manager {
			set = set.Union(fields)
		} else if !fields.Empty() {
			if out, err = appended(out, m, fields); err != nil {
				return err
			}
		}
	}
	if !set.Empty() {
		if out, err = appended(out, mine, set); err != nil {
			return err
		}
	}
	after.SetManagedFields(slices.Clip(out))
	return nil
}

func appended(out []metav1.ManagedFieldsEntry, m metav1.ManagedFieldsEntry, fields *fieldpath.Set) ([]metav1.ManagedFieldsEntry, error) {
	data, err := fields.ToJSON()
	if err != nil {
		return nil, fmt.Errorf("encode the fields of %s: %w", m.Manager, err)
	}
	m.FieldsV1 = metav1.NewFieldsV1(string(data))
	return append(out, m), nil
}

// written is what managers write of an object.
func written(o *unstructured.Unstructured) (*typed.TypedValue, error) {
	o = o.DeepCopy()
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	delete(o.Object, "status")
	v, err := typed.DeducedParseableType.FromUnstructured(o.Object)
	if err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	return v, nil
}
