package fault

import (
	"context"

	"github.com/gatemend/gatemend/lab/gateway/nginx"
	"github.com/gatemend/gatemend/lab/manifest"
)

// backendMissing makes the Ingress name a Service that was never there, beside the one that is.
func backendMissing() Fault {
	return Fault{
		Name: "backend-missing", Title: "the Ingress names Service webs, the Service is web",
		Gateway: "nginx", Route: manifest.Host(manifest.Web), WantStatus: []int{503},
		WantLog:    `" 503 190 .* \[shop-webs-80\] \[\] - - - - [0-9a-f]{32}$`,
		WantCauses: []string{"service-missing"}, WantObject: "Ingress shop/web",
		Asks: true,
		Inject: func(ctx context.Context, c *manifest.Client) error {
			ing := manifest.Ingress(manifest.Web, nginx.Class)
			ing.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name = "webs"
			return c.Replace(ctx, ing)
		},
		Restore: reset,
	}
}
