package controller

import (
	"context"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
)

// fenced is an actor that changes nothing once another controller leads. A leader that was stopped in the middle and
// goes on later, such as on a machine that was suspended, has announced a change that its successor may have looked for
// in vain: it asks whether it leads right before it makes it.
//
// It reads the Lease for itself. The elector's lock keeps the version that it read last for its next renewal: one that read
// it through that lock would have it renew a lease that is another one's by now.
type fenced struct {
	mend.Actor
	leases   client.Reader // not cached
	lease    types.NamespacedName
	identity string
}

// Apply makes a change if the lease is this controller's. The error is an [*act.StaleError] where it is another one's; where
// the lease cannot be read it is none, since whoever takes a change back must try again then.
func (f fenced) Apply(ctx context.Context, c model.Change) (act.Receipt, error) {
	var lease coordinationv1.Lease
	if err := f.leases.Get(ctx, f.lease, &lease); err != nil {
		return act.Receipt{}, fmt.Errorf("%s %s: read Lease %s, which says whether this controller still leads: %w", c.Op, c.Target, f.lease, err)
	}
	switch holder := lease.Spec.HolderIdentity; {
	case holder == nil || *holder == "":
		return act.Receipt{}, &act.StaleError{Object: c.Target, Because: "this controller does not lead any more, nor does another one yet"}
	case *holder != f.identity:
		return act.Receipt{}, &act.StaleError{Object: c.Target, Because: "another controller leads: " + *holder}
	default:
		return f.Actor.Apply(ctx, c)
	}
}
