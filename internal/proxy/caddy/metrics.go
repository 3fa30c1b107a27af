package caddy

import (
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// metrics: Caddy counts every handler that a request passes; only with per_host does it say for which host
// (caddyserver/caddy, modules/caddyhttp/metrics.go). The outermost handler of a site is a subroute. Its
// ingress controller serves them on port 9765 (caddyserver/ingress, charts/caddy-ingress-controller).
func metrics() proxy.Metrics {
	return proxy.Metrics{
		Endpoints: []proxy.MetricsEndpoint{{Port: 9765, Path: "/metrics"}, {Port: 2019, Path: "/metrics"}},
		Requests: []proxy.RequestCounter{{
			Name: "caddy_http_request_duration_seconds_count", Status: "code", Only: map[string]string{"handler": "subroute"},
			Read: func(label func(string) string, c *model.Count) bool {
				c.Host, c.Path = label("host"), "/"
				return c.Host != ""
			},
		}},
		Started: "process_start_time_seconds",
	}
}
