// Package field reads the fields that log lines of several proxies share: numbers, times, request
// lines, addresses and names.
//
// All functions work on bytes, convert nothing to string on the way and cannot fail otherwise than by
// saying so. Text that repeats from line to line (hosts, paths, names, addresses) becomes a string
// through [Interner], which allocates once per distinct text, within a fixed bound.
package field
