// Package config holds the manifests that a cluster needs for gatemend's controller: CustomResourceDefinitions
// (made by 'make generate'), the ValidatingAdmissionPolicy for approvals, and the roles.
package config

import "embed"

//go:embed crd/*.yaml admission/*.yaml rbac/*.yaml
var files embed.FS

// Files are the manifests, in the folders crd, admission and rbac.
func Files() embed.FS { return files }
