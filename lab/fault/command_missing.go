package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// commandMissing rolls out a revision whose command does not exist in its image.
func commandMissing() Fault {
	return Fault{
		Name: "command-missing", Title: "a new revision's command is not in the image",
		Gateway: "envoy", Route: manifest.Host(manifest.Cart), WantStatus: []int{503},
		WantLog:    `" 503 UH 0 \d+ .*"cart\.shop\.test" "-"$`,
		WantCauses: []string{"bad-rollout", "container-crashloop"}, WantObject: "Deployment shop/cart",
		Inject: deploy(manifest.Cart, func(d *appsv1.Deployment) {
			allAtOnce(d)
			only(d).Command = []string{"/usr/local/bin/cart-server"}
		}),
		Restore: reset,
	}
}
