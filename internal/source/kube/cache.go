package kube

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// kindCache follows one resource.
type kindCache struct {
	resource resource

	mu       sync.Mutex
	probed   listing // what may be seen
	informer cache.SharedIndexInformer
	failing  string                       // why the last call failed; empty if it did not
	read     bool                         // a snapshot has been made of it
	also     []cache.ResourceEventHandler // that are told of changes, too
	// dirty has the last word of what has changed since the last snapshot, by the key under which the informer keeps it. What it
	// is now is read from the informer: this may be older.
	dirty map[string]snapshot.Stored
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
	if err := informer.SetTransform(w.slim); err != nil {
		return nil, fmt.Errorf("follow %s: %w", k.resource, err)
	}
	// The default handler logs to stderr; failures are told by the coverage instead.
	if err := informer.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) {}); err != nil {
		return nil, fmt.Errorf("follow %s: %w", k.resource, err)
	}
	if _, err := informer.AddEventHandler(w.handler(k)); err != nil {
		return nil, fmt.Errorf("follow %s: %w", k.resource, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.also {
		if _, err := informer.AddEventHandler(h); err != nil {
			return nil, fmt.Errorf("follow %s: %w", k.resource, err)
		}
	}
	k.informer = informer
	return informer, nil
}

// tell has a handler told of every object of the kind, now or once it can be followed.
func (k *kindCache) tell(h cache.ResourceEventHandler) (r cache.ResourceEventHandlerRegistration, why string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.informer == nil {
		k.also = append(k.also, h)
		return nil, cmp.Or(k.probed.why, k.failing, k.probed.coverage.String())
	}
	r, err := k.informer.AddEventHandler(h)
	if err != nil {
		return nil, err.Error() // it has been stopped
	}
	return r, ""
}

// handler reacts to changes of one kind.
func (w *Watcher) handler(k *kindCache) cache.ResourceEventHandler {
	kind := k.resource.kind
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) {
			if s, ok := o.(snapshot.Stored); ok && remembers(kind) {
				w.deleted.revive(snapshot.StoredRef(s))
			}
			w.note(k, o)
		},
		UpdateFunc: func(_, o any) { w.note(k, o) },
		DeleteFunc: func(o any) {
			if unknown, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = unknown.Obj // it went while the watch was broken; this is how it was last seen
			}
			if remembers(kind) {
				if typed, ok := open(o).(metav1.Object); ok {
					w.deleted.bury(typed)
				}
			}
			w.note(k, o)
		},
	}
}

// note keeps that an object has changed.
func (w *Watcher) note(k *kindCache, o any) {
	w.heard.Add(1)
	if s, ok := o.(snapshot.Stored); ok {
		k.note(s)
		w.moved()
	}
}

// note keeps that an object has changed.
func (k *kindCache) note(o snapshot.Stored) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.read {
		return // it will be, with this in it
	}
	if k.dirty == nil {
		k.dirty = map[string]snapshot.Stored{}
	}
	k.dirty[cache.NewObjectName(o.GetNamespace(), o.GetName()).String()] = o
}

// news adds what has changed since the last time: objects that are there, and the names of those that are gone.
func (k *kindCache) news(put []snapshot.Stored, gone []model.Ref) ([]snapshot.Stored, []model.Ref) {
	k.mu.Lock()
	dirty, informer := k.dirty, k.informer
	k.dirty = nil
	k.mu.Unlock()
	for key, last := range dirty {
		o, exists, err := informer.GetStore().GetByKey(key)
		if now, ok := o.(snapshot.Stored); ok && exists && err == nil {
			put = append(put, now)
		} else {
			gone = append(gone, snapshot.StoredRef(last))
		}
	}
	return put, gone
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
	k.read, k.dirty = true, nil // what was noted is in what is read now
	coverage, why := k.probed.coverage, k.probed.why
	if k.informer == nil {
		k.resource.cover(b, coverage, k.probed.scope, why)
		return
	}
	for _, o := range k.informer.GetStore().List() {
		stored, ok := o.(snapshot.Stored)
		if !ok {
			continue // slim lets only objects with metadata through
		}
		if err := b.Put(stored); err != nil {
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
func (w *Watcher) slim(o any) (any, error) {
	object, ok := o.(runtime.Object)
	if !ok {
		return o, nil // the mark of an object that went unseen
	}
	typed, err := known(object)
	if err != nil {
		return nil, err
	}
	switch typed := typed.(type) {
	case *corev1.Pod:
		trim(typed)
	case *discoveryv1.EndpointSlice:
		trimSlice(typed)
	case *corev1.Node:
		typed.Status.Images = nil // up to 50 images of two long names each
	}
	switch snapshot.KindOf(typed) {
	case snapshot.Services, snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.GRPCRoutes, snapshot.Gateways,
		snapshot.Deployments, snapshot.StatefulSets, snapshot.DaemonSets, snapshot.HorizontalAutoscalers,
		snapshot.NetworkPolicies, snapshot.ConfigMaps, snapshot.IngressClasses, snapshot.ReferenceGrants, snapshot.Other:
	default:
		typed.SetManagedFields(nil)
	}
	return w.share.pack(typed)
}
