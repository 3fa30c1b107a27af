package caddy

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/image"
)

// Name is the proxy's name in output.
const Name = "caddy"

// Proxy returns what gatemend knows of Caddy.
func Proxy() proxy.Proxy {
	return proxy.Proxy{
		Name:             Name,
		Doc:              "Runs in the Caddy ingress controller.",
		ClaimsController: func(controller string) bool { return strings.Contains(strings.ToLower(controller), "caddy") },
		GatewayContainer: gatewayContainer,
		Answer:           Answer,
		Metrics:          metrics,
		NewParser:        func() proxy.Parser { return NewParser() },
	}
}

// gatewayContainer goes by the controller's image: a plain Caddy is an application as often.
func gatewayContainer(p *corev1.Pod) (container string, ok bool) {
	for i := range p.Spec.Containers {
		if c := &p.Spec.Containers[i]; image.Is(c.Image, "caddy/ingress", "caddyserver/ingress") {
			return c.Name, true
		}
	}
	return "", false
}

// Answer is what a client gets from Caddy when a request fails in the given way; the reason is the
// error in its log. The statuses are those of statusError and tryAgain in caddyserver/caddy,
// modules/caddyhttp/reverseproxy/reverseproxy.go: a timeout while the answer is awaited is 504, no upstream 503, all else
// 502, timeouts of a connection included.
func Answer(_ string, f model.FailureKind) model.Outcome {
	o := model.Outcome{Status: 502, Failure: f}
	switch f {
	case model.NoFailure:
		o.Status = 200
	case model.Refused:
		o.Reason = "connect: connection refused"
	case model.ConnectTimeout:
		o.Reason = "i/o timeout"
	case model.Reset:
		o.Reason = "read: connection reset by peer"
	case model.ClosedEarly:
		o.Reason = "EOF"
	case model.NoEndpoints:
		o.Status, o.Reason = 503, "no upstreams available"
	case model.NoRoute:
		o.Status = 404
	case model.TLS:
		o.Reason = "tls: first record does not look like a TLS handshake"
	case model.Protocol:
		o.Reason = "net/http: HTTP/1.x transport connection broken: malformed HTTP response"
	case model.HeaderTooBig:
		o.Reason = "net/http: server response headers exceeded"
	case model.ResponseTimeout:
		o.Status, o.Reason = 504, "net/http: timeout awaiting response headers"
	case model.Overload:
		o.Status = 503
	case model.Denied:
		o.Status = 403
	case model.UpstreamStatus:
		o.Status = 500
	default:
		o.Failure = model.OtherFailure
	}
	return o
}
