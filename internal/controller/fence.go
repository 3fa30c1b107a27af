package controller

import (
	"context"
	"fmt"

	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
)

// fenced is an actor that changes nothing once another controller leads. A leader that was stopped in the middle and
// goes on later, such as on a machine that was suspended, has announced a change that its successor may have looked for
// in vain: it asks whether it leads right before it makes it.
type fenced struct {
	mend.Actor
	lock resourcelock.Interface
}

// Apply makes a change if the lease is this controller's.
func (f fenced) Apply(ctx context.Context, c model.Change) (act.Receipt, error) {
	record, _, err := f.lock.Get(ctx)
	switch {
	case err != nil:
		return act.Receipt{}, &act.StaleError{Object: c.Target, Because: fmt.Sprintf("whether this controller still leads is not known: %v", err)}
	case record.HolderIdentity != f.lock.Identity():
		return act.Receipt{}, &act.StaleError{Object: c.Target, Because: "another controller leads: " + record.HolderIdentity}
	default:
		return f.Actor.Apply(ctx, c)
	}
}
