package manifest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/gateway/contour"
	"github.com/gatemend/gatemend/lab/gateway/haproxy"
	"github.com/gatemend/gatemend/lab/gateway/nginx"
	"github.com/gatemend/gatemend/lab/image"
)

// Gateway is one of the proxies in front of the shop.
type Gateway struct {
	Name      string // nginx, envoy, envoy-json or haproxy
	Namespace string
	Service   string // and Deployment
	Container string // whose log holds the access lines
	Hosts     []string
}

// Gateways lists the proxies in a fixed order. The two Envoys differ in how they log.
func Gateways() []Gateway {
	return []Gateway{
		{Name: "nginx", Namespace: nginx.Namespace, Service: nginx.Name, Container: nginx.Container, Hosts: []string{Host(Web)}},
		{Name: "envoy", Namespace: contour.Namespace, Service: contour.Ingress().Proxy, Container: contour.Container, Hosts: []string{Host(Cart)}},
		{Name: "envoy-json", Namespace: contour.Namespace, Service: contour.Gateway().Proxy, Container: contour.Container, Hosts: []string{Host("cart-gw")}},
		{Name: "haproxy", Namespace: haproxy.Namespace, Service: haproxy.Name, Container: haproxy.Container, Hosts: []string{Host(API)}},
	}
}

// Deployment is that of the gateway, as it is installed.
func (g Gateway) Deployment() (*appsv1.Deployment, error) {
	for _, o := range slices.Concat(
		nginx.Objects(image.Ref("nginx-gateway")), haproxy.Objects(image.Ref("haproxy-gateway")),
		contour.Ingress().DataPlane(image.Ref("contour"), image.Ref("envoy")), contour.Gateway().DataPlane(image.Ref("contour"), image.Ref("envoy")),
	) {
		if d, ok := o.(*appsv1.Deployment); ok && d.Namespace == g.Namespace && d.Name == g.Service {
			return d, nil
		}
	}
	return nil, fmt.Errorf("find deployment of gateway %s: its manifests have none", g.Name)
}

// ResetGateway puts a gateway back to what its manifest says, and the shop, and waits until both are healthy.
func (c *Client) ResetGateway(ctx context.Context, g Gateway) error {
	d, err := g.Deployment()
	if err != nil {
		return err
	}
	if err := c.Replace(ctx, d); err != nil {
		return err
	}
	if err := c.RolledOut(ctx, g.Namespace, g.Service); err != nil {
		return err
	}
	return c.Reset(ctx)
}

// Address is where a gateway takes requests, inside the cluster's network.
func (c *Client) Address(ctx context.Context, g Gateway) (string, error) {
	s, err := c.Kube.CoreV1().Services(g.Namespace).Get(ctx, g.Service, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("find address of gateway %s: %w", g.Name, err)
	}
	if len(s.Spec.Ports) == 0 {
		return "", fmt.Errorf("find address of gateway %s: its service has no port", g.Name)
	}
	return net.JoinHostPort(s.Spec.ClusterIP, strconv.Itoa(int(s.Spec.Ports[0].Port))), nil
}
