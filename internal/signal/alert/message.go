package alert

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// Message is what Alertmanager sends, as far as it is read.
type Message struct {
	Version string  `json:"version"`
	Alerts  []Alert `json:"alerts"`
	// Truncated is how many alerts were left out because of max_alerts.
	Truncated uint64 `json:"truncatedAlerts"`
}

// Alert is one alert of a message.
type Alert struct {
	Status      string            `json:"status"` // firing or resolved
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Fingerprint string            `json:"fingerprint"`
}

var errNotV4 = errors.New("this is no webhook of Alertmanager in version 4")

// Parse reads a message.
func Parse(body []byte) (Message, error) {
	var m Message
	if err := json.Unmarshal(body, &m); err != nil {
		return Message{}, fmt.Errorf("%w: %w", errNotV4, err)
	}
	if m.Version != "4" {
		return Message{}, fmt.Errorf("%w: version is %q", errNotV4, m.Version)
	}
	return m, nil
}

// Notice is what an alert says.
func (a Alert) Notice() model.Notice {
	n := model.Notice{At: a.StartsAt, Source: "Alertmanager", Text: cmp.Or(a.Labels["alertname"], "an alert without a name"), About: targets(a.Labels)}
	if s := cmp.Or(a.Annotations["summary"], a.Annotations["description"]); s != "" {
		n.Text += ": " + strings.Join(strings.Fields(s), " ")
	}
	if len(n.About) == 0 {
		n.Text += " (its labels name no route: none of httproute, ingress, service, host or namespace, and no series of a gateway)"
	}
	return n
}

// targets is what labels may be about, the most specific first:
//
//	httproute, grpcroute, httpproxy, ingressroute, virtualservice, ingress   the object in the namespace
//	host (or hostname, vhost, server_name) and path                          the request
//	service, service_name, destination_service_name                          the Service in the namespace
//	envoy_cluster_name, proxy, router, ... as in the gateways' own series    the Service or route that they name
//	namespace (or destination_service_namespace)                             all routes in it
//
// A server renames the labels of a gateway that collide with its own to exported_namespace and so on; these
// are asked first.
func targets(labels map[string]string) []model.Target {
	get := func(names ...string) string {
		for _, n := range names {
			if v := cmp.Or(labels["exported_"+n], labels[n]); v != "" {
				return v
			}
		}
		return ""
	}
	namespace := get("destination_service_namespace", "route_namespace", "resource_namespace", "namespace")
	var out []model.Target
	object := func(apiVersion, kind, namespace, name string) {
		ref := model.Ref{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
		named := slices.ContainsFunc(out, func(t model.Target) bool { return t.Object != nil && *t.Object == ref })
		if name != "" && namespace != "" && !named {
			out = append(out, model.Target{Object: &ref})
		}
	}
	object("gateway.networking.k8s.io/v1", "HTTPRoute", namespace, get("httproute", "httproute_name"))
	object("gateway.networking.k8s.io/v1", "GRPCRoute", namespace, get("grpcroute"))
	object("projectcontour.io/v1", "HTTPProxy", namespace, get("httpproxy"))
	object("traefik.io/v1alpha1", "IngressRoute", namespace, get("ingressroute"))
	object("networking.istio.io/v1", "VirtualService", namespace, get("virtualservice"))
	object("networking.k8s.io/v1", "Ingress", namespace, get("ingress"))
	if host := get("host", "hostname", "vhost", "server_name"); host != "" && host != "_" && host != "*" {
		host, _, _ = strings.Cut(host, ":")
		path := get("path")
		if !strings.HasPrefix(path, "/") {
			path = "/"
		}
		out = append(out, model.Target{Request: &model.Request{Host: strings.ToLower(host), Path: path}})
	}
	object("v1", "Service", namespace, get("destination_service_name", "service_name", "service"))
	for _, c := range series(get) {
		object("v1", "Service", c.RouteNamespace, c.Service)
		object("gateway.networking.k8s.io/v1", "HTTPRoute", c.RouteNamespace, c.RouteName)
		object("networking.k8s.io/v1", "Ingress", c.RouteNamespace, c.RouteName)
	}
	if namespace != "" {
		out = append(out, model.Target{Object: &model.Ref{APIVersion: "v1", Kind: "Namespace", Name: namespace}})
	}
	return out
}

// series reads the labels as those of any gateway's counter: rules keep them.
func series(get func(...string) string) []model.Count {
	var out []model.Count
	for _, p := range all.Proxies() {
		if p.Metrics == nil {
			continue
		}
		for _, counter := range p.Metrics().Requests {
			var c model.Count
			if counter.Read(func(name string) string { return get(name) }, &c) {
				out = append(out, c)
			}
		}
	}
	return out
}
