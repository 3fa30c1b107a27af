// Package act carries changes out. It is the only package that writes to a cluster.
//
// An [Actor] turns a [model.Change] into one API call, and refuses when the world has moved since
// the change was planned: a patch tests the resource version and every former value, a deletion
// and an eviction name the UID. What a change did is told by its [Receipt], which holds the changes
// that take it back. Nothing is retried here: whoever plans looks again first.
package act
