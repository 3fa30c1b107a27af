package kube

import (
	"context"
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// kindCache follows one resource.
type kindCache struct {
	resource resource

	mu       sync.Mutex
	probed   listing // what may be seen
	informer cache.SharedIndexInformer
	failing  string // why the last call failed; empty if it did not
}

// begin takes over what a probe has found and reports whether the kind can be followed now.
func (k *kindCache) begin(probed listing) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.probed = probed
	return probed.coverage == snapshot.Complete || probed.coverage == snapshot.Partial
}

func (k *kindCache) followed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.informer != nil
}

// prepare makes the informer.
func (k *kindCache) prepare(w *Watcher, version string) (cache.SharedIndexInformer, error) {
	k.mu.Lock()
	from := k.resource.in(w.clients, version, k.probed.scope)
	k.mu.Unlock()
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			list, err := from.list(ctx, opts)
			k.fail(w, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
			stream, err := from.watch(ctx, opts)
			k.fail(w, err)
			return stream, err
		},
	}
	informer := cache.NewSharedIndexInformer(
		cache.ToListWatcherWithWatchListSemantics(lw, w.clients.Kube), k.resource.example(), 0, cache.Indexers{})
	if err := informer.SetTransform(slim); err != nil {
		return nil, fmt.Errorf("follow %s: %w", k.resource, err)
	}
	// The default handler logs to stderr; failures are told by the coverage instead.
	if err := informer.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) {}); err != nil {
		return nil, fmt.Errorf("follow %s: %w", k.resource, err)
	}
	if _, err := informer.AddEventHandler(w.handler(k.resource.kind)); err != nil {
		return nil, fmt.Errorf("follow %s: %w", k.resource, err)
	}
	k.mu.Lock()
	k.informer = informer
	k.mu.Unlock()
	return informer, nil
}

// handler reacts to changes of one kind.
func (w *Watcher) handler(kind snapshot.Kind) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) {
			if typed, ok := o.(metav1.Object); ok && remembers(kind) {
				w.deleted.revive(typed)
			}
			w.touch()
		},
		UpdateFunc: func(_, _ any) { w.touch() },
		DeleteFunc: func(o any) {
			if unknown, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = unknown.Obj // it went while the watch was broken; this is how it was last seen
			}
			if typed, ok := o.(metav1.Object); ok && remembers(kind) {
				w.deleted.bury(typed)
			}
			w.touch()
		},
	}
}

// fail keeps why the last call failed, or that it did not.
func (k *kindCache) fail(w *Watcher, err error) {
	why := ""
	if err != nil {
		why = words(err)
	}
	k.mu.Lock()
	changed := k.failing != why
	k.failing = why
	k.mu.Unlock()
	if changed {
		w.touch()
	}
}

// wait waits for the first state; false if ctx ended first.
func (k *kindCache) wait(ctx context.Context) bool {
	k.mu.Lock()
	informer := k.informer
	k.mu.Unlock()
	if informer == nil {
		return true
	}
	select {
	case <-informer.HasSyncedChecker().Done():
		return true
	case <-ctx.Done():
		return false
	}
}

// fill puts what is known of the kind into a snapshot.
func (k *kindCache) fill(b *snapshot.Builder) {
	k.mu.Lock()
	defer k.mu.Unlock()
	coverage, why := k.probed.coverage, k.probed.why
	if k.informer == nil {
		k.resource.cover(b, coverage, k.probed.scope, why)
		return
	}
	for _, o := range k.informer.GetStore().List() {
		typed, ok := o.(metav1.Object)
		if !ok {
			continue // slim lets only objects with metadata through
		}
		if err := b.Add(typed); err != nil {
			b.Note(k.resource.String(), err.Error())
		}
	}
	scope := k.probed.scope
	switch {
	case !k.informer.HasSynced():
		coverage, scope, why = snapshot.Failed, "", "it is still being read"
	case k.failing != "":
		// What is missing may have been made since: it is not known to be absent, not even in scope.
		coverage, scope, why = snapshot.Partial, "", "it is not current: "+k.failing
	}
	k.resource.cover(b, coverage, scope, why)
}

// slim takes out of an object what nobody reads before it is kept. Managed fields stay on what may
// be changed, since they tell who owns a field, and who changed it when (package timeline).
func slim(o any) (any, error) {
	object, ok := o.(runtime.Object)
	if !ok {
		return o, nil // the mark of an object that went unseen
	}
	typed, err := known(object)
	if err != nil {
		return nil, err
	}
	switch snapshot.KindOf(typed) {
	case snapshot.Services, snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.GRPCRoutes, snapshot.Gateways,
		snapshot.Deployments, snapshot.StatefulSets, snapshot.DaemonSets, snapshot.HorizontalAutoscalers,
		snapshot.NetworkPolicies, snapshot.ConfigMaps, snapshot.IngressClasses, snapshot.ReferenceGrants, snapshot.Other:
	default:
		typed.SetManagedFields(nil)
	}
	return typed, nil
}
