// Package oracle compares gatemend's own models of Kubernetes with independent ones.
//
// It has tests only. They are in the lab's module so that what they compare with is no dependency of
// the product.
package oracle
