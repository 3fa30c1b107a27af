// Package image recognises container images by their repository, whatever registry, mirror, tag or digest
// they were pulled with.
package image

import "strings"

// Is reports whether the repository of an image reference ends in one of the given path ends, each a
// number of whole path elements: "ingress-nginx/controller" takes
// "mirror.example:5000/k8s/ingress-nginx/controller:v1.13.2@sha256:...".
func Is(reference string, ends ...string) bool {
	repository := Repository(reference)
	for _, end := range ends {
		if rest, ok := strings.CutSuffix(repository, end); ok && (rest == "" || strings.HasSuffix(rest, "/")) {
			return true
		}
	}
	return false
}

// Repository is an image reference without tag and digest.
func Repository(reference string) string {
	reference, _, _ = strings.Cut(reference, "@")
	if i := strings.LastIndexByte(reference, ':'); i > strings.LastIndexByte(reference, '/') {
		reference = reference[:i]
	}
	return reference
}
