package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// remembered is how many signals a session keeps: a minute of a thousand requests a second.
const remembered = 60_000

// session is a cluster that is followed: what a repair observes. It is a [mend.Observer], and its ring
// is the feed by which a repair is verified.
type session struct {
	cluster Cluster
	live    Live
	ring    *mend.Ring
	now     func() time.Time
	since   time.Duration // how far back signals count for a diagnosis
	from    time.Time     // signals before it are about something else; zero: none are
	onset   time.Time     // failures before it are; what succeeded may have done so long before it stopped
	noLogs  bool          // logs are not followed: they are read when something is to be diagnosed
	cause   model.CauseID // the only cause to mend; empty: whichever comes first

	mu   sync.Mutex
	last model.Diagnosis // the latest, for a result without a plan
}

// Snapshot gives the present state.
func (s *session) Snapshot(context.Context) (*snapshot.Snapshot, error) {
	return s.live.Snapshot(), nil
}

// Deleted gives what was deleted lately.
func (s *session) Deleted() []metav1.Object { return s.live.Deleted() }

// Diagnose judges the target on what was seen lately.
func (s *session) Diagnose(ctx context.Context, snap *snapshot.Snapshot, target model.Target) (model.Diagnosis, error) {
	oldest := s.now().Add(-s.since)
	if s.from.After(oldest) {
		oldest = s.from
	}
	d, err := s.diagnose(ctx, snap, target, oldest, s.onset)
	if err != nil {
		return d, err
	}
	s.mu.Lock()
	s.last = d
	s.mu.Unlock()
	return only(d, s.cause), nil
}

// diagnose judges a target on what was seen since a time, and what failed since another. It may be called from
// several goroutines.
func (s *session) diagnose(ctx context.Context, snap *snapshot.Snapshot, target model.Target, oldest, onset time.Time) (model.Diagnosis, error) {
	_, unseen := s.live.Gateways()
	signals, _ := s.ring.Read(0)
	l := &look{snapshot: snap, unseen: unseen, cluster: s.cluster, deleted: s.live.Deleted(), signals: signals}
	if s.noLogs {
		logs, err := s.cluster.GatewayLogs(ctx, snap, oldest)
		if err != nil {
			return model.Diagnosis{}, err
		}
		l.signals, l.logs, l.unseen = append(l.signals, logs.Signals...), logs.Excerpts, append(l.unseen, logs.Unseen...)
	}
	l.signals = slices.DeleteFunc(l.signals, func(sig model.Signal) bool {
		return sig.At.Before(oldest) || sig.At.Before(onset) && (sig.ErrorLog || sig.Failed())
	})
	d := l.diagnose(ctx, target)
	if err := ctx.Err(); err != nil {
		return d, context.Cause(ctx)
	}
	return d, nil
}

// diagnosis is the latest one.
func (s *session) diagnosis() model.Diagnosis {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// only leaves one cause in a diagnosis, with its remedies.
func only(d model.Diagnosis, id model.CauseID) model.Diagnosis {
	if id == "" {
		return d
	}
	d.Causes = slices.DeleteFunc(slices.Clone(d.Causes), func(f model.Finding) bool { return f.ID != id })
	d.Remedies = slices.DeleteFunc(slices.Clone(d.Remedies), func(r model.Remedy) bool { return r.Cause != id })
	return d
}

// noSuchCause is the error for --cause with a cause that was not found.
func noSuchCause(d model.Diagnosis, id model.CauseID) error {
	if id == "" || slices.ContainsFunc(d.Causes, func(f model.Finding) bool { return f.ID == id }) {
		return nil
	}
	var ids []string
	for _, f := range d.Causes {
		ids = append(ids, string(f.ID))
	}
	if len(ids) == 0 {
		return usagef("see 'gatemend diagnose'", "no cause was found here, %q neither", id)
	}
	return usagef("found are: "+strings.Join(ids, ", "), "cause %q was not found here", id)
}

// pump takes signals into the ring until following ends.
func (s *session) pump() {
	for sig := range s.live.Signals() {
		s.ring.Add(sig)
	}
}

// open connects, reads what the gateways logged lately, and begins to follow.
func (s *scope) open(ctx context.Context, env Env, since time.Duration, noLogs bool) (*session, error) {
	cluster, err := env.Connect(s.kube, s.formats)
	if err != nil {
		return nil, err
	}
	sess := &session{cluster: cluster, ring: mend.NewRing(remembered), now: env.Now, since: since, noLogs: noLogs}
	began := env.Now()
	if sess.live, err = cluster.Follow(ctx, FollowOptions{Namespace: s.only, Since: began, NoLogs: noLogs}); err != nil {
		return nil, err
	}
	if noLogs {
		return sess, nil
	}
	// What was logged before is read once. Lines of the second in which following began may come
	// twice: they are counted in the failing time only, where a few more make no difference.
	past, err := cluster.GatewayLogs(ctx, sess.live.Snapshot(), began.Add(-since))
	if err != nil {
		sess.live.Close()
		return nil, err
	}
	for _, u := range past.Unseen {
		fmt.Fprintf(env.Err, "gatemend: could not read %s: %s\n", u.What, u.Why)
	}
	for _, sig := range past.Signals {
		if sig.At.Before(began) {
			sess.ring.Add(sig)
		}
	}
	return sess, nil
}
