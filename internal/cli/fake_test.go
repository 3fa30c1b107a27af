package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/diagnose"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/dump"
	"github.com/gatemend/gatemend/internal/watch"
)

// fakeCluster is the shop of testdata: with a wrong targetPort until a change is applied, and, if that is
// not meant to help, also afterwards. Its gateway answers a request every 50 ms accordingly.
type fakeCluster struct {
	healthy, broken *snapshot.Snapshot
	helps           bool // what is applied takes effect on requests
	// first is what it is like at first, for so long; nil: it is broken at once.
	first   *snapshot.Snapshot
	until   time.Time
	sources []watch.Source
	silent  bool // the gateway's log tells nothing
	past    int  // so many requests failed in the seconds before the program was started
	// rehearsed is called with every dry run; nil: nothing is.
	rehearsed func()

	mu      sync.Mutex
	applied []model.Change
	fixed   bool
	signals chan model.Signal
	changed chan struct{}
	stop    context.CancelFunc
}

func newFakeCluster(t *testing.T, helps bool) *fakeCluster {
	t.Helper()
	return &fakeCluster{
		healthy: shopOn(t, 8080), broken: shopOn(t, 9999), helps: helps,
		signals: make(chan model.Signal, 16), changed: make(chan struct{}, 1),
	}
}

// shopOn is the shop of testdata with a Service that leads to a port of its pods, which listen on 8080.
func shopOn(t *testing.T, port int) *snapshot.Snapshot {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "cluster", "shop.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const endpoints = "ports: [{name: http, port: %d, protocol: TCP}]"
	shop := strings.ReplaceAll(string(text), "targetPort: 8080", fmt.Sprintf("targetPort: %d", port))
	shop = strings.ReplaceAll(shop, fmt.Sprintf(endpoints, 8080), fmt.Sprintf(endpoints, port))
	s, err := dump.Read("-", dump.ReadOptions{Stdin: strings.NewReader(shop)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// env is a program that sees this cluster alone.
func (c *fakeCluster) env(in io.Reader, out, errOut *bytes.Buffer) Env {
	return Env{
		In: in, Out: out, Err: errOut, Now: time.Now,
		ReadFile:  func(path string, _ io.Reader) ([]byte, error) { return os.ReadFile(path) },
		WriteFile: func(path string, content []byte) error { return os.WriteFile(path, content, 0o600) },
		Connect:   func(genericclioptions.RESTClientGetter, all.Formats) (Cluster, error) { return c, nil },
	}
}

func (c *fakeCluster) Snapshot(context.Context, string) (*snapshot.Snapshot, error) {
	return c.present(), nil
}

func (c *fakeCluster) present() *snapshot.Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *fakeCluster) now() *snapshot.Snapshot {
	switch {
	case c.fixed:
		return c.healthy
	case c.first != nil && time.Now().Before(c.until):
		return c.first
	default:
		return c.broken
	}
}

func (c *fakeCluster) GatewayLogs(context.Context, *snapshot.Snapshot, time.Time) (watch.LogFiles, error) {
	var past []model.Signal
	for i := range c.past {
		s := failed()
		s.At = time.Now().Add(time.Duration(i-c.past-1) * 50 * time.Millisecond)
		past = append(past, s)
	}
	return watch.LogFiles{Signals: past}, nil
}

func (c *fakeCluster) AppLogs(context.Context, []diagnose.LogWanted) ([]model.LogExcerpt, []model.Unseen) {
	return nil, nil
}

func (c *fakeCluster) Probe(context.Context, []model.ProbeRoute, string) ([]model.Probe, []model.Unseen) {
	return nil, nil
}

func (c *fakeCluster) Loaded(context.Context, *snapshot.Snapshot) ([]model.Loaded, []model.Unseen) {
	return nil, nil
}

func (c *fakeCluster) WriteDump(context.Context, string, string, time.Time) ([]model.Unseen, error) {
	return nil, nil
}

func (c *fakeCluster) Actor() mend.Actor { return c }

func (c *fakeCluster) DryRun(_ context.Context, ch model.Change) (act.Receipt, error) {
	if c.rehearsed != nil {
		c.rehearsed()
	}
	return act.Receipt{Change: ch, DryRun: true}, nil
}

// Apply sets the port right, or back.
func (c *fakeCluster) Apply(_ context.Context, ch model.Change) (act.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applied = append(c.applied, ch)
	c.fixed = string(ch.Fields[0].New) == "8080"
	undo, _ := ch.Inverse()
	return act.Receipt{Change: ch, Undo: &undo}, nil
}

func (c *fakeCluster) Release(context.Context, model.Change) error { return nil }

func (c *fakeCluster) WaitRollout(context.Context, model.Ref, func(act.Rollout)) error { return nil }

func (c *fakeCluster) changes() []model.Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied
}

func (c *fakeCluster) Sources(watch.Live, SourceOptions) ([]watch.Source, error) {
	return c.sources, nil
}

// Follow sends requests' signals until it is closed.
func (c *fakeCluster) Follow(ctx context.Context, _ FollowOptions) (watch.Live, error) {
	ctx, c.stop = context.WithCancel(ctx)
	go func() {
		defer close(c.signals)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if c.silent {
					continue
				}
				select {
				case c.signals <- c.signal():
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return fakeLive{c}, nil
}

// signal is the gateway's line about a request that is made now.
func (c *fakeCluster) signal() model.Signal {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := failed()
	svc, _ := c.now().Services().Get("shop", "cart")
	if svc == nil {
		return s
	}
	port := svc.Spec.Ports[0].TargetPort.IntValue()
	if port == 8080 && c.helps {
		s.Status, s.Failure, s.Reason = 200, "", ""
		s.Tries = []model.Try{{Address: "10.1.0.11:8080", Status: 200}}
	} else if port != 8080 {
		s.Tries[0].Address = fmt.Sprintf("10.1.0.11:%d", port)
	}
	return s
}

// failed is the gateway's line about a request that fails now.
func failed() model.Signal {
	return model.Signal{
		At: time.Now(), Proxy: "nginx", Source: "ingress-nginx/controller",
		Request: model.Request{Host: "shop.example.com", Path: "/cart"}, RouteNamespace: "shop", Service: "cart", ServicePort: "80",
		Status: 502, Failure: model.Refused, Reason: "connect() failed (111: Connection refused) while connecting to upstream",
		Tries: []model.Try{{Address: "10.1.0.11:9999", Status: 502}},
	}
}

// fakeLive is the same cluster as it is followed.
type fakeLive struct{ c *fakeCluster }

func (l fakeLive) Snapshot() *snapshot.Snapshot { return l.c.present() }
func (l fakeLive) Changed() <-chan struct{}     { return l.c.changed }
func (l fakeLive) Silent() string               { return "" }
func (l fakeLive) Back() time.Time              { return time.Time{} }
func (l fakeLive) Deleted() []metav1.Object     { return nil }
func (l fakeLive) Signals() <-chan model.Signal { return l.c.signals }

func (l fakeLive) Gateways() ([]model.Ref, []model.Unseen) {
	return []model.Ref{{APIVersion: "v1", Kind: "Pod", Namespace: "ingress-nginx", Name: "controller"}}, nil
}

func (l fakeLive) Read() []metrics.Source { return []metrics.Source{{Name: "podlog", Lines: 1}} }

func (l fakeLive) Close() {
	l.c.stop()
	for range l.c.signals {
	}
}
