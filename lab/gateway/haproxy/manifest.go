package haproxy

import (
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/gatemend/gatemend/lab/gateway"
)

// Where the gateway runs; the same as with HAProxy Technologies' chart and a release named haproxy.
const (
	Namespace = "haproxy-controller"
	Name      = "haproxy-kubernetes-ingress"
	Class     = "haproxy"
	Container = "kubernetes-ingress-controller"
)

// Labels of the gateway's pods.
func Labels() map[string]string {
	return map[string]string{"app.kubernetes.io/name": "kubernetes-ingress", "app.kubernetes.io/instance": "haproxy"}
}

// Objects deploy the gateway from an image.
func Objects(image string) []runtime.Object {
	return gateway.Manifest(gateway.Spec{
		Namespace: Namespace, Name: Name, Container: Container, Labels: Labels(), Image: image,
		Class: Class, Controller: "haproxy.org/ingress-controller/haproxy", HealthPort: 1042,
	})
}
