package envoy

import (
	"bytes"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// classify says how a request failed. The flags decide; details and the transport's reason tell apart
// what one flag covers. Flags: envoyproxy/envoy, envoy/stream_info/stream_info.h; which of them comes
// with which reason: source/common/router/router.cc.
func classify(e *entry, s *model.Signal) model.FailureKind {
	switch {
	case s.Status == 0:
		return model.NoFailure // the client went away before there was an answer: DC, DR
	case has(e.flags, "NR") || string(e.details) == "route_not_found":
		return model.NoRoute
	case s.Status == 403 && bytes.HasPrefix(e.details, []byte("rbac_access_denied")):
		return model.Denied
	case s.Status >= 500:
		return classifyError(e, s)
	case bytes.HasPrefix(e.details, []byte("upstream_reset_after_response_started")), !e.hasDetails && s.Status < 400 && has(e.flags, "UC", "UR", "UPE"):
		return brokenOff(e)
	default:
		return model.NoFailure
	}
}

func classifyError(e *entry, s *model.Signal) model.FailureKind {
	switch {
	case has(e.flags, "UH", "NC") || oneOf(e.details, "no_healthy_upstream", "cluster_not_found"):
		return model.NoEndpoints
	case has(e.flags, "UF"):
		return connectFailure(e, s.Duration)
	case has(e.flags, "UT", "UMSDR", "SI", "DT") || bytes.Contains(e.details, []byte("response_timeout")) ||
		bytes.HasPrefix(e.details, []byte("upstream_per_try_")):
		return model.ResponseTimeout
	case has(e.flags, "UO", "OM", "DO", "UDO", "RL") || bytes.Contains(e.details, []byte("overflow")) ||
		bytes.HasPrefix(e.details, []byte("overload")):
		return model.Overload
	case has(e.flags, "UC", "UR", "LR", "UPE"):
		return brokenOff(e)
	case has(e.flags, "DF", "FI", "NFCF", "UAEX"):
		return model.OtherFailure
	case bytes.HasPrefix(e.details, []byte("upstream_reset_before_response_started")):
		return resetBefore(e, s.Duration)
	default:
		return unflagged(e, s)
	}
}

// unflagged tells the application's own answers from those that the control plane put in its place. A
// fixed answer ("direct_response") is how Contour and Envoy Gateway say that a rule's backend cannot be
// used (projectcontour/contour internal/dag, envoyproxy/gateway internal/gatewayapi/route.go).
func unflagged(e *entry, s *model.Signal) model.FailureKind {
	answered := isNumber(e.serviceTime)
	switch {
	case string(e.details) == "via_upstream":
		return model.UpstreamStatus
	case string(e.details) == "direct_response":
		return model.NoEndpoints
	case len(e.details) > 0 && e.hasDetails:
		return model.OtherFailure // a filter's answer
	case answered:
		return model.UpstreamStatus
	case saysMore(e.flags):
		return model.OtherFailure
	case len(s.Tries) > 0:
		return model.UpstreamStatus
	default:
		return model.NoEndpoints
	}
}

// saysMore reports whether a flag that is not read here says how an answer came about: of a filter, such as LH and RLSE, or of an
// Envoy newer than this list, whose answer is not the application's. URX, DI and RFCF stand beside an answer of the backend as well.
func saysMore(flags []byte) bool {
	for !field.Unset(flags) {
		var flag []byte
		flag, flags, _ = bytes.Cut(flags, []byte{','})
		if !oneOf(flag, "URX", "DI", "RFCF") {
			return true
		}
	}
	return false
}

// slowConnect parts refused connections from connect timeouts where only "UF" is known: refusals come
// back at once, and no gateway's connect timeout is below a second (Contour 2 s, Envoy Gateway and Istio 10 s).
const slowConnect = time.Second

func connectFailure(e *entry, took time.Duration) model.FailureKind {
	for _, words := range [...][]byte{e.transport, e.details} {
		switch {
		case contains(words, "TLS_error", "TLS error", "SSL", "CERTIFICATE", "Secret is not supplied", "Secret_is_not_supplied"):
			return model.TLS
		case contains(words, "Connection_refused", "Connection refused", "connect_error:_111", "connect_error: 111"):
			return model.Refused
		case contains(words, "connection_timeout", "timed_out", "timed out", "unreachable", "No_route_to_host", "No route to host",
			"connect_error:_110", "connect_error:_113", "connect_error:_101"):
			return model.ConnectTimeout
		case contains(words, "Connection_reset", "Connection reset", "connect_error:_104"):
			return model.Reset
		}
	}
	if took >= slowConnect {
		return model.ConnectTimeout
	}
	return model.Refused
}

// resetBefore goes by the details alone; retries that were used up hide the flag of the last try.
func resetBefore(e *entry, took time.Duration) model.FailureKind {
	switch {
	case contains(e.details, "connection_failure", "connection_timeout"):
		return connectFailure(e, took)
	case contains(e.details, "overflow"):
		return model.Overload
	default:
		return brokenOff(e)
	}
}

// brokenOff: a connection that stood broke before the answer was complete.
func brokenOff(e *entry) model.FailureKind {
	switch {
	case contains(e.details, "headers_too_large", "header_size_exceeds", "headers_size_exceeds", "too_many_headers"),
		contains(e.transport, "headers size exceeds", "headers_size_exceeds"):
		return model.HeaderTooBig
	case contains(e.transport, "TLS_error", "TLS error"):
		return model.TLS
	case has(e.flags, "UPE") || contains(e.details, "protocol_error"):
		return model.Protocol
	case has(e.flags, "UC") || contains(e.details, "connection_termination"):
		return model.ClosedEarly
	default:
		return model.Reset
	}
}

// tells reports whether the reason of a request that did not fail may be wanted: of a 403 or 408, whether Envoy says so, or the backend.
func tells(s *model.Signal) bool { return s.Status == 403 || s.Status == 408 }

// reason is what Envoy says: the flags, and the details where it has them.
func reason(e *entry) string {
	flags := string(e.flags)
	if flags == "-" {
		flags = ""
	}
	words := e.details
	if len(words) == 0 || string(words) == "-" {
		words = e.transport
	}
	switch {
	case len(words) == 0 || string(words) == "-":
		return flags
	case flags == "":
		return string(words)
	default:
		return flags + " " + string(words)
	}
}

// has reports whether any of the names is among the flags, which are joined with commas in no fixed
// order.
func has(flags []byte, names ...string) bool {
	for len(flags) > 0 {
		var flag []byte
		flag, flags, _ = bytes.Cut(flags, []byte{','})
		if oneOf(flag, names...) {
			return true
		}
	}
	return false
}

func oneOf(b []byte, texts ...string) bool {
	for _, t := range texts {
		if string(b) == t {
			return true
		}
	}
	return false
}

func contains(b []byte, texts ...string) bool {
	for _, t := range texts {
		if bytes.Contains(b, []byte(t)) {
			return true
		}
	}
	return false
}
