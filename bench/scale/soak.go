package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	data "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/types/known/wrapperspb"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/api/v1alpha1"
)

// How a soak goes: a route that nobody has seen before comes every newEvery and fails from its first request on, for want of
// endpoints. Every other one is mended after mendedAfter; all are deleted after livesFor, with their Services. What is left of them
// is an Incident, which gatemend deletes when it has been over for soakKeeps.
const (
	newEvery    = 2 * time.Second
	mendedAfter = 20 * time.Second
	livesFor    = 45 * time.Second
	soakKeeps   = time.Minute
	sampleEvery = 30 * time.Second
)

// soak is a stream of routes and what is known of it.
type soak struct {
	plane *plane

	mu     sync.Mutex
	failed map[int]app // by number: those whose requests fail
	well   map[int]app // those whose requests do not
	routes int
}

// measureSoak has routes come, fail and go, while it watches what the controller holds.
func (b *bench) measureSoak(ctx context.Context, p *plane) error {
	told, config, err := p.startReceiver(ctx)
	if err != nil {
		return err
	}
	defer told.stop()
	metrics, err := freePort(ctx)
	if err != nil {
		return err
	}
	c, err := p.startController(ctx, "propose", "--metrics-addr", metrics, "--keep-incidents", soakKeeps.String(), "--history", filepath.Join(b.dir, "history.db"),
		"--history-retention", soakKeeps.String(), "--notify", config, "--data-dir", filepath.Join(b.dir, "notify"))
	if err != nil {
		return err
	}
	defer c.stop()
	if _, err := c.awaitSync(ctx); err != nil {
		return err
	}
	s := &soak{plane: p, failed: map[int]app{}, well: map[int]app{}}
	for i, a := range p.apps {
		if i%2 == 1 { // those of the gateway that sends its access log
			s.well[i] = a
		}
	}
	ctx, stop := context.WithCancel(ctx)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.send(ctx, c.als) })
	g.Go(func() error { return s.come(ctx) })
	samples, err := s.watch(ctx, b, c, metrics)
	stop()
	err = errors.Join(err, g.Wait())
	if b.profile {
		c.profile(context.WithoutCancel(ctx), "heap", "heap?gc=1")
		c.profile(context.WithoutCancel(ctx), "goroutines", "goroutine?debug=2")
	}
	printSamples(b.out, samples)
	return errors.Join(err, growing(samples))
}

// come lets routes come, and go again.
func (s *soak) come(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	tick := time.NewTicker(newEvery)
	defer tick.Stop()
	for n := len(s.plane.apps) | 1; ; n += 2 { // odd ones have an HTTPRoute
		select {
		case <-ctx.Done():
			return g.Wait()
		case <-tick.C:
		}
		a := s.plane.bench.size.app(n)
		g.Go(func() error {
			if err := s.live(ctx, a, n%4 == 1); err != nil && ctx.Err() == nil {
				return fmt.Errorf("route %s: %w", a.host, err)
			}
			return nil
		})
	}
}

// live is the life of one route.
func (s *soak) live(ctx context.Context, a app, mended bool) error {
	p := s.plane
	if _, err := p.kube.CoreV1().Services(a.namespace).Create(ctx, a.service(), metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := p.client.Create(ctx, a.httpRoute()); err != nil {
		return err
	}
	s.put(a, true)
	s.mu.Lock()
	s.routes++
	s.mu.Unlock()
	if err := sleep(ctx, mendedAfter); err != nil {
		return err
	}
	if mended {
		patch := fmt.Appendf(nil, `[{"op":"replace","path":"/spec/selector","value":{"app.kubernetes.io/name":%q}}]`, p.bench.size.app(a.number%p.bench.size.namespaces).name)
		if _, err := p.kube.CoreV1().Services(a.namespace).Patch(ctx, a.name, types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
			return err
		}
		s.put(a, false)
	}
	if err := sleep(ctx, livesFor-mendedAfter); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.failed, a.number)
	delete(s.well, a.number)
	s.mu.Unlock()
	if err := p.client.Delete(ctx, a.httpRoute()); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	return p.kube.CoreV1().Services(a.namespace).Delete(ctx, a.name, metav1.DeleteOptions{})
}

// put says how an app's requests end.
func (s *soak) put(a app, fails bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failed, a.number)
	delete(s.well, a.number)
	if fails {
		s.failed[a.number] = a
	} else {
		s.well[a.number] = a
	}
}

// send reports two requests a second on each route.
func (s *soak) send(ctx context.Context, address string) error {
	return sendLogs(ctx, address, func(at time.Time) []*data.HTTPAccessLogEntry {
		s.mu.Lock()
		defer s.mu.Unlock()
		var out []*data.HTTPAccessLogEntry
		for _, n := range slices.Sorted(maps.Keys(s.well)) {
			out = append(out, answered(s.well[n], at), answered(s.well[n], at))
		}
		for _, n := range slices.Sorted(maps.Keys(s.failed)) {
			out = append(out, withoutEndpoints(s.failed[n], at), withoutEndpoints(s.failed[n], at))
		}
		return out
	})
}

// answered is Envoy's word of a request that was answered.
func answered(a app, at time.Time) *data.HTTPAccessLogEntry {
	e := failed(a, at)
	e.CommonProperties.ResponseFlags, e.CommonProperties.UpstreamTransportFailureReason = nil, ""
	e.Response = &data.HTTPResponseProperties{ResponseCode: wrapperspb.UInt32(200), ResponseCodeDetails: "via_upstream"}
	return e
}

// withoutEndpoints is Envoy's word of a request for which there was no endpoint.
func withoutEndpoints(a app, at time.Time) *data.HTTPAccessLogEntry {
	e := failed(a, at)
	e.CommonProperties.ResponseFlags, e.CommonProperties.UpstreamTransportFailureReason = &data.ResponseFlags{NoHealthyUpstream: true}, ""
	e.Response = &data.HTTPResponseProperties{ResponseCode: wrapperspb.UInt32(503), ResponseCodeDetails: "no_healthy_upstream"}
	return e
}

// watch takes samples for as long as the bench is told to.
func (s *soak) watch(ctx context.Context, b *bench, c *controller, metrics string) ([]sample, error) {
	began, seen := time.Now(), map[types.UID]bool{}
	var out []sample
	for next := began; time.Since(began) < b.soak; {
		next = next.Add(sampleEvery)
		if err := sleep(ctx, time.Until(next)); err != nil {
			return out, context.Cause(ctx)
		}
		if err := c.died(); err != nil {
			return out, err
		}
		one := sample{at: time.Since(began)}
		var err error
		if one.live, one.goroutines, err = c.held(ctx); err != nil {
			return out, err
		}
		if one.queued, err = queued(ctx, metrics); err != nil {
			return out, err
		}
		if one.files, err = openFiles(c.cmd.Process.Pid); err != nil {
			return out, err
		}
		one.rss = c.usage().rss
		var list v1alpha1.IncidentList
		if err := s.plane.client.List(ctx, &list); err != nil {
			return out, fmt.Errorf("list incidents: %w", err)
		}
		for i := range list.Items {
			seen[list.Items[i].UID] = true
		}
		s.mu.Lock()
		one.routes, one.incidents, one.stored = s.routes, len(seen), len(list.Items)
		s.mu.Unlock()
		out = append(out, one)
		b.logf("%d routes so far, %d incidents, %d there; %s live, %s RSS, %d goroutines, %d files, %d queued",
			one.routes, one.incidents, one.stored, mb(one.live), mb(one.rss), one.goroutines, one.files, one.queued)
	}
	return out, nil
}

var (
	heapInUse  = regexp.MustCompile(`(?m)^# HeapAlloc = (\d+)$`)
	goroutines = regexp.MustCompile(`^goroutine profile: total (\d+)`)
)

// held asks the controller what a collection leaves of its heap, in bytes, and how many goroutines it has.
func (c *controller) held(ctx context.Context) (live int64, n int, err error) {
	text, err := c.asked(ctx, "heap?gc=1&debug=1")
	if err != nil {
		return 0, 0, err
	}
	if live, err = numberIn(text, heapInUse); err != nil {
		return 0, 0, err
	}
	if text, err = c.asked(ctx, "goroutine?debug=1"); err != nil {
		return 0, 0, err
	}
	many, err := numberIn(text, goroutines)
	return live, int(many), err
}

func numberIn(text []byte, where *regexp.Regexp) (int64, error) {
	m := where.FindSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("gatemend's profile has no %s", where)
	}
	return strconv.ParseInt(string(m[1]), 10, 64)
}

// asked gets one of the controller's profiles.
func (c *controller) asked(ctx context.Context, what string) ([]byte, error) {
	body, err := fetch(ctx, "http://"+c.profiles+"/debug/pprof/"+what)
	if err != nil {
		return nil, fmt.Errorf("ask gatemend for a profile: %w", err)
	}
	defer body.Close()
	return io.ReadAll(body)
}

// waiting is what the controller's queues hold, of its own metrics: incidents, what goes to the history, and messages of each channel.
var waiting = regexp.MustCompile(`(?m)^gatemend_(?:incidents|history|notifications)_waiting(?:\{.*\})? (\d+)$`)

// queued asks the controller how much waits in its queues.
func queued(ctx context.Context, metrics string) (n int, err error) {
	body, err := fetch(ctx, "http://"+metrics+"/metrics")
	if err != nil {
		return 0, fmt.Errorf("ask gatemend for its metrics: %w", err)
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return 0, fmt.Errorf("read gatemend's metrics: %w", err)
	}
	all := waiting.FindAllSubmatch(text, -1)
	if len(all) < 3 {
		return 0, fmt.Errorf("gatemend's metrics tell of %d queues, want 3 and more", len(all))
	}
	for _, m := range all {
		one, err := strconv.Atoi(string(m[1]))
		if err != nil {
			return 0, fmt.Errorf("read gatemend's metrics: %w", err)
		}
		n += one
	}
	return n, nil
}

// openFiles counts the files, sockets among them, that a process has open (proc_pid_fd(5)).
func openFiles(pid int) (int, error) {
	all, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	if err != nil {
		return 0, fmt.Errorf("count gatemend's open files: %w", err)
	}
	return len(all), nil
}
