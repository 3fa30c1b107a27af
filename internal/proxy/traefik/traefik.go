package traefik

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/image"
)

// Name is the proxy's name in output.
const Name = "traefik"

// Proxy returns what gatemend knows of Traefik.
func Proxy() proxy.Proxy {
	return proxy.Proxy{
		Name:             Name,
		Doc:              "Runs as Traefik's own ingress and Gateway API controller.",
		ClaimsController: claimsController,
		GatewayContainer: gatewayContainer,
		Answer:           Answer,
		OneTimeout:       true, // 504 for both (traefik/traefik, pkg/proxy/httputil: ComputeStatusCode)
		Default:          defaults,
		IngressSettings:  ingressSettings,
		ServiceSettings:  serviceSettings,
		Patterns:         patterns,
		Matching:         func(string) proxy.Matching { return proxy.Matching{FallsThrough: true, DropsUnresolved: true} },
		Metrics:          metrics,
		NewParser:        func() proxy.Parser { return NewParser() },
	}
}

func claimsController(controller string) bool {
	return strings.Contains(strings.ToLower(controller), "traefik")
}

func gatewayContainer(p *corev1.Pod) (container string, ok bool) {
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		if image.Is(c.Image, "traefik", "traefik-hub", "traefikee", "mirrored-library-traefik") {
			return c.Name, true
		}
	}
	return "", false
}
