package fault

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/gatemend/gatemend/lab/manifest"
)

// unschedulable rolls out a revision that asks for more CPU than any node has.
func unschedulable() Fault {
	return Fault{
		Name: "unschedulable", Title: "a new revision requests 100 CPUs",
		Gateway: "haproxy", Route: manifest.Host(manifest.API), WantStatus: []int{503, 502},
		WantLog:    ` http shop_svc_api_http/<NOSRV> 0/-1/-1/-1/\d+ 503 \d+ - - SC-- `,
		WantCauses: []string{"unschedulable"}, WantObject: "Deployment shop/api",
		Inject: deploy(manifest.API, func(d *appsv1.Deployment) {
			allAtOnce(d)
			only(d).Resources.Requests[corev1.ResourceCPU] = resource.MustParse("100")
		}),
		Restore: reset,
	}
}
