package haproxy

import (
	"cmp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/image"
)

// Name is the proxy's name in output.
const Name = "haproxy"

// Proxy returns what gatemend knows of HAProxy.
func Proxy() proxy.Proxy {
	return proxy.Proxy{
		Name:             Name,
		Doc:              "Runs in HAProxy Technologies' kubernetes-ingress and in haproxy-ingress.",
		ClaimsController: claimsController,
		GatewayContainer: gatewayContainer,
		Answer:           Answer,
		ToldAs:           toldAs,
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

// logFormat reads the keys of the controllers' ConfigMaps: log-format of HAProxy Technologies' (documentation/annotations.md),
// http-log-format of haproxy-ingress (docs/content/en/docs/configuration/keys.md).
func logFormat(config map[string]string) string {
	return cmp.Or(config["log-format"], config["http-log-format"])
}

// claimsController takes haproxy.org/ingress-controller/NAME, haproxy-ingress.github.io/controller and
// the Gateway API's haproxy.org/gateway-controller.
func claimsController(controller string) bool {
	return strings.Contains(strings.ToLower(controller), "haproxy")
}

// gatewayContainer goes by image, since a plain haproxy image may as well front a database. In
// haproxy-ingress's external mode the container named haproxy writes the log, beside the controller.
func gatewayContainer(p *corev1.Pod) (container string, ok bool) {
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		if !image.Is(c.Image, "haproxytech/kubernetes-ingress", "haproxy-ingress", "haproxy-ingress-controller", "haproxy-gateway") {
			continue
		}
		for j := range p.Spec.Containers {
			if p.Spec.Containers[j].Name == "haproxy" {
				return "haproxy", true
			}
		}
		return c.Name, true
	}
	return "", false
}

// matching: HAProxy Technologies' controller adds a path to its maps when it has the backend, and not before: where the
// Service or its port is not there, handlePath returns first (haproxytech/kubernetes-ingress, pkg/ingress/ingress.go and
// pkg/service/service.go). haproxy-ingress takes the number of a backend's port for a target port first
// (pkg/converters/utils/services.go, FindServicePort).
func matching(controller string) proxy.Matching {
	out := proxy.Matching{Rest: proxy.RestToAny, DropsUnresolved: strings.HasPrefix(controller, "haproxy.org/ingress-controller")}
	if isCommunity(controller) {
		out.Ports = proxy.TargetsFirst
	}
	return out
}
