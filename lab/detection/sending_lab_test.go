//go:build lab

package detection

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/binary"
	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/gateway/sending"
	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/load"
	"github.com/gatemend/gatemend/lab/manifest"
)

// Ports of the Envoy that sends, and of those to whom it does.
const (
	sendingPort = 18080
	alsPort     = 19001
	otlpPort    = 19002
	postPort    = 19003
)

// TestAloneByEachWay breaks a Service behind an Envoy that sends its access logs, and behind a gateway that is probed. Each
// gatemend hears of requests in one way, and must tell of that route, and of no other, and of its end.
func TestAloneByEachWay(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
	defer cancel()
	store, err := binary.Open("", ".", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	programPaths, err := store.Ensure(ctx, "newer-envoy")
	if err != nil {
		t.Fatal(err)
	}
	program := labtest.Program(t)
	lab := labtest.Open(t, ownCluster, cluster.Options{Name: ownCluster})
	lab.Install(t)
	service, err := lab.Client.Kube.CoreV1().Services(manifest.Namespace).Get(ctx, manifest.Cart, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
	host := manifest.Host(manifest.Cart)
	inside := fmt.Sprintf("%s:%d", service.Spec.ClusterIP, service.Spec.Ports[0].Port)
	// Pods are ready a moment before kube-proxy leads to them, and errors of that moment are rightly told of.
	wait(ctx, t, "the Service to answer at its address", time.Minute, func() bool {
		run, err := load.Start(ctx, lab.DialContext, []load.Target{{Name: "inside", Address: inside, Host: host}}, load.Limits{Rate: rate, Count: rate, Duration: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		r := run.Wait()[0]
		return r.Errors() == 0 && r.Status[200] > 0
	})
	bootstrap, err := sending.Envoy{
		Address: at(sendingPort), ALS: at(alsPort), OTLP: at(otlpPort), OTLPHTTP: at(postPort), Token: token,
		Hosts: []sending.Host{{
			Name: host, Cluster: fmt.Sprintf("%s_%s_%d", manifest.Namespace, manifest.Cart, service.Spec.Ports[0].Port),
			Endpoints: []string{inside},
		}},
	}.Bootstrap()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"envoy.yaml": bootstrap, "token": token} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &programs{cluster: lab.Cluster, dir: dir}
	defer p.stop()
	defer func() {
		if t.Failed() {
			text, _ := os.ReadFile(filepath.Join(dir, "envoy.log")) // there may be none
			t.Logf("what Envoy said:\n%.3000s", text)
		}
	}()
	secret := filepath.Join(dir, "token")
	ways := map[string][]string{
		"als":   {"--als", at(alsPort), "--receive-token-file", secret},
		"otlp":  {"--otlp", at(otlpPort), "--receive-token-file", secret},
		"post":  {"--otlp-http", at(postPort), "--receive-token-file", secret},
		"probe": {"--probe-url", "http://" + host + "/", "--probe-every", "1s"},
	}
	heard := func(way, kind string, since time.Time) time.Time {
		all, err := events(filepath.Join(dir, way+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		return first(all, kind, host, "", since)
	}
	everyWay := func(kind string, since time.Time) func() bool {
		return func() bool {
			for way := range ways {
				if heard(way, kind, since).IsZero() {
					return false
				}
			}
			return true
		}
	}
	for way, flags := range ways {
		args := append([]string{program, "watch", "-o", "json", "--no-logs", "--early-warnings=false", "--events", filepath.Join(dir, way+".jsonl")}, flags...)
		if err := p.start(ctx, "gatemend-"+way, args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.start(ctx, "envoy", programPaths["newer-envoy"], "-c", filepath.Join(dir, "envoy.yaml"), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"); err != nil {
		t.Fatal(err)
	}
	traffic, err := load.Start(ctx, lab.DialContext, []load.Target{{Name: "sending", Address: at(sendingPort), Host: host}}, load.Limits{Rate: rate, Count: rate * 600, Duration: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer traffic.Stop()
	w := &world{cluster: lab.Cluster, client: lab.Client, load: traffic}
	wait(ctx, t, "healthy traffic", 3*time.Minute, func() bool { return w.calmFor(10 * time.Second) })

	broken := time.Now()
	// Envoy goes on with the connections that it has to a Service's address, whatever becomes of the Service: pods must go.
	if err := breakages()[2].inject(ctx, lab.Client, manifest.Cart); err != nil {
		t.Fatal(err)
	}
	wait(ctx, t, "an alarm by each way", time.Minute, everyWay("alarm", broken))
	mended := time.Now()
	if err := lab.Client.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	wait(ctx, t, "its end by each way", 2*time.Minute, everyWay("calm", mended))
	began := w.firstError(host, broken)
	for way := range ways {
		alarm, calm := heard(way, "alarm", broken), heard(way, "calm", mended)
		if alarm.IsZero() || calm.IsZero() {
			text, _ := os.ReadFile(filepath.Join(dir, "gatemend-"+way+".log")) // there may be none
			t.Errorf("%s: alarm at %v, end at %v:\n%.3000s", way, alarm, calm, text)
			continue
		}
		t.Logf("%s: alarm %.1f s after the first error that a client got, end %.1f s after Reset began", way, alarm.Sub(began).Seconds(), calm.Sub(mended).Seconds())
		all, err := events(filepath.Join(dir, way+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			if e.Type == "alarm" && (e.Route != host+"/" || e.At.Before(broken)) {
				t.Errorf("%s: an alarm about %s at %v, when only %s was broken, since %v", way, e.Route, e.At, host, broken)
			}
		}
	}
}
