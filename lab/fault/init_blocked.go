package fault

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// initBlocked rolls out a revision whose init container exits with an error.
func initBlocked() Fault {
	return Fault{
		Name: "init-blocked", Title: "a new revision's init container fails",
		Gateway: "haproxy", Route: manifest.Host(manifest.API), WantStatus: []int{503, 502},
		WantLog:    ` http shop_svc_api_http/<NOSRV> 0/-1/-1/-1/\d+ 503 \d+ - - SC-- `,
		WantCauses: []string{"init-blocked"}, WantObject: "Deployment shop/api",
		Inject: deploy(manifest.API, func(d *appsv1.Deployment) {
			allAtOnce(d)
			first := *only(d).DeepCopy()
			first.Name, first.Args = "migrate", []string{"--exit-at-once"}
			first.ReadinessProbe, first.LivenessProbe, first.Lifecycle, first.Ports = nil, nil, nil, nil
			d.Spec.Template.Spec.InitContainers = []corev1.Container{first}
		}),
		Restore: reset,
	}
}
