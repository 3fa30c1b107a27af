package fault

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// imagePull rolls out an image whose registry does not answer: nothing listens on that port of the node.
func imagePull() Fault {
	return Fault{
		Name: "image-pull", Title: "a new revision names an image in a registry that does not answer",
		Gateway: "envoy-json", Route: manifest.Host("cart-gw"), WantStatus: []int{503},
		WantLog:    `"authority":"cart-gw\.shop\.test".*"response_code":503,"response_flags":"UH"`,
		WantCauses: []string{"image-pull"}, WantObject: "Deployment shop/cart",
		Inject: deploy(manifest.Cart, func(d *appsv1.Deployment) {
			allAtOnce(d)
			only(d).Image = "127.0.0.1:5000/shop:v2"
			only(d).ImagePullPolicy = corev1.PullIfNotPresent
		}),
		Restore: reset,
	}
}
