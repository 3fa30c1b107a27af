package fault

import (
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/lab/manifest"
)

// readinessPort rolls out a revision whose readiness probe asks a port on which nobody listens.
func readinessPort() Fault {
	return Fault{
		Name: "readiness-port", Title: "a new revision's readiness probe asks port 9999",
		Gateway: "envoy", Route: manifest.Host(manifest.Cart), WantStatus: []int{503},
		WantLog:    `" 503 UH 0 \d+ .*"cart\.shop\.test" "-"$`,
		WantCauses: []string{"readiness-probe-misconfigured"}, WantObject: "Deployment shop/cart",
		Inject: deploy(manifest.Cart, func(d *appsv1.Deployment) {
			allAtOnce(d)
			only(d).ReadinessProbe.HTTPGet.Port = intstr.FromInt32(9999)
		}),
		Restore: reset,
	}
}
