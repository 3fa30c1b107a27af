//go:build lab

package detection

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/load"
	"github.com/gatemend/gatemend/lab/manifest"
)

const ownCluster = "detection"

var (
	measure = flag.Bool("measure", false, "also measure the usual setup, with every fault; a quarter of an hour")
	record  = flag.String("record", "", "folder for the metrics that the proxies expose while they fail")
)

// world is the cluster with the shop, whose routes are asked all the time.
type world struct {
	cluster *cluster.Cluster
	client  *manifest.Client
	load    *load.Run
	pods    []Scraped
	paths   map[string]string // Prometheus and Alertmanager
	program string            // gatemend
}

const rate = 20 // requests a second and route

func open(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	store, err := binary.Open("", ".", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{program: labtest.Program(t), paths: map[string]string{}}
	if err := store.Install(ctx, binary.MonitoringPackages()); err != nil {
		t.Fatal(err)
	}
	for _, p := range binary.MonitoringPackages() {
		if w.paths[p.Name], err = binary.LookHost(p.File); err != nil {
			t.Fatal(err)
		}
	}
	in := labtest.Open(t, ownCluster, cluster.Options{Name: ownCluster})
	w.cluster, w.client = in.Cluster, in.Client
	in.Install(t)
	var targets []load.Target
	for _, g := range manifest.Gateways() {
		if g.Name == "envoy-json" {
			continue // the same proxy once more
		}
		address, err := w.client.Address(ctx, g)
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, load.Target{Name: g.Name, Address: address, Host: g.Hosts[0]})
		w.pods = append(w.pods, w.scraped(t, g)...)
	}
	if w.load, err = load.Start(ctx, w.cluster.DialContext, targets, load.Limits{Rate: rate, Count: rate * 2400, Duration: 40 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.load.Stop() })
	return w
}

// scraped are the pods of a gateway that expose metrics with statuses, which nginx does not.
func (w *world) scraped(t *testing.T, g manifest.Gateway) []Scraped {
	t.Helper()
	at := map[string][2]string{"envoy": {"8002", "/stats/prometheus"}, "haproxy": {"1024", "/metrics"}}[g.Name]
	if at[0] == "" {
		return nil
	}
	d, err := w.client.Kube.AppsV1().Deployments(g.Namespace).Get(t.Context(), g.Service, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods, err := w.client.Pods(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	var out []Scraped
	for _, p := range pods {
		out = append(out, Scraped{Job: g.Name, Address: p.Status.PodIP + ":" + at[0], Path: at[1]})
	}
	return out
}

// routes are the three that are broken in the same moment, each behind its proxy.
func routes() map[string]string {
	return map[string]string{
		"nginx": manifest.Host(manifest.Web), "envoy": manifest.Host(manifest.Cart), "haproxy": manifest.Host(manifest.API),
	}
}

// breakage is one fault of all three Services.
type breakage struct {
	name   string
	inject func(ctx context.Context, c *manifest.Client, role string) error
}

func breakages() []breakage {
	service := func(change func(*corev1.Service)) func(context.Context, *manifest.Client, string) error {
		return func(ctx context.Context, c *manifest.Client, role string) error {
			s := manifest.Service(role)
			change(s)
			return c.Replace(ctx, s)
		}
	}
	return []breakage{
		{"wrong target port", service(func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromInt32(9090) })},
		{"wrong selector", service(func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": "nobody"} })},
		{"the application answers 502", func(ctx context.Context, c *manifest.Client, role string) error {
			d := manifest.Deployment(role)
			box := &d.Spec.Template.Spec.Containers[0]
			box.Env = append(box.Env, corev1.EnvVar{Name: "SHOP_ERROR_SHARE", Value: "1"})
			return c.Replace(ctx, d)
		}},
	}
}

// TestSideBySide breaks all routes and waits until everybody who can notice has. gatemend must notice on
// every route by logs, and on those behind Envoy and HAProxy by metrics, and must be told by Alertmanager.
func TestSideBySide(t *testing.T) {
	w := open(t)
	setups, faults := Setups(), breakages()
	if !*measure {
		setups, faults = setups[1:], faults[:1]
	}
	var table strings.Builder
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			w.round(t, f, setups, &table)
		})
	}
	t.Logf("seconds from the first error that a client got\n| fault | proxy | gatemend, logs | gatemend, node's files | gatemend, scraping | gatemend, PromQL | Prometheus + Alertmanager, tuned | usual |\n|---|---|---|---|---|---|---|---|\n%s", table.String())
}

// round breaks the routes once, with fresh watchers and servers.
func (w *world) round(t *testing.T, f breakage, setups []Setup, table io.Writer) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	dir := t.TempDir()
	p := &programs{cluster: w.cluster, dir: dir}
	defer p.stop()
	if err := p.monitor(ctx, w.paths, setups, w.pods); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(dir, "token")
	if err := os.WriteFile(secret, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	watchers := map[string][]string{
		"logs":   {"--alerts", fmt.Sprintf("127.0.0.1:%d", receiverPort), "--alerts-token-file", secret},
		"scrape": {"--no-logs", "--scrape=1s"},
		"node":   {"--no-logs", "--node-logs", w.cluster.Nodes()[0].PodLogs()},
		"promql": {"--no-logs", "--prometheus", fmt.Sprintf("http://127.0.0.1:%d", Setups()[1].Port), "--prometheus-every=1s"},
	}
	file := func(name string) string { return filepath.Join(dir, name+".jsonl") }
	for name, flags := range watchers {
		if err := p.start(ctx, "gatemend-"+name, append([]string{w.program, "watch", "-o", "json", "--events", file(name)}, flags...)...); err != nil {
			t.Fatal(err)
		}
	}
	// A rate needs two scrapes.
	wait(ctx, t, "the servers to have seen healthy traffic", 3*time.Minute, func() bool {
		return w.seconds() > 0 && w.calmFor(warm(setups))
	})
	injected := time.Now()
	for _, role := range []string{manifest.Web, manifest.Cart, manifest.API} {
		if err := f.inject(ctx, w.client, role); err != nil {
			t.Fatal(err)
		}
	}
	heard := func(name, kind, host, word string) time.Time {
		all, err := events(file(name))
		if err != nil {
			t.Fatal(err)
		}
		return first(all, kind, host, word, injected)
	}
	// Contour counts by Service: an alert about the cart may be about either of the two routes to it.
	told := func(host, setup string) time.Time {
		if at := heard("logs", "notice", host, setup); !at.IsZero() || host != manifest.Host(manifest.Cart) {
			return at
		}
		return heard("logs", "notice", manifest.Host("cart-gw"), setup)
	}
	columns := func(host string) []time.Time {
		times := []time.Time{
			heard("logs", "alarm", host, ""), heard("node", "alarm", host, ""), heard("scrape", "alarm", host, ""), heard("promql", "alarm", host, ""),
			told(host, "tuned"), told(host, "usual"),
		}
		return times[:4+len(setups)]
	}
	wait(ctx, t, "everybody to notice", 200*time.Second, func() bool {
		for proxy, host := range routes() {
			for i, at := range columns(host) {
				if at.IsZero() && (proxy != "nginx" || i < 2) {
					return false
				}
			}
		}
		return true
	})
	w.write(t, f.name)
	for _, proxy := range []string{"nginx", "envoy", "haproxy"} {
		began := w.firstError(routes()[proxy], injected)
		fmt.Fprintf(table, "| %s | %s |", f.name, proxy)
		for i, at := range columns(routes()[proxy]) {
			switch {
			case proxy == "nginx" && i > 1:
				fmt.Fprint(table, " – |")
			case at.IsZero():
				fmt.Fprint(table, " never |")
				t.Errorf("%s: column %d never noticed", proxy, i+1)
			default:
				fmt.Fprintf(table, " %.1f |", at.Sub(began).Seconds())
			}
		}
		fmt.Fprintln(table)
	}
	p.stop()
	if t.Failed() {
		for _, name := range []string{"gatemend-logs", "gatemend-node", "gatemend-scrape", "gatemend-promql", "alertmanager", "tuned", "usual"} {
			text, _ := os.ReadFile(filepath.Join(dir, name+".log")) // there may be none
			t.Logf("%s:\n%.3000s", name, text)
		}
	}
	if err := w.client.Reset(ctx); err != nil {
		t.Fatal(err)
	}
}

// warm is how long all must be well before a fault.
func warm(setups []Setup) time.Duration {
	if len(setups) > 1 {
		return 45 * time.Second
	}
	return 10 * time.Second
}

func (w *world) seconds() int { return len(w.load.Report()[0].Seconds) }

// calmFor reports whether no client got an error for so long.
func (w *world) calmFor(d time.Duration) bool {
	for _, r := range w.load.Report() {
		if len(r.Seconds) == 0 || r.LastGood.Sub(r.Seconds[0].At) < d || !r.LastError.IsZero() && r.LastGood.Sub(r.LastError) < d {
			return false
		}
	}
	return true
}

// firstError is the second in which the first client got an error after the injection.
func (w *world) firstError(host string, since time.Time) time.Time {
	for _, r := range w.load.Report() {
		if r.Target.Host != host {
			continue
		}
		for _, s := range r.Seconds {
			bad := s.Transport
			for status, n := range s.Status {
				if status >= 500 {
					bad += n
				}
			}
			if bad > 0 && !s.At.Before(since.Truncate(time.Second)) {
				if s.At.Before(since) {
					return since
				}
				return s.At
			}
		}
	}
	return since
}

// write keeps what the proxies expose while they fail.
func (w *world) write(t *testing.T, fault string) {
	t.Helper()
	if *record == "" {
		return
	}
	client := &http.Client{Transport: &http.Transport{DialContext: w.cluster.DialContext}}
	for _, p := range w.pods {
		resp, err := client.Get("http://" + p.Address + p.Path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // all is read
		name := strings.ReplaceAll(p.Job+"-"+fault, " ", "-") + ".txt"
		if err := os.WriteFile(filepath.Join(*record, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// wait polls until a condition holds, within a limit; what does not come shows in the table.
func wait(ctx context.Context, t *testing.T, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Logf("waited %s for %s", limit, what)
			return
		case <-tick.C:
		}
	}
}
