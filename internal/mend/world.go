package mend

import (
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Observer looks at the cluster.
type Observer interface {
	// Snapshot gives the cluster as it is now. It is called several times a second while a change is
	// verified.
	Snapshot(ctx context.Context) (*snapshot.Snapshot, error)
	// Diagnose says why the target fails, from a snapshot and everything else that was seen.
	Diagnose(ctx context.Context, s *snapshot.Snapshot, target model.Target) (model.Diagnosis, error)
	// Silent says why the cluster cannot be seen at the moment; empty: it can. What [Observer.Snapshot] gives is old while it
	// cannot.
	Silent() string
	// Back is when the cluster could be seen again after the last time in which it could not; zero: it always could.
	Back() time.Time
	// Deleted gives the objects that were deleted a short while ago, the last one at the end.
	Deleted() []metav1.Object
}

// Feed gives what gateways report.
type Feed interface {
	// Read gives the signals that arrived at or after position from, in the order of their arrival,
	// and the position after them. Position 0 is the oldest that is kept.
	Read(from uint64) (signals []model.Signal, next uint64)
}

// Actor carries changes out; [*act.Actor] is one. An error that is a [*act.StaleError],
// [*act.BlockedError], [*act.ForbiddenError] or [*act.RejectedError] says that nothing was changed;
// with any other nobody knows.
type Actor interface {
	DryRun(ctx context.Context, c model.Change) (act.Receipt, error)
	Apply(ctx context.Context, c model.Change) (act.Receipt, error)
	// Release gives the fields of a patch back that undo has taken back. It may be called again.
	Release(ctx context.Context, undo model.Change) error
	WaitRollout(ctx context.Context, workload model.Ref, progress func(act.Rollout)) error
}

// ErrNotRehearsed is the error of a dry run that an actor does not make: the [Asker] is to decide without it.
var ErrNotRehearsed = errors.New("not tried")

// Prober sends requests where nobody else does.
type Prober interface {
	// Probe sends each request once through the gateway of its route, and says how many were sent. What comes of them
	// is told by the [Feed], as of every request.
	Probe(ctx context.Context, s *snapshot.Snapshot, requests []model.Request) (sent int)
}

// Asker decides whether a plan may be carried out: a person at a prompt, or a policy.
type Asker interface {
	Ask(ctx context.Context, p model.Plan) (Answer, error)
}

// Answer is what came of asking.
type Answer struct {
	Yes bool
	// Person: a person has said so. The yes of a policy does not lift a plan's guards.
	Person bool
	// Refused: it was not a person who said no, but a rule, which Because names.
	Refused bool
	// Nobody: there was nobody to ask.
	Nobody  bool
	Because string // why not
}

// Journal keeps the record of all incidents. What Append has taken must survive a crash.
type Journal interface {
	Append(e plan.Event) error
	// Events gives everything that was appended, oldest first.
	Events() ([]plan.Event, error)
}
