package nginx

import (
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// Answer is what a client gets from nginx when a request fails in the given way. The statuses are
// those of ngx_http_upstream_next and ngx_http_upstream_finalize_request (nginx/nginx,
// src/http/ngx_http_upstream.c): 504 for what timed out, 502 for all else that the peer did. For
// model.UpstreamStatus the application's own status is passed on; 500 stands for it here.
func Answer(controller string, f model.FailureKind) model.Outcome {
	o := model.Outcome{Status: 502, Failure: f}
	switch f {
	case model.NoFailure:
		o.Status = 200
	case model.Refused:
		o.Reason = "connect() failed (111: Connection refused) while connecting to upstream"
	case model.ConnectTimeout:
		o.Status, o.Reason = 504, "upstream timed out (110: Operation timed out) while connecting to upstream"
	case model.Reset:
		o.Reason = "recv() failed (104: Connection reset by peer) while reading response header from upstream"
	case model.ClosedEarly:
		o.Reason = "upstream prematurely closed connection while reading response header from upstream"
	case model.NoEndpoints:
		return noEndpoints(controller)
	case model.NoRoute:
		o.Status = 404
	case model.TLS:
		o.Reason = "SSL_do_handshake() failed while SSL handshaking to upstream"
	case model.Protocol:
		o.Reason = "upstream sent no valid HTTP/1.0 header while reading response header from upstream"
	case model.HeaderTooBig:
		o.Reason = "upstream sent too big header while reading response header from upstream"
	case model.ResponseTimeout:
		o.Status, o.Reason = 504, "upstream timed out (110: Operation timed out) while reading response header from upstream"
	case model.Overload:
		// limit_req_status and limit_conn_status are 503 unless configured otherwise.
		o.Status, o.Reason = 503, "limiting requests"
	case model.Denied:
		o.Status, o.Reason = 403, "access forbidden by rule"
	case model.UpstreamStatus:
		o.Status = 500
	default:
		o.Failure = model.OtherFailure
	}
	return o
}

// noEndpoints differs by product. ingress-nginx answers 503 without trying anything
// (kubernetes/ingress-nginx, rootfs/etc/nginx/template/nginx.tmpl). F5's controller points an empty
// Ingress backend at 127.0.0.1:8181 where nothing listens, so that it is a refused connection and 502
// (nginx/kubernetes-ingress, internal/configs/configurator.go). Gateway Fabric proxies to a socket of its own that
// answers 503 (nginx/nginx-gateway-fabric, internal/controller/nginx/config).
func noEndpoints(controller string) model.Outcome {
	o := model.Outcome{Status: 503, Failure: model.NoEndpoints}
	switch c := strings.ToLower(controller); {
	case strings.Contains(c, "nginx.org/ingress-controller"):
		o.Status = 502
		o.Reason = "connect() failed (111: Connection refused) while connecting to upstream"
	case strings.Contains(c, "gateway.nginx.org"):
		o.Reason = "unix:/var/run/nginx/nginx-503-server.sock"
	}
	return o
}
