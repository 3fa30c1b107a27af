// Package controller holds the test of gatemend's controller as its users have it: its own image in pods of a real
// cluster, brought there by the manifests that 'gatemend install --print' prints. It runs with build tag lab.
package controller
