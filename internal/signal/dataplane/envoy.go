package dataplane

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// EnvoyClusters reads what Envoy's admin interface answers to /clusters?format=json
// (envoyproxy/envoy, api/envoy/admin/v3/clusters.proto). Hosts that the control plane itself calls unhealthy
// are left out; those that fail Envoy's own checks are loaded all the same.
func EnvoyClusters(data []byte) ([]model.Loaded, error) {
	var doc struct {
		Clusters []struct {
			Name  string `json:"name"`
			Hosts []struct {
				Address struct {
					Socket struct {
						Address string `json:"address"`
						Port    int    `json:"port_value"`
					} `json:"socket_address"`
				} `json:"address"`
				Health struct {
					EDS string `json:"eds_health_status"`
				} `json:"health_status"`
			} `json:"host_statuses"`
		} `json:"cluster_statuses"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read Envoy's clusters: %w", err)
	}
	var out []model.Loaded
	for _, c := range doc.Clusters {
		l := model.Loaded{Source: "Envoy /clusters", Backend: c.Name}
		l.Namespace, l.Service, l.Port = envoyName(c.Name)
		for _, h := range c.Hosts {
			if s := h.Address.Socket; s.Address != "" && (h.Health.EDS == "" || h.Health.EDS == "HEALTHY" || h.Health.EDS == "UNKNOWN") {
				l.Addresses = append(l.Addresses, net.JoinHostPort(s.Address, strconv.Itoa(s.Port)))
			}
		}
		out = append(out, tidy(l))
	}
	return out, nil
}

// envoyName takes a cluster's name apart: shop/cart/80/da39a3ee5e is Contour's,
// outbound|80||cart.shop.svc.cluster.local Istio's. Envoy Gateway names the route, not the Service.
func envoyName(name string) (namespace, service, port string) {
	if parts := strings.Split(name, "|"); len(parts) == 4 && parts[0] == "outbound" && parts[2] == "" {
		host := strings.Split(parts[3], ".")
		if len(host) > 2 && host[2] == "svc" {
			return host[1], host[0], parts[1]
		}
		return "", "", ""
	}
	if parts := strings.Split(name, "/"); len(parts) == 4 && parts[0] != "" {
		return parts[0], parts[1], parts[2]
	}
	return "", "", ""
}
