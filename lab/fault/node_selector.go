package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// nodeSelector rolls out a revision that no node's labels fit.
func nodeSelector() Fault {
	return Fault{
		Name: "node-selector", Title: "a new revision wants nodes of a pool that does not exist",
		Gateway: "envoy", Route: manifest.Host(manifest.Cart), WantStatus: []int{503},
		WantLog:    `" 503 UH 0 \d+ .*"cart\.shop\.test" "-"$`,
		WantCauses: []string{"unschedulable"}, WantObject: "Deployment shop/cart",
		Inject: deploy(manifest.Cart, func(d *appsv1.Deployment) {
			allAtOnce(d)
			d.Spec.Template.Spec.NodeSelector = map[string]string{"pool": "gold"}
		}),
		Restore: reset,
	}
}
