package kong

import (
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// metrics: the plugin prometheus with status_code_metrics counts by route and service, and says whether Kong
// answered itself (Kong/kong, kong/plugins/prometheus/exporter.lua; port 8100 is the chart's status
// listener). A Service of Kubernetes is NAMESPACE.SERVICE.PORT (Kong/kubernetes-ingress-controller,
// internal/dataplane/translator); none of the parts can have a dot.
func metrics() proxy.Metrics {
	return proxy.Metrics{
		Endpoints: []proxy.MetricsEndpoint{{Port: 8100, Path: "/metrics"}},
		Requests:  []proxy.RequestCounter{{Name: "kong_http_requests_total", Status: "code", Read: readService}},
	}
}

func readService(label func(string) string, c *model.Count) bool {
	switch {
	case c.Class != 5:
	case label("source") == "service":
		c.Failure = model.UpstreamStatus
	default:
		c.Failure = model.OtherFailure
	}
	parts := strings.Split(label("service"), ".")
	if len(parts) != 3 {
		return false
	}
	c.RouteNamespace, c.Service, c.ServicePort = parts[0], parts[1], parts[2]
	return true
}
