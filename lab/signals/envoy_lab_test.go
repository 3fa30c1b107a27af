//go:build lab

package signals

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/envoy"
	"github.com/gatemend/gatemend/internal/signal/admit"
	"github.com/gatemend/gatemend/internal/signal/als"
	"github.com/gatemend/gatemend/internal/signal/otlp"
	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/gateway"
	"github.com/gatemend/gatemend/lab/gateway/gatewaytest"
)

// requests is how many are made of each host.
const requests = 20

func listen(t *testing.T) net.Listener {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// config is Envoy's bootstrap: a host for each backend, and every access log that it has.
func config(address, logs, otel string, table gateway.Table) string {
	var hosts, clusters strings.Builder
	for _, b := range table.Backends {
		name := b.Key.Namespace + "_" + b.Key.Service + "_" + b.Key.Port
		fmt.Fprintf(&hosts, "            - {name: %[1]s, domains: [%[2]s.test], routes: [{match: {prefix: /}, route: {cluster: %[1]s}}]}\n", name, b.Key.Service)
		fmt.Fprintf(&clusters, "  - name: %s\n    connect_timeout: 2s\n    load_assignment:\n      cluster_name: %[1]s\n      endpoints: [{lb_endpoints: [", name)
		for i, e := range b.Endpoints {
			host, port, _ := strings.Cut(e, ":")
			if i > 0 {
				clusters.WriteString(", ")
			}
			fmt.Fprintf(&clusters, "{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}", host, port)
		}
		clusters.WriteString("]}]\n")
	}
	_, port, _ := strings.Cut(address, ":")
	host, logPort, _ := strings.Cut(logs, ":")
	_, otelPort, _ := strings.Cut(otel, ":")
	return fmt.Sprintf(`node: {id: edge-1, cluster: edge}
static_resources:
  listeners:
  - name: http
    address: {socket_address: {address: 127.0.0.1, port_value: %s}}
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
                grpc_service: {envoy_grpc: {cluster_name: logs}, initial_metadata: [{key: authorization, value: Bearer secret}]}
          - name: envoy.access_loggers.open_telemetry
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig
              common_config:
                log_name: gatemend
                transport_api_version: V3
                buffer_flush_interval: 0.1s
                grpc_service: {envoy_grpc: {cluster_name: otel}, initial_metadata: [{key: authorization, value: Bearer secret}]}
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
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
%s  clusters:
%s  - name: logs
    connect_timeout: 2s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: logs
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}]}]
  - name: otel
    connect_timeout: 2s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment:
      cluster_name: otel
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}]}]
`, port, hosts.String(), clusters.String(), host, logPort, host, otelPort)
}

// run starts Envoy; it ends with the test.
func run(t *testing.T, bootstrap string) *gatewaytest.Stream {
	t.Helper()
	store, err := binary.Open("", "..", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	programs, err := store.Ensure(t.Context(), "envoy")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, []byte(bootstrap), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, programs["envoy"], "-c", file, "--concurrency", "1", "--file-flush-interval-msec", "50", "--use-dynamic-base-id", "--log-level", "warning")
	out := &gatewaytest.Stream{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	return out
}

func get(t *testing.T, address, host string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/of/"+host, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host, req.Close = host, true
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body) // what it says is not looked at
			resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("get %s: %v", host, err)
		}
	}
}

// key is what two ways of hearing of one request must agree in.
func key(s model.Signal) string {
	var tries []string
	for _, a := range s.Tries {
		tries = append(tries, fmt.Sprint(a.Address, "=", a.Status))
	}
	return fmt.Sprintln(s.At.UTC().Format("15:04:05.000"), s.Request, s.Status, s.Failure, tries)
}

// What Envoy sends over its access log service, and as OpenTelemetry, is what it writes to its log, failure by failure.
func TestEnvoySendsWhatItWrites(t *testing.T) {
	table, _ := gatewaytest.Failing(t)
	logs, address := listen(t), gatewaytest.FreeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := als.Serve(ctx, logs, als.Options{Admit: admit.Rules{Token: "secret"}})
	otel := listen(t)
	o := otlp.Serve(ctx, otel, nil, otlp.Options{Admit: admit.Rules{Token: "secret"}})
	defer func() {
		cancel()
		for range r.Signals() {
		}
		for range o.Signals() {
		}
	}()
	out := run(t, config(address, logs.Addr().String(), otel.Addr().String(), table))
	want := 0
	for _, b := range table.Backends {
		for range requests {
			get(t, address, b.Key.Service+".test")
			want++
		}
	}
	get(t, address, "nobody.test")
	want++
	opened := map[string]int{}
	sent := map[string]int{}
	failures := map[model.FailureKind]int{}
	timeout := time.After(time.Minute)
	for range want {
		select {
		case s := <-r.Signals():
			sent[key(s)]++
			failures[s.Failure]++
			// Envoy names no cluster where it had nobody to send the request to.
			if s.RouteNamespace != "shop" && len(s.Tries) > 0 || s.Source != "als/edge/edge-1" {
				t.Errorf("got %+v", s)
			}
		case <-timeout:
			t.Fatalf("%d of %d entries came; counts %+v, unseen %v\n%s", len(sent), want, r.Counts(), r.Unseen(), out.String())
		}
	}
	t.Logf("heard %v", failures)
	for range want {
		select {
		case s := <-o.Signals():
			opened[key(s)]++
		case <-timeout:
			t.Fatalf("%d of %d records came; counts %+v", len(opened), want, o.Counts())
		}
	}
	for _, f := range []model.FailureKind{model.NoFailure, model.Refused, model.ClosedEarly, model.NoEndpoints, model.UpstreamStatus, model.NoRoute} {
		if failures[f] == 0 {
			t.Errorf("no request failed by %q", f)
		}
	}
	written := awaitLines(t, out, want)
	for k, n := range written {
		if sent[k] != n {
			t.Errorf("written %d times, sent %d times: %s", n, sent[k], k)
		}
	}
	for k, n := range opened {
		if written[k] != n {
			t.Errorf("sent as OpenTelemetry %d times, written %d times: %s", n, written[k], k)
		}
	}
	for k, n := range sent {
		if written[k] == 0 {
			t.Errorf("sent %d times, not written: %s", n, k)
		}
	}
}

// awaitLines reads the access log until it has so many lines.
func awaitLines(t *testing.T, out *gatewaytest.Stream, want int) map[string]int {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		written, n, parser := map[string]int{}, 0, envoy.NewParser()
		for line := range bytes.Lines([]byte(out.String())) {
			var s model.Signal
			if parser.Parse(line, &s) == proxy.Access {
				written[key(s)]++
				n++
			}
		}
		if n >= want {
			return written
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d lines were written:\n%s", n, want, out.String())
		}
	}
}
