// Package v1alpha1 holds the types of the API group gatemend.dev: what people write to tell gatemend what it
// may do. They are data without logic; what they mean is decided by package guardrail. Today they are read
// from files; a CustomResourceDefinition has the same schema.
//
// +groupName=gatemend.dev
package v1alpha1
