package nginx

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/image"
)

// Name is the proxy's name in output.
const Name = "nginx"

// Proxy returns what gatemend knows of nginx.
func Proxy() proxy.Proxy {
	return proxy.Proxy{
		Name:             Name,
		Doc:              "Runs in ingress-nginx, the NGINX Ingress Controller and NGINX Gateway Fabric.",
		ClaimsController: claimsController,
		GatewayContainer: gatewayContainer,
		Answer:           Answer,
		Default:          defaults,
		IngressSettings:  ingressSettings,
		ServiceSettings:  serviceSettings,
		Patterns:         patterns,
		Matching:         matching,
		Metrics:          metrics,
		LogFormat:        logFormat,
		NewParser:        func() proxy.Parser { return NewParser() },
	}
}

// claimsController takes the three products' names (k8s.io/ingress-nginx, nginx.org/ingress-controller,
// gateway.nginx.org/nginx-gateway-controller) and the variations that people choose when they run
// several ingress-nginx side by side (k8s.io/internal-ingress-nginx).
func claimsController(controller string) bool {
	return strings.Contains(strings.ToLower(controller), "nginx")
}

// gatewayContainer goes by image first: plain nginx pods are applications. A rebuilt image is recognised
// by the labels of the project's chart.
func gatewayContainer(p *corev1.Pod) (container string, ok bool) {
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		if image.Is(c.Image, "ingress-nginx/controller", "nginx-ingress-controller", "nginx-ingress",
			"nginx-plus-ingress", "nginx-gateway-fabric/nginx", "nginx-gateway-fabric/nginx-plus", "nginx-gateway") {
			return c.Name, true
		}
	}
	if p.Labels["app.kubernetes.io/name"] == "ingress-nginx" && p.Labels["app.kubernetes.io/component"] == "controller" {
		for i := range p.Spec.Containers {
			if p.Spec.Containers[i].Name == "controller" {
				return "controller", true
			}
		}
	}
	return "", false
}
