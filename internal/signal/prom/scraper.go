package prom

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/feed"
)

// Bounds of scraping.
const (
	maxGateways = 500
	leastWait   = time.Second      // what a gateway is given to answer at least
	mostWait    = 10 * time.Second // and at most
	sleepAfter  = 15 * time.Second // how seldom a gateway that exposes nothing is asked again
)

// errNothing says that a page of metrics has none of the series that are counted.
var errNothing = errors.New("no counter of requests by status is among its metrics")

// ScrapeOptions says what is scraped.
type ScrapeOptions struct {
	Every time.Duration
	// Pods lists the gateways' pods at present.
	Pods func() []*corev1.Pod
	// Get asks a port of a pod for a page.
	Get func(ctx context.Context, pod *corev1.Pod, port int32, path string) (io.ReadCloser, error)
	Now func() time.Time
}

// Scraper reads the metrics of gateways.
type Scraper struct {
	options ScrapeOptions
	mu      sync.Mutex
	unseen  map[string]string // what -> why
}

// NewScraper returns a scraper, which begins to work in Run.
func NewScraper(o ScrapeOptions) *Scraper {
	return &Scraper{options: o, unseen: map[string]string{}}
}

// Run reads every gateway's metrics again and again until the context ends, each by a goroutine of its own:
// one that does not answer holds up no other.
func (s *Scraper) Run(ctx context.Context, out chan<- []model.Count) error {
	since := s.options.Now()
	running := map[types.UID]context.CancelFunc{}
	var group sync.WaitGroup
	defer group.Wait()
	tick := time.NewTicker(s.options.Every)
	defer tick.Stop()
	for {
		present := s.present()
		var left []string // that nobody reads
		for uid, t := range present {
			if running[uid] != nil {
				continue
			}
			if len(running) >= maxGateways {
				left = append(left, name(t.pod))
				continue
			}
			one, cancel := context.WithCancel(ctx)
			running[uid] = cancel
			t.tally = newTally(t.proxy.Name, t.proxy.Metrics(), since)
			group.Go(func() { s.follow(one, t, out) })
		}
		for uid, cancel := range running {
			if present[uid] == nil {
				cancel()
				delete(running, uid)
			}
		}
		s.note("metrics of further gateways", feed.TooMany(left, maxGateways))
		select {
		case <-ctx.Done():
			for _, cancel := range running {
				cancel()
			}
			return nil
		case <-tick.C:
		}
	}
}

// present are the gateways that count.
func (s *Scraper) present() map[types.UID]*target {
	present := map[types.UID]*target{}
	for _, pod := range s.options.Pods() {
		if p, _, ok := all.ForPod(pod); ok && p.Metrics != nil && pod.Status.PodIP != "" {
			present[pod.UID] = &target{pod: pod, proxy: p}
		}
	}
	return present
}

// Unseen is what cannot be read at present, and why.
func (s *Scraper) Unseen() []model.Unseen {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []model.Unseen
	for what, why := range s.unseen {
		out = append(out, model.Unseen{What: what, Why: why})
	}
	slices.SortFunc(out, func(a, b model.Unseen) int { return cmp.Compare(a.What, b.What) })
	return out
}

// note records why something cannot be read; an empty reason takes the note back.
func (s *Scraper) note(what, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why == "" {
		delete(s.unseen, what)
		return
	}
	s.unseen[what] = why
}

func name(p *corev1.Pod) string { return p.Namespace + "/" + p.Name }

// target is one gateway that is read.
type target struct {
	pod   *corev1.Pod
	proxy proxy.Proxy
	tally *tally
	at    *proxy.MetricsEndpoint // where it was found; nil: not yet
}

// follow reads one gateway until the context ends.
func (s *Scraper) follow(ctx context.Context, t *target, out chan<- []model.Count) {
	what := "metrics of " + name(t.pod)
	defer s.note(what, "")
	for {
		wait := s.options.Every
		counts, err := s.read(ctx, t)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.note(what, err.Error())
			if t.at == nil {
				wait = max(wait, sleepAfter)
			}
		default:
			s.note(what, "")
		}
		if len(counts) > 0 {
			select {
			case out <- counts:
			case <-ctx.Done():
				return
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// read asks a gateway once: where it was found before, else everywhere.
func (s *Scraper) read(ctx context.Context, t *target) ([]model.Count, error) {
	places := endpoints(t.pod, t.tally.metrics)
	if t.at != nil {
		places = []proxy.MetricsEndpoint{*t.at}
	}
	var first error
	for _, e := range places {
		counts, err := s.readAt(ctx, t, e)
		if err == nil {
			t.at = &e
			return counts, nil
		}
		if first == nil || errors.Is(err, errNothing) {
			first = err // that an answer has nothing says more than that others were not there
		}
	}
	return nil, first
}

func (s *Scraper) readAt(ctx context.Context, t *target, e proxy.MetricsEndpoint) ([]model.Count, error) {
	ctx, cancel := context.WithTimeout(ctx, min(max(s.options.Every, leastWait), mostWait))
	defer cancel()
	where := fmt.Sprintf("port %d, %s", e.Port, e.Path)
	body, err := s.options.Get(ctx, t.pod, e.Port, e.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	defer func() { _ = body.Close() }() // all that was wanted is read
	at := s.options.Now()
	samples, err := parse(body, wanted(t.tally.metrics))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	counts, ok := t.tally.take(look{at: at, samples: samples})
	if !ok {
		return nil, fmt.Errorf("%s: %w", where, errNothing)
	}
	for i := range counts {
		counts[i].Gateway = model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: t.pod.Namespace, Name: t.pod.Name}
		counts[i].Source = fmt.Sprintf("%s:%d%s", name(t.pod), e.Port, e.Path)
	}
	return counts, nil
}

// endpoints are the places to ask: what the pod's annotations tell scrapers, as is the custom, then where the
// proxy's controllers have theirs.
func endpoints(p *corev1.Pod, m proxy.Metrics) []proxy.MetricsEndpoint {
	var out []proxy.MetricsEndpoint
	if port, err := strconv.ParseUint(p.Annotations["prometheus.io/port"], 10, 16); err == nil && port > 0 {
		out = append(out, proxy.MetricsEndpoint{Port: int32(port), Path: cmp.Or(p.Annotations["prometheus.io/path"], "/metrics")})
	}
	for _, e := range m.Endpoints {
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}
