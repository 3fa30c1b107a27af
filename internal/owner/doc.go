// Package owner tells who keeps an object as a source of its own says: Argo CD, Flux, Helm, Kustomize, an
// operator or an autoscaler. What they keep is not edited in place, since they would take the edit back; the
// change belongs in their source.
//
// Everything is read from marks that the tools document and leave on the objects. Package owner looks at
// values only.
package owner
