//go:build lab

package fault_test

import (
	"context"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/load"
	"github.com/gatemend/gatemend/lab/manifest"
)

// ownCluster is made for these tests and removed after them.
const ownCluster = "fault"

var (
	name   = flag.String("cluster", ownCluster, "name of the lab cluster; any other than the default is left up")
	only   = flag.String("fault", "", "inject only these, comma separated")
	record = flag.String("record", "", "folder for gateway logs and dumps of every fault")
)

// lab is the cluster under test with everything installed.
type lab struct {
	cluster *cluster.Cluster
	client  *manifest.Client
}

func open(t *testing.T) *lab {
	t.Helper()
	l := labtest.Open(t, ownCluster, cluster.Options{Name: *name})
	l.Install(t)
	return &lab{l.Cluster, l.Client}
}

// targets are all routes of the shop, by the name of their gateway.
func (l *lab) targets(t *testing.T) []load.Target {
	t.Helper()
	var out []load.Target
	for _, g := range manifest.Gateways() {
		address, err := l.client.Address(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range g.Hosts {
			out = append(out, load.Target{Name: g.Name, Address: address, Host: h})
		}
	}
	return out
}

// drive sends 50 requests a second to every route, for no longer than d.
func (l *lab) drive(t *testing.T, d time.Duration) *load.Run {
	t.Helper()
	run, err := load.Start(t.Context(), l.cluster.DialContext, l.targets(t), load.Limits{Rate: 50, Count: int(d.Seconds()) * 50, Duration: d})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func reportOf(run *load.Run, host string) load.Report {
	all := run.Report()
	return all[slices.IndexFunc(all, func(r load.Report) bool { return r.Target.Host == host })]
}

// steady waits until nothing has failed anywhere for two whole seconds.
func (l *lab) steady(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		failed := ""
		run := l.drive(t, 2*time.Second)
		for _, r := range run.Wait() {
			if r.Errors() > 0 || r.Status[200] == 0 {
				failed += fmt.Sprintf("%s: %v %v; ", r.Target.Host, r.Status, r.Transport)
			}
		}
		if failed == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the shop does not come back: %s", failed)
		}
	}
}

func TestFaultsShowOnRealClients(t *testing.T) {
	l := open(t)
	l.steady(t)
	for _, f := range fault.All() {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), f.Name) {
			continue
		}
		t.Run(f.Name, func(t *testing.T) { l.try(t, f) })
	}
}

func (l *lab) try(t *testing.T, f fault.Fault) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	run := l.drive(t, 3*time.Minute)
	defer run.Stop()
	// Whatever happens, the next fault must find a healthy shop.
	defer func() {
		began := time.Now()
		if err := f.Restore(context.WithoutCancel(ctx), l.client); err != nil {
			t.Fatal(err)
		}
		t.Logf("restored in %s", time.Since(began).Round(100*time.Millisecond))
		l.steady(t)
	}()
	since := metav1.NewTime(time.Now().Add(-time.Second))
	began := time.Now()
	if err := f.Inject(ctx, l.client); err != nil {
		t.Fatal(err)
	}
	t.Logf("injected in %s", time.Since(began).Round(100*time.Millisecond))
	want := func(r load.Report) int {
		n := 0
		for _, s := range f.WantStatus {
			n += r.Status[s]
		}
		return n
	}
	for r := reportOf(run, f.Route); want(r) < 25; r = reportOf(run, f.Route) {
		if ctx.Err() != nil {
			t.Fatalf("%s: got %v %v, want 25 answers of %v", f.Route, r.Status, r.Transport, f.WantStatus)
		}
		time.Sleep(50 * time.Millisecond)
	}
	line := regexp.MustCompile("(?m)" + f.WantLog)
	err := manifest.Until(ctx, "a line in the gateway's log", func(ctx context.Context) (string, error) {
		text, err := l.gatewayLog(ctx, f.Gateway, since)
		if err == nil && !line.MatchString(text) {
			return "none matches " + f.WantLog, nil
		}
		return "", err
	})
	if err != nil {
		t.Error(err)
	}
	settle(ctx, t, l, f)
	r := reportOf(run, f.Route)
	if r.Errors() != want(r) {
		t.Errorf("other errors than wanted: %v %v", r.Status, r.Transport)
	}
	t.Logf("%s: status %v, transport %v, first error %s after injection began", f.Route, r.Status, r.Transport, r.FirstError.Sub(began).Round(10*time.Millisecond))
	for _, other := range run.Report() {
		if other.Errors() > 0 && other.Target.Host != f.Route {
			t.Logf("also %s: status %v, transport %v", other.Target.Host, other.Status, other.Transport)
		}
	}
	if *record != "" {
		if err := l.record(ctx, *record, f, since); err != nil {
			t.Error(err)
		}
	}
}

// settle lets a fault that needs several restarts to look like itself get there before it is recorded.
func settle(ctx context.Context, t *testing.T, l *lab, f fault.Fault) {
	t.Helper()
	wanted := map[string]string{"crash-loop": "CrashLoopBackOff", "oom-kill": "CrashLoopBackOff", "image-pull": "ImagePullBackOff"}[f.Name]
	if wanted == "" {
		return
	}
	err := manifest.Until(ctx, wanted, func(ctx context.Context) (string, error) {
		pods, err := l.client.Kube.CoreV1().Pods(manifest.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool {
			return len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].State.Waiting != nil &&
				p.Status.ContainerStatuses[0].State.Waiting.Reason == wanted
		}) {
			return "", nil
		}
		return "no pod is in " + wanted, nil
	})
	if err != nil {
		t.Error(err)
	}
}
