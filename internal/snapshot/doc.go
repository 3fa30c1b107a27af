// Package snapshot holds the objects that a request meets, at one moment.
//
// A [Snapshot] is a value: built once by a [Builder], never changed afterwards, safe to share.
// Objects are those of the Kubernetes API (k8s.io/api), stripped of what nobody reads; callers
// must not write to them. Two ideas matter:
//
//   - 'absent' is not 'unknown': every lookup says which, because a list that RBAC forbids must
//     never be read as "does not exist" (see [Presence] and [Coverage]);
//   - a what-if is another snapshot: [Snapshot.With] applies changes to a copy that shares all
//     the rest.
package snapshot
