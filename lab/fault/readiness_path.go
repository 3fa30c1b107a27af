package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// readinessPath rolls out a revision whose readiness probe asks a page that the application does not
// have. The pods run and would serve; none is ever ready.
func readinessPath() Fault {
	return Fault{
		Name: "readiness-path", Title: "a new revision's readiness probe asks /ready, the application has /readyz",
		Gateway: "haproxy", Route: manifest.Host(manifest.API), WantStatus: []int{503, 502},
		WantLog:    ` http shop_svc_api_http/<NOSRV> 0/-1/-1/-1/\d+ 503 \d+ - - SC-- `,
		WantCauses: []string{"readiness-probe-misconfigured"}, WantObject: "Deployment shop/api",
		Inject: deploy(manifest.API, func(d *appsv1.Deployment) {
			allAtOnce(d)
			only(d).ReadinessProbe.HTTPGet.Path = "/ready"
		}),
		Restore: reset,
	}
}
