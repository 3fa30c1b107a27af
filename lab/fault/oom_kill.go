package fault

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/gatemend/gatemend/lab/manifest"
)

// oomKill rolls out a revision whose memory limit is below what the application needs to start.
func oomKill() Fault {
	return Fault{
		Name: "oom-kill", Title: "a new revision's memory limit of 32Mi is below the working set of 48Mi",
		Gateway: "haproxy", Route: manifest.Host(manifest.API), WantStatus: []int{503, 502},
		WantLog:    ` http shop_svc_api_http/<NOSRV> 0/-1/-1/-1/\d+ 503 \d+ - - SC-- `,
		WantCauses: []string{"oom-killed"}, WantObject: "Deployment shop/api",
		Inject: deploy(manifest.API, func(d *appsv1.Deployment) {
			allAtOnce(d)
			only(d).Resources = corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("20m"), corev1.ResourceMemory: resource.MustParse("32Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("32Mi")},
			}
		}),
		Restore: reset,
	}
}
