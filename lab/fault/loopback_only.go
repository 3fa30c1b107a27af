package fault

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/lab/manifest"
)

// loopbackOnly rolls out a revision that listens on 127.0.0.1. Its probes run inside the container and
// are honestly content, so the pods are ready and nobody else can connect.
func loopbackOnly() Fault {
	return Fault{
		Name: "loopback-only", Title: "a new revision listens on 127.0.0.1:8080 only",
		Gateway: "nginx", Route: manifest.Host(manifest.Web), WantStatus: []int{502},
		WantLog:    `connect\(\) failed \(111: Connection refused\) while connecting to upstream, .*, server: web\.shop\.test, `,
		WantCauses: []string{"wrong-listen-address"}, WantObject: "Deployment shop/web",
		Inject: deploy(manifest.Web, func(d *appsv1.Deployment) {
			setEnv(d, "SHOP_LISTEN", "127.0.0.1:8080")
			c := only(d)
			c.ReadinessProbe.ProbeHandler = fromInside("/readyz")
			c.LivenessProbe.ProbeHandler = fromInside("/healthz")
		}),
		Restore: reset,
	}
}

func fromInside(path string) corev1.ProbeHandler {
	return corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/shop", "probe", "http://127.0.0.1:8080" + path}}}
}
