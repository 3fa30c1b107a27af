package podlog

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/gatemend/gatemend/internal/proxy/all"
)

// listingPods is what cannot be seen when pods cannot be listed.
const listingPods = "gateway pods"

// discover hears of pods until ctx is done, and starts and ends streams.
func (f *Follower) discover(ctx context.Context) {
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { f.seen(ctx, o) },
		UpdateFunc: func(before, o any) { f.updated(ctx, before, o) },
		DeleteFunc: func(o any) { f.gone(ctx, o) },
	}
	registration, end, why := f.register(ctx, handler)
	switch {
	case why != "":
		f.feed.Note(listingPods, why)
	case cache.WaitForCacheSync(ctx.Done(), registration.HasSynced):
		f.feed.Note(listingPods, "") // there may be no pod at all, whose arrival would take the note back
		close(f.listed)
	}
	<-ctx.Done()
	end()
}

// register has a handler told of pods, by whoever watches them already or else by a watch of its own. end waits for that.
func (f *Follower) register(ctx context.Context, h cache.ResourceEventHandler) (r cache.ResourceEventHandlerRegistration, end func(), why string) {
	if f.options.Pods != nil {
		r, why := f.options.Pods.OnPods(h)
		return r, func() {}, why
	}
	factory := informers.NewSharedInformerFactoryWithOptions(f.client, 0,
		informers.WithNamespace(f.options.Namespace), informers.WithTransform(shrink))
	informer := factory.Core().V1().Pods().Informer()
	// Both calls fail only on an informer that was started.
	_ = informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, r *cache.Reflector, err error) {
		f.listFailed(err)
		cache.DefaultWatchErrorHandler(ctx, r, err)
	})
	r, err := informer.AddEventHandler(h)
	if err != nil {
		return nil, func() {}, err.Error()
	}
	factory.StartWithContext(ctx)
	return r, factory.Shutdown, ""
}

// listFailed notes that pods cannot be listed. A watch that merely ended is opened again by the informer.
func (f *Follower) listFailed(err error) {
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || apierrors.IsTooManyRequests(err) {
		return
	}
	why := fmt.Errorf("list pods: %w", err).Error()
	if apierrors.IsForbidden(err) {
		why = "listing pods is forbidden"
	}
	f.feed.Note(listingPods, why)
}

func (f *Follower) seen(ctx context.Context, o any) {
	if pod, ok := o.(*corev1.Pod); ok {
		f.feed.Note(listingPods, "")
		f.add(ctx, pod)
	}
}

// updated hears of a pod's new state. While nobody listened it may have been deleted, and another one made of its name.
func (f *Follower) updated(ctx context.Context, before, o any) {
	old, known := before.(*corev1.Pod)
	if pod, ok := o.(*corev1.Pod); ok && known && old.UID != pod.UID {
		f.gone(ctx, old)
	}
	f.seen(ctx, o)
}

func (f *Follower) gone(ctx context.Context, o any) {
	if tombstone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = tombstone.Obj
	}
	if pod, ok := o.(*corev1.Pod); ok {
		f.remove(ctx, pod.UID)
	}
}

// shrink drops all of a pod that following does not need, so that the cache stays small in large
// clusters: of pods that are no gateways only the name remains.
func shrink(o any) (any, error) {
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return o, nil
	}
	small := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
	}}
	if _, _, gateway := all.ForPod(pod); gateway {
		small.Labels = pod.Labels
		small.Spec.Containers = pod.Spec.Containers
		small.Spec.NodeName = pod.Spec.NodeName
		small.Status.Phase = pod.Status.Phase
		small.Status.ContainerStatuses = pod.Status.ContainerStatuses
	}
	return small, nil
}
