package nginx

import (
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/gatemend/gatemend/lab/gateway"
)

// Where the gateway runs; the same as in ingress-nginx's own manifests.
const (
	Namespace = "ingress-nginx"
	Name      = "ingress-nginx-controller"
	Class     = "nginx"
	Container = "controller"
)

// Labels of the gateway's pods.
func Labels() map[string]string {
	return map[string]string{
		"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/instance": "ingress-nginx", "app.kubernetes.io/component": "controller",
	}
}

// Objects deploy the gateway from an image.
func Objects(image string) []runtime.Object {
	return gateway.Manifest(gateway.Spec{
		Namespace: Namespace, Name: Name, Container: Container, Labels: Labels(), Image: image,
		Class: Class, Controller: "k8s.io/ingress-nginx", HealthPort: 80,
	})
}
