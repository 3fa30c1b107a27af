package cloudlb

import (
	"bytes"
	"time"

	"github.com/valyala/fastjson"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

func newGCPParser() proxy.Parser { return &jsonParser{entry: gcpEntry} }

// gcpEntry reads a LogEntry of an Application Load Balancer
// (https://cloud.google.com/load-balancing/docs/https/https-logging-monitoring).
func gcpEntry(p *jsonParser, v *fastjson.Value, s *model.Signal) proxy.Class {
	request := v.Get("httpRequest")
	if request == nil || !v.Exists("jsonPayload", "statusDetails") && !v.Exists("resource", "labels", "backend_service_name") &&
		!v.Exists("resource", "labels", gcpTarget) {
		return proxy.Foreign
	}
	var ok bool
	if s.Status, ok = status(request.Get("status")); !ok {
		return proxy.Foreign
	}
	if s.At, ok = field.ISO(v.GetStringBytes("timestamp")); !ok {
		return proxy.Foreign
	}
	if latency := request.GetStringBytes("latency"); latency != nil {
		digits, seconds := bytes.CutSuffix(latency, []byte{'s'})
		if s.Duration, ok = field.Seconds(digits); !ok || !seconds {
			return proxy.Foreign
		}
	}
	s.Proxy = "gcp-lb"
	s.Client = p.names.String(request.GetStringBytes("remoteIp"))
	s.Request.Method = p.names.String(request.GetStringBytes("requestMethod"))
	url := request.GetStringBytes("requestUrl")
	if scheme, _, absolute := bytes.Cut(url, []byte("://")); absolute {
		s.Request.Scheme = p.names.String(scheme)
	}
	host, path := field.Target(url)
	s.Request.Host = p.names.String(field.Host(host))
	s.Request.Path = p.names.String(path)
	details := v.GetStringBytes("jsonPayload", "statusDetails")
	backend := v.GetStringBytes("resource", "labels", "backend_service_name")
	means, regional := gcpFailure, details == nil && v.Exists("resource", "labels", gcpTarget)
	if regional {
		means, details, backend = proxyStatus, v.GetStringBytes("jsonPayload", "proxyStatus"), v.GetStringBytes("resource", "labels", gcpTarget)
	}
	if name, ok := gkeService(backend); ok {
		p.joint(name, s)
	}
	if server := request.GetStringBytes("serverIp"); len(server) > 0 {
		s.Tries = p.tries.Take(1)
		s.Tries[0] = model.Try{Address: p.names.String(server), Duration: s.Duration}
		if string(details) == gcpAnswered || regional && len(details) == 0 {
			s.Tries[0].Status = s.Status
		}
	}
	s.Failure = means(details, s)
	if s.Failed() {
		s.Reason = p.names.String(details)
	}
	return proxy.Access
}

// gcpAnswered is what statusDetails says of the application's own answer, whatever it was.
const gcpAnswered = "response_sent_by_backend"

// slowConnect parts refused connections from those that timed out: the first come back at once.
const slowConnect = time.Second

// gcpFailure says what statusDetails means. Some are said of a 200 whose body broke off.
func gcpFailure(details []byte, s *model.Signal) model.FailureKind {
	switch string(details) {
	case "backend_connection_closed_after_partial_response_sent", "backend_connection_closed_before_data_sent_to_client":
		return model.ClosedEarly
	case "denied_by_security_policy":
		if s.Status == 429 {
			return model.Overload
		}
		return model.Denied
	case "config_not_found":
		if s.Status == 404 {
			return model.NoRoute
		}
		return model.OtherFailure
	case "serverless_neg_routing_failed":
		return model.NoEndpoints
	}
	if s.Status < 500 {
		return model.NoFailure
	}
	switch string(details) {
	case gcpAnswered:
		return model.UpstreamStatus
	case "failed_to_connect_to_backend":
		if s.Duration < slowConnect {
			return model.Refused
		}
		return model.ConnectTimeout
	case "failed_to_pick_backend", "request_loop_detected":
		return model.NoEndpoints
	case "backend_timeout":
		return model.ResponseTimeout
	case "backend_response_corrupted", "backend_interim_response_not_supported", "backend_early_response_with_non_error_status",
		"websocket_handshake_failed":
		return model.Protocol
	case "backend_response_headers_too_long":
		return model.HeaderTooBig
	case "failed_to_negotiate_alpn", "ssl_certificate_san_verification_failed", "ssl_certificate_chain_verification_failed":
		return model.TLS
	case "internal_error":
		return model.Overload
	default:
		return model.OtherFailure
	}
}

// gcpTarget is the label with the backend service's name in entries of regional and internal load balancers, which run Envoy and say what
// failed in proxyStatus (https://cloud.google.com/load-balancing/docs/l7-internal/monitoring).
const gcpTarget = "backend_target_name"

// proxyStatus says what the error of a Proxy-Status means (RFC 9209, section 2.3): error="TYPE"; details="WORDS". Without one the
// answer is the backend's, if it was asked.
func proxyStatus(status []byte, s *model.Signal) model.FailureKind {
	_, rest, _ := bytes.Cut(status, []byte(`error="`))
	kind, _, _ := bytes.Cut(rest, []byte{'"'})
	switch string(kind) {
	case "http_response_incomplete":
		return model.ClosedEarly // perhaps of a 200
	case "http_request_denied":
		if s.Status == 429 {
			return model.Overload
		}
		return model.Denied
	case "destination_not_found":
		return model.NoRoute
	}
	if s.Status < 500 {
		return model.NoFailure
	}
	switch string(kind) {
	case "":
		if len(status) == 0 && len(s.Tries) > 0 {
			return model.UpstreamStatus
		}
		return model.OtherFailure
	case "destination_unavailable":
		return model.NoEndpoints
	case "connection_refused":
		return model.Refused
	case "connection_timeout", "destination_ip_unroutable":
		return model.ConnectTimeout
	case "connection_terminated":
		return model.ClosedEarly
	case "connection_read_timeout", "http_response_timeout":
		return model.ResponseTimeout
	case "connection_limit_reached":
		return model.Overload
	case "tls_protocol_error", "tls_certificate_error", "tls_alert_received":
		return model.TLS
	case "http_protocol_error", "http_response_transfer_coding", "http_response_content_coding", "http_upgrade_failed":
		return model.Protocol
	case "http_response_header_section_size", "http_response_header_size":
		return model.HeaderTooBig
	default:
		return model.OtherFailure
	}
}

// gkeService takes NAMESPACE-SERVICE-PORT out of a backend service's name: k8s1-HASH-NAMESPACE-SERVICE-PORT-HASH of an
// Ingress, gkegw1-HASH-NAMESPACE-SERVICE-PORT-HASH of a Gateway. Long names are cut.
func gkeService(name []byte) (joint []byte, ok bool) {
	prefix, rest, _ := bytes.Cut(name, []byte{'-'})
	if !bytes.HasPrefix(prefix, []byte("k8s")) && !bytes.HasPrefix(prefix, []byte("gkegw")) {
		return nil, false
	}
	_, rest, ok = bytes.Cut(rest, []byte{'-'})
	end := bytes.LastIndexByte(rest, '-')
	if !ok || end < 1 {
		return nil, false
	}
	return rest[:end], true
}
