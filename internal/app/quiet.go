package app

import (
	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

// Quiet stops the Kubernetes client library from writing its own lines to stderr. What goes wrong
// while a cluster is followed reaches the user as something that cannot be looked at.
func Quiet() { klog.SetLogger(logr.Discard()) }
