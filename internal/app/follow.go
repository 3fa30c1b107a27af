package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/signal/podlog"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/kube"
)

// lookEvery is how often it is checked, while pods are listed, whether they cannot be.
const lookEvery = 100 * time.Millisecond

// live is a cluster that is being followed: its objects by watches, its gateways by their logs.
type live struct {
	watcher *kube.Watcher
	logs    *podlog.Follower
	heart   *heartbeat
	stop    context.CancelFunc
}

// Follow begins to follow and returns once objects and gateways are known.
func (c *cluster) Follow(ctx context.Context, namespace string, since time.Time) (cli.Live, error) {
	ctx, stop := context.WithCancel(ctx)
	w, err := kube.Watch(ctx, c.clients, kube.Options{Namespace: namespace, Now: c.now})
	if err != nil {
		stop()
		return nil, hinted(err)
	}
	l := &live{watcher: w, stop: stop, logs: podlog.Stream(ctx, c.clients.Kube, podlog.Options{Since: since})}
	l.heart = &heartbeat{ask: func(ctx context.Context) error {
		return c.clients.Kube.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Error()
	}}
	go l.heart.run(ctx) // ends with ctx, which Close ends
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

// Changed yields after changes.
func (l *live) Changed() <-chan struct{} { return l.watcher.Changed() }

// Deleted gives what was deleted lately; the watcher has the newest first.
func (l *live) Deleted() []metav1.Object {
	objects := l.watcher.Deleted()
	slices.Reverse(objects)
	return objects
}

// Signals is where signals arrive.
func (l *live) Signals() <-chan model.Signal { return l.logs.Signals() }

// Gateways are the pods whose logs are followed, and what cannot be followed.
func (l *live) Gateways() ([]model.Ref, []model.Unseen) {
	unseen := l.logs.Unseen()
	for i := range unseen {
		unseen[i].Why = brief(unseen[i].Why)
	}
	if why := l.heart.silent(); why != "" {
		unseen = append(unseen, model.Unseen{What: "the API server", Why: why})
	}
	return l.logs.Pods(), unseen
}

// Close ends following. Signals that nobody reads any more are dropped, so that the streams can end.
func (l *live) Close() {
	l.stop()
	for range l.logs.Signals() {
	}
	l.watcher.Stop()
}
