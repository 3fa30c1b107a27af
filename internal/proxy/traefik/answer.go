package traefik

import "github.com/gatemend/gatemend/internal/model"

// Answer is what a client gets from Traefik when a request fails in the given way; the reason is the Go
// error that the process log shows. Statuses are those of ComputeStatusCode in traefik/traefik,
// pkg/proxy/httputil/proxy.go: an error that is a timeout is 504, another network error and EOF are
// 502, every other error is 500 (also TLS verification and malformed answers). For
// model.UpstreamStatus the application's own status is passed on; 500 stands for it here.
func Answer(_ string, f model.FailureKind) model.Outcome {
	o := model.Outcome{Status: 502, Failure: f}
	switch f {
	case model.NoFailure:
		o.Status = 200
	case model.Refused:
		o.Reason = "connect: connection refused"
	case model.ConnectTimeout:
		o.Status, o.Reason = 504, "i/o timeout"
	case model.Reset:
		o.Reason = "read: connection reset by peer"
	case model.ClosedEarly:
		o.Reason = "EOF"
	case model.NoEndpoints:
		o.Status, o.Reason = 503, "no available server"
	case model.NoRoute:
		o.Status, o.Reason = 404, "404 page not found"
	case model.TLS:
		o.Status, o.Reason = 500, "tls: first record does not look like a TLS handshake"
	case model.Protocol:
		o.Status, o.Reason = 500, "net/http: HTTP/1.x transport connection broken: malformed HTTP response"
	case model.HeaderTooBig:
		o.Status, o.Reason = 500, "net/http: server response headers exceeded"
	case model.ResponseTimeout:
		o.Status, o.Reason = 504, "net/http: timeout awaiting response headers"
	case model.Overload:
		// inFlightReq and rateLimit answer 429 and do not touch the server.
		o.Status = 429
	case model.Denied:
		o.Status = 403
	case model.UpstreamStatus:
		o.Status = 500
	default:
		o.Failure = model.OtherFailure
	}
	return o
}
