package linkerd

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// Name is the proxy's name in output.
const Name = "linkerd"

// Proxy returns what gatemend knows of Linkerd's proxy. It claims no class and no pod: none is a gateway.
func Proxy() proxy.Proxy {
	return proxy.Proxy{
		Name:             Name,
		Doc:              "Runs beside applications in the Linkerd mesh.",
		ClaimsController: func(string) bool { return false },
		GatewayContainer: func(*corev1.Pod) (string, bool) { return "", false },
		Answer:           Answer,
		NewParser:        func() proxy.Parser { return NewParser() },
	}
}

// Answer is what a client gets; the reason is the value of the header l5d-proxy-error (linkerd/linkerd2-proxy,
// linkerd/app/outbound/src/http/server.rs and linkerd/app/inbound/src/http/server.rs).
func Answer(_ string, f model.FailureKind) model.Outcome {
	o := model.Outcome{Status: 502, Failure: f}
	switch f {
	case model.NoFailure:
		o.Status = 200
	case model.Refused:
		o.Reason = "Connection refused"
	case model.NoEndpoints, model.Overload:
		o.Status, o.Reason = 503, "service in fail-fast"
	case model.ConnectTimeout, model.ResponseTimeout:
		o.Status, o.Reason = 504, "timed out"
	case model.NoRoute:
		o.Status = 404
	case model.Denied:
		o.Status = 403
	case model.UpstreamStatus:
		o.Status = 500
	case model.Reset, model.ClosedEarly, model.TLS, model.Protocol, model.HeaderTooBig:
	default:
		o.Failure = model.OtherFailure
	}
	return o
}
