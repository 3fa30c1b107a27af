package feed

import (
	"net/netip"

	"github.com/gatemend/gatemend/internal/model"
)

// Sender is what a gateway that sends its signals tells of itself. Any part may be missing.
type Sender struct {
	Namespace, Pod string
	Address        netip.Addr // from which it connected
}

// Resolve finds the pod of a sender; the zero Ref where there is none or more than one.
type Resolve func(Sender) model.Ref

// Nobody is the Resolve of who knows no pods: it believes what the sender says.
func Nobody(s Sender) model.Ref {
	if s.Namespace == "" || s.Pod == "" {
		return model.Ref{}
	}
	return model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: s.Namespace, Name: s.Pod}
}
