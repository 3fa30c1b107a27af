package model

import (
	"cmp"
	"strings"
)

// Ref names one Kubernetes object. Namespace is empty for cluster-scoped objects.
type Ref struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// String reads as people say it: "Service shop/cart", "Node worker-1".
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// Same reports whether two refs name the same object, of whatever version: each may be taken from another list.
func (r Ref) Same(o Ref) bool {
	return r.Kind == o.Kind && r.Namespace == o.Namespace && r.Name == o.Name
}

// Resource is the form in which kubectl takes the object: "service/cart", lower case.
func (r Ref) Resource() string { return strings.ToLower(r.Kind) + "/" + r.Name }

// Compare orders refs by kind, namespace and name, so that output is the same on every run.
func (r Ref) Compare(o Ref) int {
	return cmp.Or(
		cmp.Compare(r.Kind, o.Kind),
		cmp.Compare(r.Namespace, o.Namespace),
		cmp.Compare(r.Name, o.Name),
		cmp.Compare(r.APIVersion, o.APIVersion),
	)
}

// FieldRef names a field of an object. Field is written as kubectl explain does, with list
// indexes: "spec.ports[0].targetPort". An empty Field means the object as a whole.
type FieldRef struct {
	Ref
	Field string `json:"field,omitempty"`
}

// String reads "Service shop/cart spec.selector".
func (f FieldRef) String() string {
	if f.Field == "" {
		return f.Ref.String()
	}
	return f.Ref.String() + " " + f.Field
}
