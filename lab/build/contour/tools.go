//go:build tools

// Package contour pins the Contour release that the lab builds. It holds no
// code: the blank import keeps the main package in this module's go.sum.
package contour

import _ "github.com/projectcontour/contour/cmd/contour"
