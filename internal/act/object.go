package act

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// patchOf is the JSON Patch of a change, with a test of the UID in front if the change names one.
func patchOf(c model.Change) ([]byte, error) {
	ops, err := snapshot.JSONPatch(c)
	if err != nil || c.UID == "" {
		return ops, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(ops, &list); err != nil {
		return nil, fmt.Errorf("read patch: %w", err)
	}
	test, err := json.Marshal(map[string]string{"op": "test", "path": "/metadata/uid", "value": c.UID})
	if err != nil {
		return nil, fmt.Errorf("encode patch: %w", err)
	}
	return json.Marshal(append([]json.RawMessage{test}, list...))
}

// takenAddress reports whether a Service was refused because an address or a node port that it had
// is another one's now.
func takenAddress(err error) bool {
	if !apierrors.IsInvalid(err) {
		return false
	}
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || status.ErrStatus.Details == nil {
		return false
	}
	return slices.ContainsFunc(status.ErrStatus.Details.Causes, func(c metav1.StatusCause) bool {
		return strings.HasPrefix(c.Field, "spec.clusterIP") || strings.HasSuffix(strings.ToLower(c.Field), "nodeport")
	})
}

// withoutAddresses takes out of a Service what the API server hands out, and reports whether there
// was any of it.
func withoutAddresses(o *unstructured.Unstructured) bool {
	if o.GetKind() != string(snapshot.Services) {
		return false
	}
	found := false
	for _, field := range []string{"clusterIP", "clusterIPs", "healthCheckNodePort"} {
		v, ok, err := unstructured.NestedFieldNoCopy(o.Object, "spec", field)
		if err != nil || !ok || v == "None" || field == "clusterIPs" && !found {
			continue // a headless Service has no address, and must stay headless
		}
		unstructured.RemoveNestedField(o.Object, "spec", field)
		found = true
	}
	ports, _, err := unstructured.NestedSlice(o.Object, "spec", "ports")
	if err != nil {
		return found
	}
	for _, p := range ports {
		if port, ok := p.(map[string]any); ok && port["nodePort"] != nil {
			delete(port, "nodePort")
			found = true
		}
	}
	if err := unstructured.SetNestedSlice(o.Object, ports, "spec", "ports"); err != nil {
		return false
	}
	return found
}

// pristine is the object of a create without what only the API server may write. A Service keeps
// its cluster address, so that clients that hold on to the old one work again.
func pristine(c model.Change) (*unstructured.Unstructured, error) {
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(c.Object); err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	if o.GetKind() != c.Target.Kind || o.GetName() != c.Target.Name || o.GetNamespace() != c.Target.Namespace {
		return nil, errors.New("the object is not the one that the change names")
	}
	if o.GetName() == "" {
		return nil, errors.New("the object has no name")
	}
	for _, field := range []string{
		"uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
		"deletionGracePeriodSeconds", "managedFields", "selfLink",
	} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	delete(o.Object, "status")
	// Finalizers are left out: who set them has seen the old object go and would never clear the new one's.
	unstructured.RemoveNestedField(o.Object, "metadata", "finalizers")
	return o, nil
}
