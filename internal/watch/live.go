package watch

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/diagnose"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// LogFiles is what logs held.
type LogFiles struct {
	Signals  []model.Signal     // of gateways
	Excerpts []model.LogExcerpt // of applications, and what gateways said of themselves
	Notes    []string           // malformed lines and the like, for stderr
	Unseen   []model.Unseen     // what could not be read
}

// Pods are what a cluster's running pods tell beyond their objects.
type Pods interface {
	// GatewayLogs gives what the gateways' pods logged since a time, and what could not be read.
	GatewayLogs(ctx context.Context, s *snapshot.Snapshot, since time.Time) (LogFiles, error)
	// AppLogs gives the ends of application containers' logs, and what could not be read.
	AppLogs(ctx context.Context, wanted []diagnose.LogWanted) ([]model.LogExcerpt, []model.Unseen)
	// Probe makes active checks of routes, and says what it could not check.
	// guest is the image of the containers that may join pods to look at their sockets; empty: none may.
	Probe(ctx context.Context, wanted []model.ProbeRoute, guest string) ([]model.Probe, []model.Unseen)
	// Loaded asks the gateways themselves which endpoints they have, and says whom it could not ask.
	Loaded(ctx context.Context, s *snapshot.Snapshot) ([]model.Loaded, []model.Unseen)
}

// Logs are the gateways' logs as they are followed.
type Logs interface {
	// Signals is where gateways' signals arrive; it is closed when following ends.
	Signals() <-chan model.Signal
	// Gateways are the pods whose logs are followed, and what cannot be followed at present.
	Gateways() ([]model.Ref, []model.Unseen)
	// Read says how much has been read of what is followed.
	Read() []metrics.Source
}

// Hearing is whether the API server can be heard.
type Hearing interface {
	// Silent says why it cannot, so that the state may be an old one; empty: it can.
	Silent() string
	// Back is when it could be heard again after the last time in which it could not; zero: it always could.
	Back() time.Time
}

// Live is a cluster that is being followed.
type Live interface {
	// Snapshot is the present state.
	Snapshot() *snapshot.Snapshot
	Hearing
	// Changed yields after changes of the state, at least once after the last of several.
	Changed() <-chan struct{}
	// Deleted gives the objects that were deleted since following began, the last one at the end.
	Deleted() []metav1.Object
	Logs
	// Close ends following and waits for its end.
	Close()
}
