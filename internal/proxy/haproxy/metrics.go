package haproxy

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// metrics: HAProxy's exporter (haproxy/haproxy, addons/promex/service-prometheus.c) counts answers of a
// backend by class only. Connection errors are refused, timed out and failed TLS, and requests for which
// there was no server; response errors are connections that were aborted, timed out or made no sense; it
// does not tell them apart. Ports: HAProxy Technologies' controller 1024 in its frontend stats
// (haproxytech/kubernetes-ingress, fs/usr/local/etc/haproxy/haproxy.cfg) and 6060, haproxy-ingress 9101.
func metrics() proxy.Metrics {
	return proxy.Metrics{
		Endpoints: []proxy.MetricsEndpoint{{Port: 1024, Path: "/metrics"}, {Port: 6060, Path: "/metrics"}, {Port: 9101, Path: "/metrics"}},
		Requests:  []proxy.RequestCounter{{Name: "haproxy_backend_http_responses_total", Status: "code", Read: readBackend}},
		Reasons: []proxy.ReasonCounter{
			{Name: "haproxy_backend_connection_errors_total", Failure: model.OtherFailure, Read: readBackend},
			{Name: "haproxy_backend_response_errors_total", Failure: model.OtherFailure, Read: readBackend},
		},
		Started: "haproxy_process_start_time_seconds",
	}
}

// readBackend takes apart NAMESPACE_svc_SERVICE_PORT and haproxy-ingress's NAMESPACE_SERVICE_PORT.
// Underscores cannot occur in the parts.
func readBackend(label func(string) string, c *model.Count) bool {
	parts := bytes.Split([]byte(label("proxy")), []byte{'_'})
	if len(parts) == 4 && string(parts[1]) == "svc" {
		parts = append(parts[:1], parts[2:]...)
	}
	if len(parts) != 3 || len(parts[0]) == 0 || len(parts[1]) == 0 {
		return false
	}
	c.RouteNamespace, c.Service, c.ServicePort = string(parts[0]), string(parts[1]), string(parts[2])
	return true
}
