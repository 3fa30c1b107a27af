package fault

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// secretMissing rolls out a revision that mounts a Secret that nobody made.
func secretMissing() Fault {
	return Fault{
		Name: "secret-missing", Title: "a new revision mounts a Secret that does not exist",
		Gateway: "haproxy", Route: manifest.Host(manifest.API), WantStatus: []int{503, 502},
		WantLog:    ` http shop_svc_api_http/<NOSRV> 0/-1/-1/-1/\d+ 503 \d+ - - SC-- `,
		WantCauses: []string{"config-missing"}, WantObject: "Secret shop/api-key",
		Inject: deploy(manifest.API, func(d *appsv1.Deployment) {
			allAtOnce(d)
			d.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "key", VolumeSource: corev1.VolumeSource{
				Secret: &corev1.SecretVolumeSource{SecretName: "api-key"},
			}}}
			only(d).VolumeMounts = []corev1.VolumeMount{{Name: "key", MountPath: "/key"}}
		}),
		Restore: reset,
	}
}
