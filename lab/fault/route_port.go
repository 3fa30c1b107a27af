package fault

import (
	"context"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// routePort makes the HTTPRoute name a port that the Service does not have.
func routePort() Fault {
	return Fault{
		Name: "route-port", Title: "the HTTPRoute names port 8081, the Service has port 80",
		Gateway: "envoy-json", Route: manifest.Host("cart-gw"), WantStatus: []int{500, 503},
		WantLog:    `"authority":"cart-gw\.shop\.test".*"response_code":50[03]`,
		WantCauses: []string{"service-port-missing"}, WantObject: "HTTPRoute shop/cart-gw",
		Inject: func(ctx context.Context, c *manifest.Client) error {
			r, port := manifest.CartRoute(), gatewayv1.PortNumber(8081)
			r.Spec.Rules[0].BackendRefs[0].Port = &port
			return c.Replace(ctx, r)
		},
		Restore: reset,
	}
}
