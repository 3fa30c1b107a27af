package traefik

import (
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Sizes of Traefik's own bodies: the status text (traefik/traefik, pkg/proxy/httputil/proxy.go).
const (
	sizeBadGateway     = int64(len("Bad Gateway"))
	sizeGatewayTimeout = int64(len("Gateway Timeout"))
	sizeInternalError  = int64(len("Internal Server Error"))
	// sizeErrorPage is that of nginx's plain pages, which stand before Traefik's where the errors
	// middleware or another proxy replaces them.
	sizeErrorPage = 150
)

// dialTimeout is the default of serversTransport.forwardingTimeouts.dialTimeout.
const dialTimeout = 30 * time.Second

// classify says how a request failed, as far as its access line tells: why a connection failed stands
// in the process log alone, at level DEBUG.
func classify(s *model.Signal, a answer) (model.FailureKind, string) {
	switch {
	case s.Status == 404 && a.servers && !a.picked && s.RouteName == "":
		return model.NoRoute, "404 page not found"
	case s.Status < 500:
		return model.NoFailure, ""
	case a.servers && !a.picked:
		if s.Status == 503 {
			return model.NoEndpoints, "no available server"
		}
		return model.OtherFailure, ""
	}
	switch {
	case s.Status == 502 && own(a, sizeBadGateway):
		return model.OtherFailure, "Bad Gateway"
	case s.Status == 504 && own(a, sizeGatewayTimeout):
		if s.Duration >= dialTimeout && s.Duration < dialTimeout+time.Second {
			return model.ConnectTimeout, "Gateway Timeout"
		}
		return model.ResponseTimeout, "Gateway Timeout"
	case s.Status == 500 && a.size == sizeInternalError:
		return model.OtherFailure, "Internal Server Error"
	case a.picked:
		return model.UpstreamStatus, ""
	default:
		return model.OtherFailure, ""
	}
}

func own(a answer, size int64) bool {
	return a.size == size || a.size == sizeErrorPage || a.size <= 0
}
