//go:build lab

package controller_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/manifest"
)

const prometheusPort = "9095"

// TestCountedByPrometheus has a controller learn of requests from a Prometheus alone: it follows no log. While Prometheus is
// away that is said, and when it is back incidents go on.
func TestCountedByPrometheus(t *testing.T) {
	b := open(t)
	dir := t.TempDir()
	stop := b.prometheus(t, dir)
	began := time.Now()
	b.installChart(t, map[string]any{"mode": "propose", "signals": map[string]any{"prometheus": "http://" + net.JoinHostPort(b.Nodes()[0].IP, prometheusPort)}})
	f := b.breaks(t, "wrong-target-port")
	at := time.Now()
	b.await(t, f, "Proposed")
	t.Logf("proposed %s after the fault, by what Prometheus scrapes each second", time.Since(at).Round(100*time.Millisecond))

	stop()
	b.Await(t, "it to be said that the store is away", time.Minute, func() bool { return strings.Contains(b.logged(t), "metrics at http://") })
	stop = b.prometheus(t, dir)
	if err := f.Restore(t.Context(), b.Client); err != nil {
		t.Fatal(err)
	}
	b.await(t, f, "Resolved")
	before := b.incidents(t)
	f = b.breaks(t, "readiness-path")
	b.awaitNew(t, f, before, "Proposed")
	stop()
	if open := b.openLogs(t, began); len(open) > 0 {
		t.Errorf("it follows the logs of %v", open)
	}
	if wrote := b.wrote(t); len(wrote) > 0 {
		t.Errorf("it changed %v", wrote)
	}
	if denied := b.denied(t); len(denied) > 0 {
		t.Errorf("it may not do what it tries to: %s", strings.Join(denied, ", "))
	}
	b.bounded(t)
}

// prometheus runs the real one in the cluster's network, which scrapes the gateways that count by status, until stop.
func (b *bench) prometheus(t *testing.T, dir string) (stop func()) {
	t.Helper()
	store, err := binary.Open("", ".", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Install(t.Context(), binary.MonitoringPackages()); err != nil {
		t.Fatal(err)
	}
	program, err := binary.LookHost("prometheus")
	if err != nil {
		t.Fatal(err)
	}
	var config strings.Builder
	config.WriteString("global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n")
	for _, g := range manifest.Gateways() {
		at, ok := map[string][2]string{"envoy": {"8002", "/stats/prometheus"}, "haproxy": {"1024", "/metrics"}}[g.Name]
		if !ok {
			continue
		}
		d, err := b.Client.Kube.AppsV1().Deployments(g.Namespace).Get(t.Context(), g.Service, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		pods, err := b.Client.Pods(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pods {
			fmt.Fprintf(&config, "  - {job_name: %q, metrics_path: %q, static_configs: [{targets: [%q]}]}\n", g.Name, at[1], net.JoinHostPort(p.Status.PodIP, at[0]))
		}
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context()) // it is stopped below
	cmd, err := b.Command(ctx, program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address=0.0.0.0:"+prometheusPort)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { end(cmd) }
	t.Cleanup(stop)
	return stop
}

// end stops a program that may have ended, and waits for it.
func end(cmd *exec.Cmd) {
	if cmd.ProcessState != nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
}

// logged is what all replicas have logged.
func (b *bench) logged(t *testing.T) string {
	t.Helper()
	pods, err := b.Client.Kube.CoreV1().Pods(b.namespace).List(t.Context(), ownPods)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, p := range pods.Items {
		text, err := b.Client.Kube.CoreV1().Pods(b.namespace).GetLogs(p.Name, &corev1.PodLogOptions{}).DoRaw(t.Context())
		if err != nil {
			t.Logf("log of %s: %v", p.Name, err)
			continue
		}
		all.Write(text)
	}
	return all.String()
}
