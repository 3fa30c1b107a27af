//go:build tools

// Package kubestatemetrics pins the kube-state-metrics release that the scale
// benchmark runs beside gatemend. It holds no code: the blank import keeps the
// main package in this module's go.sum.
package kubestatemetrics

import _ "k8s.io/kube-state-metrics/v2"
