package fault

import (
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// headerTooBig rolls out a revision that answers with 16 KB of headers; nginx reads them into one buffer of 4 KB.
func headerTooBig() Fault {
	return Fault{
		Name: "header-too-big", Title: "a new revision answers with 16 KB of response headers",
		Gateway: "nginx", Route: manifest.Host(manifest.Web), WantStatus: []int{502},
		WantLog:    `upstream sent too big header while reading response header from upstream, .*, server: web\.shop\.test, `,
		WantCauses: []string{"upstream-header-too-big"}, WantObject: "Ingress shop/web",
		Inject:  deploy(manifest.Web, func(d *appsv1.Deployment) { setEnv(d, "SHOP_HEADER_BYTES", "16384") }),
		Restore: reset,
	}
}
