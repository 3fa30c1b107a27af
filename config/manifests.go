// Package config holds the manifests that a cluster needs for gatemend's controller: CustomResourceDefinitions
// (made by 'make generate'), the ValidatingAdmissionPolicy for approvals, the roles, and what runs the controller (made
// from charts/gatemend by 'make generate').
package config

import "embed"

//go:embed crd/*.yaml admission/*.yaml rbac/*.yaml install/*.yaml
var files embed.FS

// Files are the manifests, in the folders crd, admission, rbac and install.
func Files() embed.FS { return files }
