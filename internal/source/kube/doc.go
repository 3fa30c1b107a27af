// Package kube reads a live cluster into snapshots.
//
// [Read] lists everything that a request can meet, once; [Watch] keeps the same things current
// through informers, so that a snapshot costs little. Both say for every kind how much of it they
// could see: what RBAC forbids is [snapshot.Denied], what is not installed is
// [snapshot.NotServed], and neither is ever taken for "there are none". Where a list of the whole
// cluster is forbidden, the list of one namespace is tried.
//
// The package never writes, and it never reads Secrets, not even their names.
package kube
