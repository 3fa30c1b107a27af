// Package v1alpha1 holds the types of the API group gatemend.dev: what people write to tell gatemend what it
// may do, and what gatemend's controller records of each incident. They are data without logic; what policies
// mean is decided by package guardrail, and what an incident's journal means by package plan.
//
// +kubebuilder:object:generate=true
// +groupName=gatemend.dev
package v1alpha1
