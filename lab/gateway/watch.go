package gateway

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
)

// Watch calls apply with everything there is, once at first and again whenever something changed,
// until ctx ends. After a change it waits for settle, so that a burst costs one reload; the change that
// came first decides when, so that steady churn cannot put a reload off for ever. An error of apply is
// given to report and does not end the watch: a proxy that refuses one configuration keeps the one before.
func Watch(ctx context.Context, client kubernetes.Interface, settle time.Duration, apply func(context.Context, Objects) error, report func(error)) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	ingresses := factory.Networking().V1().Ingresses()
	services := factory.Core().V1().Services()
	endpoints := factory.Discovery().V1().EndpointSlices()
	dirty := make(chan struct{}, 1)
	mark := func() {
		select {
		case dirty <- struct{}{}:
		default: // a reload is due already
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { mark() }, UpdateFunc: func(any, any) { mark() }, DeleteFunc: func(any) { mark() },
	}
	for name, informer := range map[string]cache.SharedIndexInformer{
		"ingresses": ingresses.Informer(), "services": services.Informer(), "endpointslices": endpoints.Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watch %s: %w", name, err)
		}
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	for kind, ok := range factory.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return fmt.Errorf("read %s: %w", kind, context.Cause(ctx))
		}
	}
	read := func() (Objects, error) { return listed(ingresses.Lister(), services.Lister(), endpoints.Lister()) }
	mark()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-dirty:
		}
		timer := time.NewTimer(settle)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		o, err := read()
		if err == nil {
			err = apply(ctx, o)
		}
		if err != nil {
			report(err)
		}
	}
}

// listed is everything there is.
func listed(ingresses networkinglisters.IngressLister, services corelisters.ServiceLister, endpoints discoverylisters.EndpointSliceLister) (o Objects, err error) {
	if o.Ingresses, err = ingresses.List(labels.Everything()); err != nil {
		return o, fmt.Errorf("list ingresses: %w", err)
	}
	if o.Services, err = services.List(labels.Everything()); err != nil {
		return o, fmt.Errorf("list services: %w", err)
	}
	if o.Slices, err = endpoints.List(labels.Everything()); err != nil {
		return o, fmt.Errorf("list endpointslices: %w", err)
	}
	return o, nil
}
