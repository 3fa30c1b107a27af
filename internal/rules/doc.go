// Package rules holds the repository's own rules as tests: who may import whom, what every package
// documents, that generated documents are in step, that the README's commands exist.
//
// It has no code but tests. A rule that fails says what to do.
package rules
