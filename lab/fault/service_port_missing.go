package fault

import (
	"context"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/lab/gateway/nginx"
	"github.com/gatemend/gatemend/lab/manifest"
)

// servicePortMissing makes the Ingress name a port that the Service does not have.
func servicePortMissing() Fault {
	return Fault{
		Name: "service-port-missing", Title: "the Ingress names port 8081, the Service has port 80",
		Gateway: "nginx", Route: manifest.Host(manifest.Web), WantStatus: []int{503},
		WantLog:    `" 503 190 .* \[shop-web-8081\] \[\] - - - - [0-9a-f]{32}$`,
		WantCauses: []string{"service-port-missing"}, WantObject: "Ingress shop/web",
		Inject: func(ctx context.Context, c *manifest.Client) error {
			ing := manifest.Ingress(manifest.Web, nginx.Class)
			ing.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port = networkingv1.ServiceBackendPort{Number: 8081}
			return c.Replace(ctx, ing)
		},
		Restore: reset,
	}
}
