package envoy

import (
	"strconv"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// metrics: what Envoy counts by cluster and by code, and why it failed
// (envoyproxy/envoy, docs/root/configuration/upstream/cluster_manager/cluster_stats.rst; the names in
// Prometheus's form were seen on a running Envoy), and Istio's own counter (istio/istio.io,
// content/en/docs/reference/config/metrics/index.md). Ports: Contour 8002 (projectcontour/contour,
// examples/contour/03-envoy.yaml), Envoy Gateway 19001 (envoyproxy/gateway,
// internal/xds/bootstrap/bootstrap.yaml.tpl), Istio 15090 (istio/istio, tools/packaging/common/envoy_bootstrap.json).
//
// Answers that Envoy gives without having chosen a cluster (no route, a direct response) are in none of these.
func metrics() proxy.Metrics {
	reason := func(name string, f model.FailureKind, status int, beside ...string) proxy.ReasonCounter {
		return proxy.ReasonCounter{Name: "envoy_cluster_" + name, Failure: f, Status: status, Beside: beside, Read: readCluster}
	}
	return proxy.Metrics{
		Endpoints: []proxy.MetricsEndpoint{
			{Port: 8002, Path: "/stats/prometheus"}, {Port: 19001, Path: "/stats/prometheus"}, {Port: 15090, Path: "/stats/prometheus"},
		},
		Requests: []proxy.RequestCounter{
			{Name: "istio_requests_total", Status: "response_code", Only: map[string]string{"reporter": "source"}, Read: readIstio},
			{Name: "envoy_cluster_upstream_rq", Status: "envoy_response_code", Read: readCluster},
		},
		// Which status follows from which failure: see Answer.
		Reasons: []proxy.ReasonCounter{
			reason("upstream_cx_connect_fail", model.Refused, 503, "envoy_cluster_upstream_cx_connect_timeout", "envoy_cluster_ssl_connection_error"),
			reason("upstream_cx_connect_timeout", model.ConnectTimeout, 503),
			reason("ssl_connection_error", model.TLS, 503),
			reason("upstream_cx_none_healthy", model.NoEndpoints, 503),
			reason("upstream_rq_timeout", model.ResponseTimeout, 504),
			reason("upstream_rq_per_try_timeout", model.ResponseTimeout, 504),
			reason("upstream_cx_destroy_remote_with_active_rq", model.ClosedEarly, 503, "envoy_cluster_upstream_rq_rx_reset"),
			reason("upstream_rq_rx_reset", model.Reset, 503),
			reason("upstream_cx_protocol_error", model.Protocol, 502),
			reason("upstream_rq_pending_overflow", model.Overload, 503),
		},
		Uptime: "envoy_server_uptime",
	}
}

func readCluster(label func(string) string, c *model.Count) bool {
	name := label("envoy_cluster_name")
	if name == "" {
		return false
	}
	var p Parser
	var s model.Signal
	p.backend([]byte(name), &s)
	c.RouteNamespace, c.RouteName, c.Service, c.ServicePort = s.RouteNamespace, s.RouteName, s.Service, s.ServicePort
	return c.RouteNamespace != ""
}

// readIstio takes the failure from the response flags, which are those of the access log.
func readIstio(label func(string) string, c *model.Count) bool {
	c.RouteNamespace, c.Service = label("destination_service_namespace"), label("destination_service_name")
	if c.Service == "" || c.Service == "unknown" || c.RouteNamespace == "unknown" {
		return false
	}
	status := c.Status
	if status == 0 {
		status = 100 * c.Class
	}
	flags := label("response_flags")
	e := entry{code: strconv.AppendInt(nil, int64(status), 10), flags: []byte(flags)}
	if flags == "" || flags == "-" {
		if c.Class == 5 {
			c.Failure = model.UpstreamStatus
		}
		return true
	}
	c.Failure = classify(&e, &model.Signal{Status: status})
	return true
}
