package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// scaledToZero takes all replicas away.
func scaledToZero() Fault {
	return Fault{
		Name: "scaled-to-zero", Title: "the Deployment was scaled to zero",
		Gateway: "envoy-json", Route: manifest.Host("cart-gw"), WantStatus: []int{503},
		WantLog:    `"authority":"cart-gw\.shop\.test".*"response_code":503,"response_flags":"UH"`,
		WantCauses: []string{"no-replicas"}, WantObject: "Deployment shop/cart",
		Inject: deploy(manifest.Cart, func(d *appsv1.Deployment) {
			none := int32(0)
			d.Spec.Replicas = &none
		}),
		Restore: reset,
	}
}
