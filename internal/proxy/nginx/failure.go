package nginx

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
)

// sentence says what a part of an error message means.
type sentence struct {
	part string
	kind model.FailureKind
}

// failureOf says how a request failed by nginx's message; NoFailure if the message is not the reason of
// a failed request. The sentences are those of nginx/nginx, src/http/ngx_http_upstream.c,
// src/event/ngx_event_connect.c, src/event/ngx_event_openssl.c, src/core/ngx_resolver.c and
// src/http/modules/ngx_http_{proxy,grpc,limit_req,limit_conn,access}_module.c; the Lua ones those of
// kubernetes/ingress-nginx, rootfs/etc/nginx/lua/balancer.lua. musl and glibc differ in errno texts, so
// the numbers are matched. The first sentence that occurs counts.
func failureOf(message []byte) model.FailureKind {
	for _, s := range [...]sentence{
		// Said beside the line that has the reason, or not a failure.
		{"upstream server temporarily disabled", model.NoFailure},
		{"client prematurely closed connection", model.NoFailure},
		{"while proxying upgraded connection", model.NoFailure},
		{", dry run", model.NoFailure},
		{"buffered to a temporary file", model.NoFailure},

		{"no live upstreams", model.NoEndpoints},
		{"no peer was returned", model.NoEndpoints},
		{"no peer set", model.NoEndpoints},
		{"connect() to 0.0.0.1:", model.NoEndpoints}, // the Lua balancer's placeholder was left in place
		{"SSL handshaking to upstream", model.TLS},
		{"upstream SSL certificate", model.TLS},
		{"SSL_read() failed", model.TLS},
		{"SSL_write() failed", model.TLS},
		{"failed (99:", model.Overload}, // no free source port
		{"socket() failed (24:", model.Overload},
		{"worker_connections are not enough", model.Overload},
		{"limiting requests", model.Overload},
		{"limiting connections", model.Overload},
		{"access forbidden by rule", model.Denied},
		{"failed (111:", model.Refused},
		// Unreachable hosts are reported within the connect timeout, but for the same reasons.
		{"failed (110:", model.ConnectTimeout},
		{"failed (113:", model.ConnectTimeout},
		{"failed (101:", model.ConnectTimeout},
		{"timed out) while connecting to upstream", model.ConnectTimeout},
		{"upstream timed out", model.ResponseTimeout},
		{"upstream prematurely sent response", model.Protocol},
		{"upstream prematurely closed", model.ClosedEarly},
		{"upstream rejected request", model.Reset},
		{"failed (104:", model.Reset},
		{"failed (32:", model.ClosedEarly},
		{"upstream sent too big header", model.HeaderTooBig},
		{"upstream sent", model.Protocol},
		{"could not be resolved", model.OtherFailure},
		{"no resolver defined to resolve", model.OtherFailure},
		{"host not found in upstream", model.OtherFailure},
		{"no port in upstream", model.OtherFailure},
		{"attempted to proxy to self", model.OtherFailure},
		{"auth request unexpected status", model.OtherFailure},
		{"while reading PROXY protocol", model.Protocol},
		{"while connecting to upstream", model.OtherFailure},
	} {
		if bytes.Contains(message, []byte(s.part)) {
			return s.kind
		}
	}
	return model.NoFailure
}
