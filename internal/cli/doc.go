// Package cli is gatemend's command line, in the manner of kubectl.
//
// Every command is one file: a struct of options, a constructor, complete (flags to values),
// validate (wrong usage only) and run. Commands keep nothing in package variables, so that tests
// build as many as they like. Results go to stdout; progress and warnings go to stderr. What a command
// needs of the outside stands in [Env], which package app fills in; commands never open a cluster, a
// dump or a clock by themselves.
//
// The exit status says what was found and never depends on the output format: see [Exits].
package cli
