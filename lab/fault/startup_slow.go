package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// startupSlow rolls out a revision that needs longer to start than its liveness probe lets it live.
func startupSlow() Fault {
	return Fault{
		Name: "startup-slow", Title: "a new revision needs 30 s to start, its liveness probe waits 10",
		Gateway: "envoy-json", Route: manifest.Host("cart-gw"), WantStatus: []int{503},
		WantLog:    `"authority":"cart-gw\.shop\.test".*"response_code":503,"response_flags":"UH"`,
		WantCauses: []string{"startup-too-slow", "liveness-probe-kills"}, WantObject: "Deployment shop/cart",
		Inject: deploy(manifest.Cart, func(d *appsv1.Deployment) {
			allAtOnce(d)
			setEnv(d, "SHOP_START_DELAY", "30s")
			only(d).LivenessProbe.FailureThreshold = 2
		}),
		Restore: reset,
	}
}
