package fault

import (
	"context"

	"github.com/gatemend/gatemend/lab/gateway/haproxy"
	"github.com/gatemend/gatemend/lab/manifest"
)

// serverH2 makes HAProxy speak HTTP/2 without TLS to pods that speak HTTP/1.1.
func serverH2() Fault {
	return Fault{
		Name: "server-h2", Title: "the Ingress says server-proto h2, the pods speak HTTP/1.1",
		Gateway: "haproxy", Route: manifest.Host(manifest.API), WantStatus: []int{503},
		WantLog:    ` http shop_svc_api_http/SRV_\d \S+ 503 \d+ - - SC-- `,
		WantCauses: []string{"grpc-h2c-mismatch"}, WantObject: "Ingress shop/api",
		Inject: func(ctx context.Context, c *manifest.Client) error {
			ing := manifest.Ingress(manifest.API, haproxy.Class)
			ing.Annotations = map[string]string{"haproxy.org/server-proto": "h2"}
			return c.Replace(ctx, ing)
		},
		Restore: reset,
	}
}
