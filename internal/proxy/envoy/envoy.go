package envoy

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/image"
)

// Name is the proxy's name in output.
const Name = "envoy"

// Proxy returns what gatemend knows of Envoy.
func Proxy() proxy.Proxy {
	return proxy.Proxy{
		Name:             Name,
		Doc:              "Runs in Contour, Envoy Gateway and Istio's gateways.",
		ClaimsController: claimsController,
		GatewayContainer: gatewayContainer,
		Answer:           Answer,
		ToldAs:           toldAs,
		Default:          defaults,
		IngressSettings:  ingressSettings,
		ServiceSettings:  serviceSettings,
		Patterns:         patterns,
		Matching: func(controller string) proxy.Matching {
			return proxy.Matching{Rest: proxy.RestUnserved, WholeRules: productOf(controller) == byContour}
		},
		Metrics:   metrics,
		NewParser: func() proxy.Parser { return NewParser() },
	}
}

func claimsController(controller string) bool {
	c := strings.ToLower(controller)
	return strings.HasPrefix(c, "projectcontour.io/") || strings.HasPrefix(c, "istio.io/") ||
		strings.Contains(c, "contour") || strings.Contains(c, "envoy")
}

// gatewayContainer must tell gateways from sidecars, which run the same image.
func gatewayContainer(p *corev1.Pod) (container string, ok bool) {
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		switch {
		case c.Name == "istio-proxy" || image.Is(c.Image, "istio/proxyv2"):
			if istioGateway(p, c) {
				return c.Name, true
			}
		case c.Name == "envoy" || image.Is(c.Image, "envoyproxy/envoy", "envoyproxy/envoy-distroless", "envoy"):
			if envoyGateway(p) {
				return c.Name, true
			}
		}
	}
	return "", false
}

// istioGateway: gateways run "proxy router" where sidecars run "proxy sidecar"; gateways made for a
// Gateway object carry its name as a label.
func istioGateway(p *corev1.Pod, c *corev1.Container) bool {
	return slices.Contains(c.Args, "router") ||
		p.Labels["gateway.networking.k8s.io/gateway-name"] != "" ||
		p.Labels["gateway.istio.io/managed"] != "" ||
		strings.HasSuffix(p.Labels["istio"], "ingressgateway")
}

// envoyGateway: Contour's and Envoy Gateway's pods run Envoy beside at most a shutdown manager and their
// own helpers. Beside any other container Envoy is a sidecar.
func envoyGateway(p *corev1.Pod) bool {
	if p.Labels["gateway.envoyproxy.io/owning-gateway-name"] != "" || p.Labels["app.kubernetes.io/managed-by"] == "envoy-gateway" {
		return true
	}
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		if c.Name != "envoy" && c.Name != "shutdown-manager" && !image.Is(c.Image, "envoyproxy/envoy", "envoy", "projectcontour/contour", "contour") {
			return false
		}
	}
	return true
}
