package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// crashLoop rolls out a revision that exits as soon as it starts.
func crashLoop() Fault {
	return Fault{
		Name: "crash-loop", Title: "a new revision exits with code 1 at start",
		Gateway: "envoy-json", Route: manifest.Host("cart-gw"), WantStatus: []int{503},
		WantLog:    `"authority":"cart-gw\.shop\.test".*"response_code":503,"response_flags":"UH"`,
		WantCauses: []string{"bad-rollout", "container-crashloop"}, WantObject: "Deployment shop/cart",
		Inject: deploy(manifest.Cart, func(d *appsv1.Deployment) {
			allAtOnce(d)
			setEnv(d, "SHOP_VERSION", "v2")
			setEnv(d, "SHOP_EXIT_AT_ONCE", "true")
		}),
		Restore: reset,
	}
}
