package envoy

import (
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// Answer is what a client gets from Envoy when a request fails in the given way; the reason is the
// response flag. Statuses are those of Filter::onUpstreamReset and Filter::decodeHeaders in
// envoyproxy/envoy, source/common/router/router.cc: all connection failures are 503. For
// model.UpstreamStatus the application's own status is passed on; 500 stands for it here.
func Answer(controller string, f model.FailureKind) model.Outcome {
	o := model.Outcome{Status: 503, Failure: f}
	switch f {
	case model.NoFailure:
		o.Status = 200
	case model.Refused, model.ConnectTimeout, model.TLS:
		o.Reason = "UF"
	case model.Reset, model.ClosedEarly:
		o.Reason = "UC"
	case model.NoEndpoints:
		o.Reason = "UH"
		// Envoy Gateway replaces a route without ready endpoints by a fixed answer, which carries no flag
		// (envoyproxy/gateway, internal/gatewayapi/route.go).
		if strings.HasPrefix(controller, "gateway.envoyproxy.io/") {
			o.Reason = "direct_response"
		}
	case model.NoRoute:
		o.Status, o.Reason = 404, "NR"
	case model.Protocol, model.HeaderTooBig:
		o.Status, o.Reason = 502, "UPE"
	case model.ResponseTimeout:
		o.Status, o.Reason = 504, "UT"
	case model.Overload:
		o.Reason = "UO"
	case model.Denied:
		o.Status, o.Reason = 403, "UAEX"
	case model.UpstreamStatus:
		o.Status, o.Reason = 500, "via_upstream"
	default:
		o.Failure = model.OtherFailure
	}
	return o
}

// toldAs: a handshake that fails ends the making of the connection, and has the flag of one that was refused: UF. What it was stands in
// %UPSTREAM_TRANSPORT_FAILURE_REASON% and %RESPONSE_CODE_DETAILS% alone, which the default formats of Envoy and Contour do not have
// (Envoy's documentation, "Access logging"; projectcontour.io/docs, "Access logging").
func toldAs(f model.FailureKind, protocol, reason string) model.FailureKind {
	if f == model.TLS && proxy.SpeaksTLS(protocol) && !strings.ContainsAny(reason, " {") {
		return model.Refused
	}
	return f
}
