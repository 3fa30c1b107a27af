package watch

import (
	"context"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Remembered is how many signals a session should keep: a minute of a thousand requests a second.
const Remembered = 60_000

// Session is a cluster that is followed. Its ring is the feed by which a repair is verified.
type Session struct {
	Pods   Pods
	Live   Live
	Ring   *mend.Ring
	Now    func() time.Time
	Since  time.Duration // how far back signals count for a diagnosis
	NoLogs bool          // logs are not followed: they are read when something is to be diagnosed

	mu     sync.Mutex
	routes *path.Map // the last one
}

// Map gives the rules of the present state, made of those of the last one that was asked for.
func (s *Session) Map() *path.Map { return s.MapOf(s.Live.Snapshot()) }

// MapOf gives the rules of a snapshot.
func (s *Session) MapOf(snap *snapshot.Snapshot) *path.Map {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.routes == nil {
		s.routes = path.New(snap)
	} else {
		s.routes = s.routes.Next(snap)
	}
	return s.routes
}

// Pump takes signals into the ring until following ends.
func (s *Session) Pump() {
	for sig := range s.Live.Signals() {
		s.Ring.Add(sig)
	}
}

// ReadPast reads what the gateways logged in the time before following began, and says what it could not read. Lines
// of the second in which following began may come twice: they are counted in the failing time only, where a few
// more make no difference.
func (s *Session) ReadPast(ctx context.Context, began time.Time) ([]model.Unseen, error) {
	past, err := s.Pods.GatewayLogs(ctx, s.Live.Snapshot(), began.Add(-s.Since))
	if err != nil {
		return nil, err
	}
	for _, sig := range past.Signals {
		if sig.At.Before(began) {
			s.Ring.Add(sig)
		}
	}
	return past.Unseen, nil
}

// View is a session as one repair sees it. It is a [mend.Observer].
type View struct {
	*Session
	From  time.Time     // signals before it are about something else; zero: none are
	Onset time.Time     // failures before it are; what succeeded may have done so long before it stopped
	Cause model.CauseID // the only cause to mend; empty: whichever comes first

	mu   sync.Mutex
	last model.Diagnosis
}

// Snapshot gives the present state.
func (v *View) Snapshot(context.Context) (*snapshot.Snapshot, error) { return v.Live.Snapshot(), nil }

// Silent says why the cluster cannot be seen at the moment.
func (v *View) Silent() string { return v.Live.Silent() }

// Back is when the cluster could be seen again.
func (v *View) Back() time.Time { return v.Live.Back() }

// Deleted gives what was deleted lately.
func (v *View) Deleted() []metav1.Object { return v.Live.Deleted() }

// Diagnose judges the target on what was seen lately.
func (v *View) Diagnose(ctx context.Context, snap *snapshot.Snapshot, target model.Target) (model.Diagnosis, error) {
	now := v.Now()
	oldest := now.Add(-v.Since)
	if from := v.From.Round(0); from.After(oldest) && !from.After(now.Round(0)) { // signals have the wall clock's time, which may have been set back
		oldest = from
	}
	d, err := v.Session.Diagnose(ctx, snap, target, oldest, v.Onset)
	if err != nil {
		return d, err
	}
	v.mu.Lock()
	v.last = d
	v.mu.Unlock()
	return Only(d, v.Cause), nil
}

// Diagnosis is the latest one, with all its causes, for a result without a plan.
func (v *View) Diagnosis() model.Diagnosis {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last
}

// Diagnose judges a target on what was seen since a time, and what failed since another. It may be called from
// several goroutines.
func (s *Session) Diagnose(ctx context.Context, snap *snapshot.Snapshot, target model.Target, oldest, onset time.Time) (model.Diagnosis, error) {
	_, unseen := s.Live.Gateways()
	signals, _ := s.Ring.Read(0)
	l := &Look{Snapshot: snap, Map: s.MapOf(snap), Unseen: unseen, Pods: s.Pods, Deleted: s.Live.Deleted(), Signals: signals}
	if s.NoLogs {
		logs, err := s.Pods.GatewayLogs(ctx, snap, oldest)
		if err != nil {
			return model.Diagnosis{}, err
		}
		l.Signals, l.Logs, l.Unseen = append(l.Signals, logs.Signals...), logs.Excerpts, append(l.Unseen, logs.Unseen...)
	}
	past := func(sig model.Signal) bool {
		return sig.At.Before(oldest) || sig.At.Before(onset) && (sig.ErrorLog || sig.Failed())
	}
	if slices.ContainsFunc(l.Signals, past) { // else they are shared: there may be tens of thousands
		l.Signals = slices.DeleteFunc(slices.Clone(l.Signals), past)
	}
	d := l.Diagnose(ctx, target)
	if err := ctx.Err(); err != nil {
		return d, context.Cause(ctx)
	}
	return d, nil
}
