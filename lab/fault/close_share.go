package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// closeShare rolls out a revision that breaks a third of the requests off. Envoy does not ask another pod.
func closeShare() Fault {
	return Fault{
		Name: "close-share", Title: "a new revision closes the connection of every third request",
		Gateway: "envoy", Route: manifest.Host(manifest.Cart), WantStatus: []int{503},
		WantLog:    `" 503 UC 0 \d+ .*"cart\.shop\.test" "[\d.]+:8080"$`,
		WantCauses: []string{"app-misconfigured", "app-crash-mid-request", "bad-rollout"}, WantObject: "Deployment shop/cart",
		Inject:  deploy(manifest.Cart, func(d *appsv1.Deployment) { setEnv(d, "SHOP_CLOSE_SHARE", "0.33") }),
		Restore: reset,
	}
}
