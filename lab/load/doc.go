// Package load sends a steady, bounded stream of requests and counts exactly what came back.
//
// The rate is open-loop: requests start on the clock, whether or not earlier ones are answered, because
// that is how users behave when a site is slow. Rate, count and duration are all mandatory limits; there
// is no way to ask for load without an end. Every request has a connection of its own, as from a new
// visitor, so that a transport error is the gateway's and never a stale connection of ours.
//
// [Start] begins, [Run.Report] may be read at any time, [Run.Wait] returns the last one.
package load
