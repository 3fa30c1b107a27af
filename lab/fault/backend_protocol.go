package fault

import (
	"context"

	"github.com/gatemend/gatemend/lab/gateway/nginx"
	"github.com/gatemend/gatemend/lab/manifest"
)

// backendProtocol makes nginx speak TLS to pods that do not.
func backendProtocol() Fault {
	return Fault{
		Name: "backend-protocol", Title: "the Ingress says backend-protocol HTTPS, the pods speak HTTP",
		Gateway: "nginx", Route: manifest.Host(manifest.Web), WantStatus: []int{502},
		WantLog:    `SSL_do_handshake\(\) failed`,
		WantCauses: []string{"tls-backend-mismatch"}, WantObject: "Ingress shop/web",
		Inject: func(ctx context.Context, c *manifest.Client) error {
			ing := manifest.Ingress(manifest.Web, nginx.Class)
			ing.Annotations = map[string]string{"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"}
			return c.Replace(ctx, ing)
		},
		Restore: reset,
	}
}
