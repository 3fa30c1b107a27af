package fault

import (
	"context"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/lab/manifest"
)

// wrongTargetPort leads the Service to a port on which nobody listens. Endpoints look healthy; every
// connection is refused.
func wrongTargetPort() Fault {
	return Fault{
		Name: "wrong-target-port", Title: "the Service's targetPort is 9090, the pods listen on 8080",
		Gateway: "envoy", Route: manifest.Host(manifest.Cart), WantStatus: []int{503},
		WantLog:    `" 503 UF 0 \d+ .*"cart\.shop\.test" "[\d.]+:9090"$`,
		WantCauses: []string{"target-port-mismatch"}, WantObject: "Service shop/cart",
		Inject: func(ctx context.Context, c *manifest.Client) error {
			s := manifest.Service(manifest.Cart)
			s.Spec.Ports[0].TargetPort = intstr.FromInt32(9090)
			return c.Replace(ctx, s)
		},
		Restore: reset,
	}
}
