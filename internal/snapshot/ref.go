package snapshot

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/gatemend/gatemend/internal/model"
)

// RefOf names an object. The API version is that of the object's kind even where a list left it out,
// as lists of typed objects do.
func RefOf(o metav1.Object) model.Ref {
	ref := model.Ref{Namespace: o.GetNamespace(), Name: o.GetName()}
	if r, ok := o.(runtime.Object); ok {
		ref.APIVersion, ref.Kind = r.GetObjectKind().GroupVersionKind().ToAPIVersionAndKind()
	}
	if ref.Kind != "" && ref.APIVersion != "" {
		return ref
	}
	kind := KindOf(o)
	for _, f := range forms() {
		if f.kind == kind {
			ref.Kind, ref.APIVersion = string(kind), f.versions[0]
			if f.group != "" {
				ref.APIVersion = f.group + "/" + f.versions[0]
			}
		}
	}
	return ref
}
