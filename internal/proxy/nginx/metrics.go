package nginx

import (
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// metrics: nginx alone counts requests without their statuses; what is here comes from the controllers.
//
//   - ingress-nginx counts by Ingress, host and path of the rule (kubernetes/ingress-nginx,
//     internal/ingress/metric/collectors/socket.go; port 10254).
//   - NGINX Inc.'s controller counts with -enable-latency-metrics what reached an upstream
//     (nginx/kubernetes-ingress, internal/metrics/collectors/latency.go; port 9113), and with NGINX Plus
//     by server zone, which is a host (nginx/nginx-prometheus-exporter, README.md).
//   - NGINX Gateway Fabric counts with NGINX Plus only, by upstream and class
//     (nginx/nginx-gateway-fabric, its monitoring page).
//
// None of them says why a request failed.
func metrics() proxy.Metrics {
	return proxy.Metrics{
		Endpoints: []proxy.MetricsEndpoint{{Port: 10254, Path: "/metrics"}, {Port: 9113, Path: "/metrics"}},
		Requests: []proxy.RequestCounter{
			{Name: "nginx_ingress_controller_requests", Status: "status", Read: readIngress},
			{Name: "nginx_ingress_nginxplus_server_zone_responses_codes", Status: "code", Read: readZone},
			{Name: "nginx_ingress_controller_upstream_server_response_latency_ms_count", Status: "code", Read: readResource},
			{Name: "nginx_http_upstream_peer_responses_total", Status: "nginx_status_range", Read: readPeer},
		},
		Started: "nginx_ingress_controller_nginx_process_oldest_start_time_seconds",
	}
}

func readIngress(label func(string) string, c *model.Count) bool {
	c.RouteNamespace, c.RouteName, c.Service = label("namespace"), label("ingress"), label("service")
	if c.RouteName == "" || c.RouteName == "-" {
		return false // no location matched
	}
	if c.Service == "-" {
		c.Service = ""
	}
	if c.Host = label("host"); c.Host == "_" || c.Host == "-" {
		c.Host = ""
	}
	if c.Path = label("path"); !strings.HasPrefix(c.Path, "/") {
		c.Path = ""
	}
	return true
}

func readZone(label func(string) string, c *model.Count) bool {
	c.Host = label("server_zone")
	c.Path = "/"
	return c.Host != ""
}

func readResource(label func(string) string, c *model.Count) bool {
	c.RouteNamespace, c.RouteName, c.Service = label("resource_namespace"), label("resource_name"), label("service")
	return c.RouteNamespace != "" && (c.RouteName != "" || c.Service != "")
}

// readPeer takes NAMESPACE_SERVICE_PORT apart.
func readPeer(label func(string) string, c *model.Count) bool {
	parts := strings.Split(label("nginx_upstream_name"), "_")
	if len(parts) != 3 {
		return false
	}
	c.RouteNamespace, c.Service, c.ServicePort = parts[0], parts[1], parts[2]
	return true
}
