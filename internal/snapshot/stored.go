package snapshot

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
)

// Stored is what a table keeps of an object: the object itself, or a [Packed] form of it.
type Stored interface {
	GetNamespace() string
	GetName() string
}

// Packed is a form of an object that takes less memory. Whoever looks the object up gets it opened; of a large cluster few
// objects are looked at before they change.
type Packed interface {
	Stored
	Kind() Kind
	// Open gives the object. While somebody holds what it gave, it gives the same again.
	Open() metav1.Object
	// About is the name of the Service that an EndpointSlice is of, and empty for all others.
	About() string
}

// open gives the object that is stored.
func open[T Stored](s Stored) (o T, ok bool) {
	if p, packed := s.(Packed); packed {
		s = p.Open()
	}
	o, ok = s.(T)
	return o, ok
}

// StoredRef names what is stored.
func StoredRef(s Stored) model.Ref {
	if p, ok := s.(Packed); ok {
		return model.Ref{APIVersion: VersionOf(p.Kind()), Kind: string(p.Kind()), Namespace: p.GetNamespace(), Name: p.GetName()}
	}
	if o, ok := s.(metav1.Object); ok {
		return RefOf(o)
	}
	return model.Ref{}
}

// kindOf names the table that a stored object belongs to.
func kindOf(s Stored) Kind {
	switch s := s.(type) {
	case Packed:
		return s.Kind()
	case metav1.Object:
		return KindOf(s)
	default:
		return Other
	}
}
