package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// livenessPath rolls out a revision whose liveness probe asks a page that the application does not have: its
// containers are killed again and again.
func livenessPath() Fault {
	return Fault{
		Name: "liveness-path", Title: "a new revision's liveness probe asks /alive, the application has /healthz",
		Gateway: "haproxy", Route: manifest.Host(manifest.API), WantStatus: []int{503, 502},
		WantLog:    ` http shop_svc_api_http/<NOSRV> 0/-1/-1/-1/\d+ 503 \d+ - - SC-- `,
		WantCauses: []string{"liveness-probe-kills"}, WantObject: "Deployment shop/api",
		Inject: deploy(manifest.API, func(d *appsv1.Deployment) {
			only(d).LivenessProbe.HTTPGet.Path = "/alive"
			only(d).LivenessProbe.PeriodSeconds, only(d).LivenessProbe.FailureThreshold = 1, 2
		}),
		Restore: reset,
	}
}
