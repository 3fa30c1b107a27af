//go:build tools

// Package etcd pins the etcd release that the lab builds. It holds no code:
// the blank import keeps the main package in this module's go.sum.
package etcd

import _ "go.etcd.io/etcd/server/v3"
