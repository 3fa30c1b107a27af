package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// appError rolls out a revision that answers every request with 502 itself. The gateway only passes it on.
func appError() Fault {
	return Fault{
		Name: "app-error", Title: "the application itself answers 502",
		Gateway: "envoy", Route: manifest.Host(manifest.Cart), WantStatus: []int{502},
		WantLog:    `" 502 - 0 \d+ \d+ \d+ .*"cart\.shop\.test" "[\d.]+:8080"$`,
		WantCauses: []string{"app-misconfigured", "app-error", "bad-rollout"}, WantObject: "Deployment shop/cart",
		Inject:  deploy(manifest.Cart, func(d *appsv1.Deployment) { setEnv(d, "SHOP_ERROR_SHARE", "1") }),
		Restore: reset,
	}
}
