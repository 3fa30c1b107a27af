// Package model holds gatemend's nouns: what a request is, what happened to it, what is wrong
// and what may be changed.
//
// Everything else speaks in these words. The package imports nothing but the standard library,
// does nothing, and its JSON form is the output contract: fields are added, never renamed.
package model
