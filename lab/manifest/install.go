package manifest

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/gatemend/gatemend/lab/gateway/contour"
	"github.com/gatemend/gatemend/lab/gateway/haproxy"
	"github.com/gatemend/gatemend/lab/gateway/nginx"
	"github.com/gatemend/gatemend/lab/image"
)

// Install brings up gateways, shop and routes and returns when requests can be served. It may be called
// again on a cluster that has them: what differs is put right. The cluster must serve the Gateway API and
// Contour's kinds already. say is told what is being waited for.
func (c *Client) Install(ctx context.Context, say func(string)) error {
	say("deploying gateways and shop")
	contourImage := image.Ref("contour")
	pairs := []contour.Pair{contour.Ingress(), contour.Gateway()}
	objects := contour.Shared()
	for _, p := range pairs {
		objects = append(objects, p.ControlPlane(contourImage)...)
	}
	objects = append(objects, contour.GatewayObjects()...)
	objects = append(objects, nginx.Objects(image.Ref("nginx-gateway"))...)
	objects = append(objects, haproxy.Objects(image.Ref("haproxy-gateway"))...)
	if err := c.Apply(ctx, objects...); err != nil {
		return err
	}
	// An Envoy that is made before its controller's Service is known on the node would never find it.
	for _, p := range pairs {
		say("waiting for " + p.Control)
		if err := c.RolledOut(ctx, contour.Namespace, p.Control); err != nil {
			return err
		}
		if err := c.leads(ctx, contour.Namespace, p.Control); err != nil {
			return err
		}
		if err := c.Apply(ctx, p.DataPlane(contourImage, image.Ref("envoy"))...); err != nil {
			return err
		}
	}
	// Only now: what Contour would write into the status of an Ingress that was there before it led may be lost, as its
	// two workers for that start side by side and the one that writes drops what comes before it is up (StatusUpdateWriter).
	if err := c.Replace(ctx, Shop()...); err != nil {
		return err
	}
	for _, g := range Gateways() {
		say("waiting for " + g.Service)
		if err := c.RolledOut(ctx, g.Namespace, g.Service); err != nil {
			return err
		}
	}
	say("waiting for the shop")
	return c.Healthy(ctx)
}

// Reset puts the shop back to what [Shop] says and waits until it is healthy.
func (c *Client) Reset(ctx context.Context) error {
	if err := c.Replace(ctx, Shop()...); err != nil {
		return err
	}
	return c.Healthy(ctx)
}

// Healthy waits until every Deployment of the shop is rolled out, every Service has an endpoint for each
// replica, and every route is accepted by its gateway.
func (c *Client) Healthy(ctx context.Context) error {
	for _, role := range []string{Web, Cart, API} {
		if err := c.RolledOut(ctx, Namespace, role); err != nil {
			return err
		}
		if err := c.Endpoints(ctx, role, int(*Deployment(role).Spec.Replicas)); err != nil {
			return err
		}
	}
	for _, role := range []string{Web, Cart, API} {
		if err := c.published(ctx, role); err != nil {
			return err
		}
	}
	return c.accepted(ctx)
}

// Endpoints waits until a Service of the shop has exactly so many ready endpoints on the port on which the shop listens.
func (c *Client) Endpoints(ctx context.Context, service string, want int) error {
	return Until(ctx, "endpoints of service "+service, func(ctx context.Context) (string, error) {
		list, err := c.Kube.DiscoveryV1().EndpointSlices(Namespace).List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + service})
		if err != nil {
			return "", err //nolint:wrapcheck // Until says what it waits for
		}
		got := 0
		for _, s := range list.Items {
			if len(s.Ports) != 1 || s.Ports[0].Port == nil || *s.Ports[0].Port != containerPort {
				continue // made for an earlier form of the Service
			}
			for _, e := range s.Endpoints {
				if e.Conditions.Ready == nil || *e.Conditions.Ready {
					got++
				}
			}
		}
		if got != want {
			return fmt.Sprintf("%d ready, %d wanted", got, want), nil
		}
		return "", nil
	})
}

// leads waits until a controller holds the Lease of its name.
func (c *Client) leads(ctx context.Context, namespace, name string) error {
	return Until(ctx, "lease "+namespace+"/"+name, func(ctx context.Context) (string, error) {
		lease, err := c.Kube.CoordinationV1().Leases(namespace).Get(ctx, name, metav1.GetOptions{})
		if err == nil && ptr.Deref(lease.Spec.HolderIdentity, "") == "" {
			return "nobody holds it", nil
		}
		return "", err //nolint:wrapcheck // Until says what it waits for
	})
}

func (c *Client) published(ctx context.Context, ingress string) error {
	return Until(ctx, "ingress "+ingress, func(ctx context.Context) (string, error) {
		ing, err := c.Kube.NetworkingV1().Ingresses(Namespace).Get(ctx, ingress, metav1.GetOptions{})
		if err == nil && len(ing.Status.LoadBalancer.Ingress) == 0 {
			return "no gateway has put its address into the status", nil
		}
		return "", err //nolint:wrapcheck // Until says what it waits for
	})
}

// accepted waits for the HTTPRoute's conditions, in the generation that is current.
func (c *Client) accepted(ctx context.Context) error {
	route := CartRoute()
	return Until(ctx, "httproute "+route.Name, func(ctx context.Context) (string, error) {
		u, err := c.Dynamic.Resource(schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}).
			Namespace(Namespace).Get(ctx, route.Name, metav1.GetOptions{})
		if err != nil {
			return "", err //nolint:wrapcheck // Until says what it waits for
		}
		live := CartRoute()
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, live); err != nil {
			return "", fmt.Errorf("read httproute: %w", err)
		}
		for _, p := range live.Status.Parents {
			accepted := meta.FindStatusCondition(p.Conditions, "Accepted")
			if meta.IsStatusConditionTrue(p.Conditions, "ResolvedRefs") && accepted != nil &&
				accepted.Status == metav1.ConditionTrue && accepted.ObservedGeneration == live.Generation {
				return "", nil
			}
		}
		return "no gateway has accepted it", nil
	})
}
