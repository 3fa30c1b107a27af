package fault

import (
	"context"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/lab/manifest"
)

// namedPortMissing leads the Service to a port name that no container declares: its slices have no port.
func namedPortMissing() Fault {
	return Fault{
		Name: "named-port-missing", Title: "the Service's targetPort is named http-web, the pods' port http",
		Gateway: "envoy", Route: manifest.Host(manifest.Cart), WantStatus: []int{503},
		WantLog:    `" 503 UH 0 \d+ .*"cart\.shop\.test" "-"$`,
		WantCauses: []string{"named-port-missing"}, WantObject: "Service shop/cart",
		Inject: func(ctx context.Context, c *manifest.Client) error {
			s := manifest.Service(manifest.Cart)
			s.Spec.Ports[0].TargetPort = intstr.FromString("http-web")
			return c.Replace(ctx, s)
		},
		Restore: reset,
	}
}
