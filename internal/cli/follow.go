package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/watch"
)

// followed is a session, and the cluster that it follows.
type followed struct {
	*watch.Session
	cluster Cluster
}

// open connects, reads what the gateways logged lately, and begins to follow.
func (s *scope) open(ctx context.Context, env Env, since time.Duration, noLogs bool) (*followed, error) {
	cluster, err := env.Connect(s.kube, s.formats)
	if err != nil {
		return nil, err
	}
	sess := &watch.Session{Pods: cluster, Ring: mend.NewRing(watch.Remembered), Now: env.Now, Since: since, NoLogs: noLogs}
	began := env.Now()
	if sess.Live, err = cluster.Follow(ctx, FollowOptions{Namespace: s.only, Since: began, NoLogs: noLogs}); err != nil {
		return nil, err
	}
	s.tellIdleFormats(env, sess.Live.Snapshot())
	if noLogs {
		return &followed{sess, cluster}, nil
	}
	unseen, err := sess.ReadPast(ctx, began)
	if err != nil {
		sess.Live.Close()
		return nil, err
	}
	for _, u := range unseen {
		fmt.Fprintf(env.Err, "gatemend: could not read %s: %s\n", u.What, u.Why)
	}
	return &followed{sess, cluster}, nil
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
