package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Controller keeps one proxy in step with the Ingresses of one class.
type Controller struct {
	Class   string
	Settle  time.Duration        // see Watch
	Publish types.NamespacedName // the gateway's own Service: its address goes into the Ingresses' status
	Render  func(Table) string   // the proxy's configuration
	Process *Process
	Info    func(message string)
	Warn    func(message string)
}

// Run works until ctx ends, then lets the proxy finish. It fails when the proxy ends by itself.
func (c *Controller) Run(ctx context.Context, client kubernetes.Interface) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := Watch(ctx, client, c.Settle, func(ctx context.Context, o Objects) error {
		return c.apply(ctx, client, o, cancel)
	}, func(err error) { c.Warn(err.Error()) })
	if err == nil && !errors.Is(context.Cause(ctx), ctx.Err()) {
		err = context.Cause(ctx)
	}
	if e := c.Process.Stop(10 * time.Second); err == nil {
		err = e
	}
	return err
}

func (c *Controller) apply(ctx context.Context, client kubernetes.Interface, o Objects, died context.CancelCauseFunc) error {
	table := Read(c.Class, o)
	first := c.Process.Done() == nil
	changed, err := c.Process.Load(ctx, c.Render(table))
	if err != nil {
		return err
	}
	if done := c.Process.Done(); first && done != nil {
		go func() {
			died(fmt.Errorf("proxy ended by itself: %w", <-done))
		}()
	}
	if !changed {
		return c.publish(ctx, client, o)
	}
	for _, b := range table.Backends {
		name := b.Key.Namespace + "/" + b.Key.Service
		switch {
		case b.State == ServiceMissing:
			c.Warn(fmt.Sprintf("Error obtaining Endpoints for Service %q: no object matching key %q in local store", name, name))
		case len(b.Endpoints) == 0:
			c.Warn(fmt.Sprintf("Service %q does not have any active Endpoint.", name))
		}
	}
	c.Info("Backend successfully reloaded")
	return c.publish(ctx, client, o)
}

// publish writes the gateway's address into the status of its Ingresses, as clients and tools expect.
func (c *Controller) publish(ctx context.Context, client kubernetes.Interface, o Objects) error {
	address := c.address(o.Services)
	if address == "" {
		return nil
	}
	for _, ing := range o.Ingresses {
		if ing.Spec.IngressClassName == nil || *ing.Spec.IngressClassName != c.Class {
			continue
		}
		if have := ing.Status.LoadBalancer.Ingress; len(have) == 1 && have[0].IP == address {
			continue
		}
		next := ing.DeepCopy() // the cache's own object must not be changed
		next.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: address}}
		_, err := client.NetworkingV1().Ingresses(ing.Namespace).UpdateStatus(ctx, next, metav1.UpdateOptions{})
		// Somebody else wrote first or deleted it: the next change brings us back here.
		if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return fmt.Errorf("publish address of ingress %s/%s: %w", ing.Namespace, ing.Name, err)
		}
	}
	return nil
}

func (c *Controller) address(services []*corev1.Service) string {
	for _, s := range services {
		if s.Namespace == c.Publish.Namespace && s.Name == c.Publish.Name && s.Spec.ClusterIP != corev1.ClusterIPNone {
			return s.Spec.ClusterIP
		}
	}
	return ""
}
