package fault

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// readinessScheme rolls out a revision whose readiness probe speaks TLS to an application that does not.
func readinessScheme() Fault {
	return Fault{
		Name: "readiness-scheme", Title: "a new revision's readiness probe asks by HTTPS, the application speaks HTTP",
		Gateway: "nginx", Route: manifest.Host(manifest.Web), WantStatus: []int{503, 502},
		WantLog:    `" 503 190 .* \[shop-web-80\] \[\] - - - - [0-9a-f]{32}$`,
		WantCauses: []string{"readiness-probe-misconfigured"}, WantObject: "Deployment shop/web",
		Inject: deploy(manifest.Web, func(d *appsv1.Deployment) {
			allAtOnce(d)
			only(d).ReadinessProbe.HTTPGet.Scheme = corev1.URISchemeHTTPS
		}),
		Restore: reset,
	}
}
