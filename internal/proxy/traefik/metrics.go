package traefik

import (
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// metrics: Traefik counts by router only with addRoutersLabels, else by service, where a request is counted
// once a server was picked: the 503 of a service without servers is in the router's counter alone
// (traefik/traefik, pkg/observability/metrics/prometheus.go, pkg/server/service/service.go). Its entry
// point traefik serves them on 8080 or, in the chart, 9100 (traefik/traefik-helm-chart, traefik/values.yaml).
func metrics() proxy.Metrics {
	return proxy.Metrics{
		Endpoints: []proxy.MetricsEndpoint{{Port: 9100, Path: "/metrics"}, {Port: 8080, Path: "/metrics"}},
		Requests: []proxy.RequestCounter{
			{Name: "traefik_router_requests_total", Status: "code", Read: readNames},
			{Name: "traefik_service_requests_total", Status: "code", Read: readNames},
		},
		Started: "process_start_time_seconds",
	}
}

// readNames leaves the provider away, which follows the names of the objects after an @.
func readNames(label func(string) string, c *model.Count) bool {
	var provider string
	c.Service, provider, _ = strings.Cut(label("service"), "@")
	c.RouteName, _, _ = strings.Cut(label("router"), "@")
	return provider != "internal" && (c.Service != "" || c.RouteName != "")
}
