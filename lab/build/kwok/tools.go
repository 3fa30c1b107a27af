//go:build tools

// Package kwok pins the kwok release that plays kubelets in the scale
// benchmark. It holds no code: the blank import keeps the main package in this
// module's go.sum.
package kwok

import _ "sigs.k8s.io/kwok/cmd/kwok"
