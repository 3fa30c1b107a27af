package fault

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/gateway/nginx"
	"github.com/gatemend/gatemend/lab/manifest"
)

// readTimeout sets a limit on the route that is shorter than the application's answers take.
func readTimeout() Fault {
	return Fault{
		Name: "read-timeout", Title: "the Ingress waits 1 s for answers that take 1.5 s",
		Gateway: "nginx", Route: manifest.Host(manifest.Web), WantStatus: []int{504},
		WantLog:    `" 504 \d+ .* \[shop-web-80\] \[\] [\d.:, ]+ `,
		WantCauses: []string{"upstream-timeout", "route-annotation-wrong"}, WantObject: "Ingress shop/web",
		Asks: true,
		Inject: func(ctx context.Context, c *manifest.Client) error {
			slow := deploy(manifest.Web, func(d *appsv1.Deployment) { setEnv(d, "SHOP_RESPONSE_DELAY", "1500ms") })
			if err := slow(ctx, c); err != nil {
				return err
			}
			if err := c.RolledOut(ctx, manifest.Namespace, manifest.Web); err != nil {
				return err
			}
			ing := manifest.Ingress(manifest.Web, nginx.Class)
			ing.Annotations = map[string]string{"nginx.ingress.kubernetes.io/proxy-read-timeout": "1"}
			return c.Replace(ctx, ing)
		},
		Restore: reset,
	}
}
