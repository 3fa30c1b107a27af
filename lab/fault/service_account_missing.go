package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// serviceAccountMissing rolls out a revision whose pods the API server refuses, as their ServiceAccount does not exist.
func serviceAccountMissing() Fault {
	return Fault{
		Name: "service-account-missing", Title: "a new revision names a ServiceAccount that does not exist",
		Gateway: "nginx", Route: manifest.Host(manifest.Web), WantStatus: []int{503, 502},
		WantLog:    `" 503 190 .* \[shop-web-80\] \[\] - - - - [0-9a-f]{32}$`,
		WantCauses: []string{"pod-forbidden", "admission-rejected"}, WantObject: "Deployment shop/web",
		Inject: deploy(manifest.Web, func(d *appsv1.Deployment) {
			allAtOnce(d)
			d.Spec.Template.Spec.ServiceAccountName = "web-robot"
		}),
		Restore: reset,
	}
}
