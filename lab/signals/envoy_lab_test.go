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
	"github.com/gatemend/gatemend/lab/gateway/sending"
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
func config(t *testing.T, address, logs, otel, overHTTP string, table gateway.Table) string {
	t.Helper()
	e := sending.Envoy{Address: address, ALS: logs, OTLP: otel, OTLPHTTP: overHTTP, Token: "secret"}
	for _, b := range table.Backends {
		e.Hosts = append(e.Hosts, sending.Host{
			Name: b.Key.Service + ".test", Cluster: b.Key.Namespace + "_" + b.Key.Service + "_" + b.Key.Port, Endpoints: b.Endpoints,
		})
	}
	text, err := e.Bootstrap()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// run starts Envoy; it ends with the test.
func run(t *testing.T, bootstrap string) *gatewaytest.Stream {
	t.Helper()
	store, err := binary.Open("", "..", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	programs, err := store.Ensure(t.Context(), "newer-envoy")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "envoy.yaml")
	if err := os.WriteFile(file, []byte(bootstrap), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, programs["newer-envoy"], "-c", file, "--concurrency", "1", "--file-flush-interval-msec", "50", "--disable-hot-restart", "--log-level", "warning")
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

// What Envoy sends over its access log service, and as OpenTelemetry over gRPC and HTTP, is what it writes to its log, failure by failure.
func TestEnvoySendsWhatItWrites(t *testing.T) {
	table, _ := gatewaytest.Failing(t)
	logs, address := listen(t), gatewaytest.FreeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := als.Serve(ctx, logs, als.Options{Admit: admit.Rules{Token: "secret"}})
	otel, overHTTP := listen(t), listen(t)
	o := otlp.Serve(ctx, otel, nil, otlp.Options{Admit: admit.Rules{Token: "secret"}})
	h := otlp.Serve(ctx, nil, overHTTP, otlp.Options{Admit: admit.Rules{Token: "secret"}})
	defer func() {
		cancel()
		for range r.Signals() {
		}
		for range o.Signals() {
		}
		for range h.Signals() {
		}
	}()
	out := run(t, config(t, address, logs.Addr().String(), otel.Addr().String(), overHTTP.Addr().String(), table))
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
	posted := map[string]int{}
	for range 2 * want {
		select {
		case s := <-o.Signals():
			opened[key(s)]++
		case s := <-h.Signals():
			posted[key(s)]++
		case <-timeout:
			t.Fatalf("%d and %d of %d records came; counts %+v, %+v", len(opened), len(posted), want, o.Counts(), h.Counts())
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
	for how, got := range map[string]map[string]int{"gRPC": opened, "HTTP": posted} {
		for k, n := range got {
			if written[k] != n {
				t.Errorf("sent as OpenTelemetry over %s %d times, written %d times: %s", how, n, written[k], k)
			}
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
