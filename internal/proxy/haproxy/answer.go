package haproxy

import (
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// Answer is what a client gets from HAProxy when a request fails in the given way; the reason is the
// termination state. Both are from haproxy/haproxy, doc/configuration.txt, section 8.5. For
// model.UpstreamStatus the application's own status is passed on; 500 stands for it here.
func Answer(_ string, f model.FailureKind) model.Outcome {
	o := model.Outcome{Status: 503, Failure: f}
	switch f {
	case model.NoFailure:
		o.Status = 200
	case model.Refused, model.TLS, model.NoEndpoints:
		o.Reason = "SC--"
	case model.ConnectTimeout:
		o.Reason = "sC--"
	case model.Reset, model.ClosedEarly:
		o.Status, o.Reason = 502, "SH--"
	case model.NoRoute:
		o.Status, o.Reason = 404, "LR--"
	case model.Protocol, model.HeaderTooBig:
		o.Status, o.Reason = 502, "PH--"
	case model.ResponseTimeout:
		o.Status, o.Reason = 504, "sH--"
	case model.Overload:
		o.Reason = "sQ--"
	case model.Denied:
		o.Status, o.Reason = 403, "PR--"
	case model.UpstreamStatus:
		o.Status, o.Reason = 500, "----"
	default:
		o.Failure = model.OtherFailure
	}
	return o
}

// toldAs: to HAProxy the TLS handshake is a part of making the connection, and so is the choice of a multiplexer for HTTP/2. What
// fails there ends as SC, like a connection that was refused (haproxy/haproxy, src/backend.c, back_handle_st_con and
// back_handle_st_cer).
func toldAs(f model.FailureKind, protocol, _ string) model.FailureKind {
	if f == model.TLS && proxy.SpeaksTLS(protocol) || f == model.Protocol && proxy.SpeaksHTTP2(protocol) {
		return model.Refused
	}
	return f
}
