package kube

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Watcher keeps a cluster's objects current. Make one with [Watch].
type Watcher struct {
	clients *Clients
	opt     Options
	kinds   []*kindCache // in the order of resources()
	deleted *graveyard
	share   *sharer
	changed chan struct{}
	version atomic.Uint64 // grows with every change of any object or of what can be seen
	heard   atomic.Uint64 // grows with every change of any object of which the API server told
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	built *snapshot.Snapshot // of version of
	of    uint64
	whole uint64 // the value of anew of which built is

	// anew grows with every change of what can be seen, after which a snapshot is made of everything anew.
	anew atomic.Uint64
}

// lookAgain is the default of [Options.LookAgain]. The pause is doubled while nothing is found: the API server tells nobody
// of rights that are granted, and a cluster without some kinds is mostly one that will not have them.
const (
	lookAgain    = 30 * time.Second
	rarestFactor = 10 // of the first pause
)

// Watch begins to follow everything that a request can meet and returns when the first state is
// complete. It follows until ctx ends or [Watcher.Stop] is called. A kind that may not be listed is
// no error, as in [Read]; the error is an [*AccessError] if nothing can be looked at.
func Watch(ctx context.Context, c *Clients, opt Options) (*Watcher, error) {
	if opt.LookAgain == 0 {
		opt.LookAgain = lookAgain
	}
	run, stop := context.WithCancel(ctx)
	w := &Watcher{clients: c, opt: opt, deleted: newGraveyard(opt.Now), share: newSharer(), changed: make(chan struct{}, 1), stop: stop}
	for _, r := range resources() {
		w.kinds = append(w.kinds, &kindCache{resource: r})
	}
	if err := w.begin(run); err != nil {
		w.Stop()
		return nil, err
	}
	w.running.Go(func() { w.retry(run) })
	return w, nil
}

// begin starts every kind and waits for the first state.
func (w *Watcher) begin(ctx context.Context) error {
	serves, err := discover(ctx, w.clients)
	if err != nil {
		return err
	}
	probes := w.start(ctx, serves, w.kinds)
	if ctx.Err() != nil {
		return fmt.Errorf("watch cluster at %s: %w", w.clients.Server, context.Cause(ctx))
	}
	if err := refusal(w.clients.Server, probes); err != nil {
		return err
	}
	for _, k := range w.kinds {
		if !k.wait(ctx) {
			return fmt.Errorf("watch cluster at %s: %w", w.clients.Server, context.Cause(ctx))
		}
	}
	return nil
}

// start tries kinds and follows those that may be listed.
func (w *Watcher) start(ctx context.Context, serves served, kinds []*kindCache) []listing {
	probes := make([]listing, len(kinds))
	var tries sync.WaitGroup
	slots := make(chan struct{}, concurrent)
	for i, k := range kinds {
		tries.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			probes[i] = read(ctx, w.clients, serves, k.resource, w.opt.Namespace, firstOnly)
		})
	}
	tries.Wait()
	for i, k := range kinds {
		if !k.begin(probes[i]) {
			continue
		}
		version, _ := serves.version(k.resource)
		informer, err := k.prepare(w, version)
		if err != nil {
			k.fail(w, err)
			continue
		}
		w.running.Go(func() { informer.RunWithContext(ctx) })
		w.running.Go(func() {
			select {
			case <-informer.HasSyncedChecker().Done():
				w.touch() // an empty list brings no event, but that it is empty is known only now
			case <-ctx.Done():
			}
		})
	}
	return probes
}

// retry looks again for kinds that could not be followed.
func (w *Watcher) retry(ctx context.Context) {
	pause := w.opt.LookAgain
	timer := time.NewTimer(pause)
	defer timer.Stop()
	left := 0 // kinds that were not followed the last time
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		var idle []*kindCache
		for _, k := range w.kinds {
			if !k.followed() {
				idle = append(idle, k)
			}
		}
		if len(idle) != left { // what comes seldom comes alone
			left, pause = len(idle), w.opt.LookAgain
		} else {
			pause = min(2*pause, rarestFactor*w.opt.LookAgain)
		}
		timer.Reset(pause)
		if len(idle) == 0 {
			continue
		}
		serves, err := discover(ctx, w.clients)
		if err != nil {
			continue // it does not answer: the kinds that are followed say so
		}
		w.start(ctx, serves, idle)
	}
}

// touch says that something has changed of what can be seen.
func (w *Watcher) touch() {
	w.anew.Add(1)
	w.moved()
}

// moved says that an object has changed, which is noted.
func (w *Watcher) moved() {
	w.version.Add(1)
	select {
	case w.changed <- struct{}{}:
	default: // somebody has still to look at the last change, and will see this one as well
	}
}

// Heard grows with all that the API server tells.
func (w *Watcher) Heard() uint64 { return w.heard.Load() }

// Changed yields after changes: at least once after the last of several. It is never closed.
func (w *Watcher) Changed() <-chan struct{} { return w.changed }

// Snapshot gives the present state. It costs nothing if nothing has changed since the last call, and little if only
// objects have: the snapshot is made of the last one, and shares with it what is still the same.
func (w *Watcher) Snapshot() *snapshot.Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.opt.Now()
	// Before the caches are read: a change in between is seen next time.
	version, anew := w.version.Load(), w.anew.Load()
	switch {
	case w.built != nil && w.of == version:
		return w.built.AsOf(at)
	case w.built != nil && w.whole == anew:
		var put []snapshot.Stored
		var gone []model.Ref
		for _, k := range w.kinds {
			put, gone = k.news(put, gone)
		}
		w.built = w.built.WithStored(put, gone).AsOf(at)
	default:
		b := snapshot.NewBuilder()
		b.Cover(snapshot.Secrets, snapshot.NotRead, "", whyNoSecrets)
		for _, k := range w.kinds {
			k.fill(b)
		}
		w.built = b.Seal(at)
	}
	w.of, w.whole = version, anew
	return w.built
}

// Deleted lists the objects that were deleted lately and do not exist again, newest first, as they
// were: Services, Ingresses and HTTPRoutes, which nothing else remembers. Callers must not write
// to them.
func (w *Watcher) Deleted() []metav1.Object {
	var objects []metav1.Object
	for _, d := range w.deleted.list() {
		objects = append(objects, d.Object)
	}
	return objects
}

// Deletions is Deleted with the times.
func (w *Watcher) Deletions() []Deletion { return w.deleted.list() }

// OnPods has a handler told of every pod that there is, and of what becomes of them, as they are kept: not all of their
// fields are. While pods cannot be listed the registration is nil and why says why not; the handler is told once they can.
func (w *Watcher) OnPods(h cache.ResourceEventHandler) (r cache.ResourceEventHandlerRegistration, why string) {
	i := slices.IndexFunc(w.kinds, func(k *kindCache) bool { return k.resource.kind == snapshot.Pods })
	return w.kinds[i].tell(opened{h})
}

// Stop ends the watch and waits until nothing of it runs any more.
func (w *Watcher) Stop() {
	w.stop()
	w.running.Wait()
}
