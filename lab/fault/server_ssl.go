package fault

import (
	"context"

	"github.com/gatemend/gatemend/lab/gateway/haproxy"
	"github.com/gatemend/gatemend/lab/manifest"
)

// serverSSL makes HAProxy speak TLS to pods that do not.
func serverSSL() Fault {
	return Fault{
		Name: "server-ssl", Title: "the Ingress says server-ssl, the pods speak HTTP",
		Gateway: "haproxy", Route: manifest.Host(manifest.API), WantStatus: []int{503, 502},
		WantLog:    ` http shop_svc_api_http/SRV_\d \S+ 503 \d+ - - SC-- `,
		WantCauses: []string{"tls-backend-mismatch"}, WantObject: "Ingress shop/api",
		Inject: func(ctx context.Context, c *manifest.Client) error {
			ing := manifest.Ingress(manifest.API, haproxy.Class)
			ing.Annotations = map[string]string{"haproxy.org/server-ssl": "true"}
			return c.Replace(ctx, ing)
		},
		Restore: reset,
	}
}
