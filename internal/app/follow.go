package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/podlog"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/kube"
	"github.com/gatemend/gatemend/internal/watch"
)

// lookEvery is how often it is checked, while pods are listed, whether they cannot be.
const lookEvery = 100 * time.Millisecond

// live is a cluster that is being followed: its objects by watches, its gateways by their logs.
type live struct {
	watcher *kube.Watcher
	logs    *podlog.Follower // nil: they are not followed
	heart   *heartbeat
	stop    context.CancelFunc
}

// Follow begins to follow and returns once objects and gateways are known.
func (c *cluster) Follow(ctx context.Context, o cli.FollowOptions) (watch.Live, error) {
	ctx, stop := context.WithCancel(ctx)
	w, err := kube.Watch(ctx, c.clients, kube.Options{Namespace: o.Namespace, Now: c.now})
	if err != nil {
		stop()
		return nil, hinted(err)
	}
	l := &live{watcher: w, stop: stop}
	if !o.NoLogs {
		l.logs = podlog.Stream(ctx, c.clients.Kube, podlog.Options{Pods: w, Since: o.Since, Formats: formatsIn(w.Snapshot(), c.formats), Later: o.Later})
	}
	l.heart = &heartbeat{heard: w.Heard, ask: func(ctx context.Context) error {
		return c.clients.Kube.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error()
	}}
	go l.heart.run(ctx) // ends with ctx, which Close ends
	if l.logs == nil {
		return l, nil
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-l.logs.Listed():
			return l, nil
		case <-look.C:
			if len(l.logs.Unseen()) > 0 { // pods may not be listed: what is unseen says so
				return l, nil
			}
		case <-ctx.Done():
			l.Close()
			return nil, fmt.Errorf("follow gateways' logs: %w", context.Cause(ctx))
		}
	}
}

// Snapshot is the present state.
func (l *live) Snapshot() *snapshot.Snapshot { return l.watcher.Snapshot() }

// Silent says why the API server cannot be heard.
func (l *live) Silent() string { return l.heart.silent() }

// Back is when the API server could be heard again.
func (l *live) Back() time.Time { return l.heart.returned() }

// Changed yields after changes.
func (l *live) Changed() <-chan struct{} { return l.watcher.Changed() }

// Deleted gives what was deleted lately; the watcher has the newest first.
func (l *live) Deleted() []metav1.Object {
	objects := l.watcher.Deleted()
	slices.Reverse(objects)
	return objects
}

// Signals is where signals arrive.
func (l *live) Signals() <-chan model.Signal {
	if l.logs == nil {
		return nil
	}
	return l.logs.Signals()
}

// Gateways are the pods whose logs are followed, and what cannot be followed.
func (l *live) Gateways() ([]model.Ref, []model.Unseen) {
	var pods []model.Ref
	var unseen []model.Unseen
	if l.logs != nil {
		pods, unseen = l.logs.Pods(), l.logs.Unseen()
	} else {
		for _, p := range l.gateways() {
			pods = append(pods, snapshot.RefOf(p))
		}
	}
	for i := range unseen {
		unseen[i].Why = brief(unseen[i].Why)
	}
	if why := l.heart.silent(); why != "" {
		unseen = append(unseen, model.Unseen{What: "the API server", Why: why})
	}
	return pods, unseen
}

// gateways are the pods that run a proxy now.
func (l *live) gateways() []*corev1.Pod {
	var out []*corev1.Pod
	for p := range l.watcher.Snapshot().Pods().All() {
		if _, _, ok := all.ForPod(p); ok && p.Status.Phase == corev1.PodRunning {
			out = append(out, p)
		}
	}
	return out
}

// Read says how much of the gateways' logs has been read.
func (l *live) Read() []metrics.Source {
	if l.logs == nil {
		return nil
	}
	c := l.logs.Counts()
	return []metrics.Source{{
		Name: "podlog", Lines: c.Lines, Requests: c.Requests, Errors: c.Errors, Unread: c.Foreign, Lost: c.Dropped, Gaps: c.Gaps, Reopened: c.Reopened, Open: c.Open,
	}}
}

// Close ends following. Signals that nobody reads any more are dropped, so that the streams can end.
func (l *live) Close() {
	l.stop()
	if l.logs != nil {
		for range l.logs.Signals() {
		}
	}
	l.watcher.Stop()
}
