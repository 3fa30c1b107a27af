// Package sending configures an Envoy that sends what it sees to gatemend, beside writing it.
package sending

import (
	"fmt"
	"net"
	"strings"
)

// Envoy is an Envoy that listens at an address, and sends access logs to three others.
type Envoy struct {
	Address  string // where it takes requests
	ALS      string // who takes its access logs over gRPC
	OTLP     string // who takes them as OpenTelemetry logs, over gRPC
	OTLPHTTP string // who takes them as OpenTelemetry logs, over HTTP
	Token    string // what it shows these three
	Hosts    []Host
}

// Host is a name that it serves.
type Host struct {
	Name      string
	Cluster   string   // the name of the group of its endpoints
	Endpoints []string // address:port
}

// Bootstrap is its configuration.
func (e Envoy) Bootstrap() (string, error) {
	var hosts, clusters strings.Builder
	for _, h := range e.Hosts {
		fmt.Fprintf(&hosts, "            - {name: %[1]s, domains: [%[2]s], routes: [{match: {prefix: /}, route: {cluster: %[1]s}}]}\n", h.Cluster, h.Name)
		fmt.Fprintf(&clusters, "  - name: %s\n    connect_timeout: 2s\n    load_assignment:\n      cluster_name: %[1]s\n      endpoints: [{lb_endpoints: [", h.Cluster)
		for i, at := range h.Endpoints {
			endpoint, err := socket(at)
			if err != nil {
				return "", err
			}
			if i > 0 {
				clusters.WriteString(", ")
			}
			clusters.WriteString(endpoint)
		}
		clusters.WriteString("]}]\n")
	}
	for _, to := range [...]struct{ name, address, http string }{{"logs", e.ALS, "http2"}, {"otel", e.OTLP, "http2"}, {"otel-http", e.OTLPHTTP, "http"}} {
		endpoint, err := socket(to.address)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&clusters, receiver, to.name, endpoint, to.http)
	}
	host, port, err := net.SplitHostPort(e.Address)
	if err != nil {
		return "", fmt.Errorf("configure Envoy: %w", err)
	}
	grpc := fmt.Sprintf(`grpc_service: {envoy_grpc: {cluster_name: otel}, initial_metadata: [{key: authorization, value: Bearer %s}]}`, e.Token)
	over := fmt.Sprintf(`http_service: {http_uri: {uri: "http://%s/v1/logs", cluster: otel-http, timeout: 2s}, request_headers_to_add: [{header: {key: authorization, value: Bearer %s}}]}`, e.OTLPHTTP, e.Token)
	return fmt.Sprintf(bootstrap, host, port, e.Token, hosts.String(), clusters.String(), fmt.Sprintf(openTelemetry, grpc)+fmt.Sprintf(openTelemetry, over)), nil
}

// socket is an endpoint of a cluster.
func socket(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("configure Envoy: %w", err)
	}
	return fmt.Sprintf("{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}", host, port), nil
}

const receiver = `  - name: %[1]s
    connect_timeout: 2s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {%[3]s_protocol_options: {}}
    load_assignment:
      cluster_name: %[1]s
      endpoints: [{lb_endpoints: [%[2]s]}]
`

// openTelemetry is an access log as OpenTelemetry logs, over gRPC or HTTP.
const openTelemetry = `          - name: envoy.access_loggers.open_telemetry
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig
              log_name: gatemend
              buffer_flush_interval: 0.1s
              %[1]s
              attributes:
                values:
                - {key: method, value: {string_value: "%%REQ(:METHOD)%%"}}
                - {key: path, value: {string_value: "%%REQ(:PATH)%%"}}
                - {key: authority, value: {string_value: "%%REQ(:AUTHORITY)%%"}}
                - {key: response_code, value: {string_value: "%%RESPONSE_CODE%%"}}
                - {key: response_flags, value: {string_value: "%%RESPONSE_FLAGS%%"}}
                - {key: response_code_details, value: {string_value: "%%RESPONSE_CODE_DETAILS%%"}}
                - {key: duration, value: {string_value: "%%DURATION%%"}}
                - {key: upstream_host, value: {string_value: "%%UPSTREAM_HOST%%"}}
                - {key: upstream_cluster, value: {string_value: "%%UPSTREAM_CLUSTER%%"}}
`

const bootstrap = `node: {id: edge-1, cluster: edge}
static_resources:
  listeners:
  - name: http
    address: {socket_address: {address: %[1]s, port_value: %[2]s}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: http
          access_log:
          - name: envoy.access_loggers.stdout
            typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog}
          - name: envoy.access_loggers.http_grpc
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig
              common_config:
                log_name: gatemend
                transport_api_version: V3
                buffer_flush_interval: 0.1s
                grpc_service: {envoy_grpc: {cluster_name: logs}, initial_metadata: [{key: authorization, value: Bearer %[3]s}]}
%[6]s          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
%[4]s  clusters:
%[5]s`
