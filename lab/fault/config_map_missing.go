package fault

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// configMapMissing rolls out a revision that needs a ConfigMap that nobody made.
func configMapMissing() Fault {
	return Fault{
		Name: "config-map-missing", Title: "a new revision takes its environment from a ConfigMap that does not exist",
		Gateway: "nginx", Route: manifest.Host(manifest.Web), WantStatus: []int{503, 502},
		WantLog:    `" 503 190 .* \[shop-web-80\] \[\] - - - - [0-9a-f]{32}$`,
		WantCauses: []string{"config-missing"}, WantObject: "ConfigMap shop/web-settings",
		Inject: deploy(manifest.Web, func(d *appsv1.Deployment) {
			allAtOnce(d)
			only(d).EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: "web-settings"},
			}}}
		}),
		Restore: reset,
	}
}
