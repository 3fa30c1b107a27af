package fault

import (
	"context"

	"github.com/gatemend/gatemend/lab/manifest"
)

// serviceDeleted takes the Service away from under an Ingress. (Contour and HAProxy's controller drop such
// a route and answer 404.)
func serviceDeleted() Fault {
	return Fault{
		Name: "service-deleted", Title: "somebody deleted the Service that the Ingress names",
		Gateway: "nginx", Route: manifest.Host(manifest.Web), WantStatus: []int{503},
		WantLog:    `" 503 190 .* \[shop-web-80\] \[\] - - - - [0-9a-f]{32}$`,
		WantCauses: []string{"service-missing"}, WantObject: "Service shop/web",
		Asks: true,
		Inject: func(ctx context.Context, c *manifest.Client) error {
			return c.Delete(ctx, manifest.Service(manifest.Web))
		},
		Restore: reset,
	}
}
