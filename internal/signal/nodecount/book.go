package nodecount

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/signal/relay"
)

// Bounds of what is kept.
const (
	mostSeries  = 20_000 // of one gateway
	mostPaths   = 2000   // of one gateway, before they are cut to their first segment
	mostSamples = 256    // between two reports
	failures    = 5      // samples of one series of failures between two reports
	successes   = 1
)

// Book has the counters of all gateways of a node. It is safe for use by several goroutines.
type Book struct {
	node, instance string
	started        time.Time

	mu       sync.Mutex
	gateways map[model.Ref]*gateway
	number   uint64 // of the last report
	samples  int    // since then
	omitted  uint64
}

// gateway are the counters of one pod, which go on when its container is restarted.
type gateway struct {
	pod    model.Ref
	logs   int // that are read
	read   time.Time
	series map[relay.Series]*series
	paths  int // series that are told apart by path
	dirty  []*series
	errors []model.Signal
}

// series is one counter.
type series struct {
	key     relay.Series
	value   uint64
	dirty   bool
	samples []model.Signal
}

// NewBook returns a book that begins to count. Instance tells it from all others.
func NewBook(node, instance string, started time.Time) *Book {
	return &Book{node: node, instance: instance, started: started, gateways: map[model.Ref]*gateway{}}
}

// Open begins with a log of a gateway. Close it when there is no more of it.
func (b *Book) Open(pod model.Ref, p proxy.Parser) *Log {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.gateways[pod]
	if g == nil {
		g = &gateway{pod: pod, series: map[relay.Series]*series{}}
		b.gateways[pod] = g
	}
	g.logs++
	l := &Log{book: b, gateway: g, parser: p, skimmed: map[string]*series{}}
	if s, ok := p.(proxy.Skimmer); ok {
		s.OmitRaw()
		l.skimmer = s
	}
	return l
}

// Report gives what changed since the last one.
func (b *Book) Report(now time.Time) relay.Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.number++
	r := relay.Report{Node: b.node, Instance: b.instance, Started: b.started, Number: b.number, At: now, Omitted: b.omitted}
	for _, g := range b.gateways {
		r.Gateways = append(r.Gateways, g.report())
	}
	slices.SortFunc(r.Gateways, func(x, y relay.Gateway) int { return x.Pod.Compare(y.Pod) })
	b.samples = 0
	return r
}

func (g *gateway) report() relay.Gateway {
	out := relay.Gateway{Pod: g.pod, Read: g.read, Errors: g.errors}
	for _, s := range g.dirty {
		out.Points = append(out.Points, relay.Point{Series: s.key, Value: s.value, Samples: s.samples})
		s.dirty, s.samples = false, nil
	}
	slices.SortFunc(out.Points, func(x, y relay.Point) int { return compare(x.Series, y.Series) })
	g.dirty, g.errors = g.dirty[:0], nil
	return out
}

func compare(x, y relay.Series) int {
	return cmp.Or(
		cmp.Compare(x.RouteNamespace, y.RouteNamespace), cmp.Compare(x.RouteName, y.RouteName), cmp.Compare(x.Service, y.Service),
		cmp.Compare(x.ServicePort, y.ServicePort), cmp.Compare(x.Host, y.Host), cmp.Compare(x.Path, y.Path),
		cmp.Compare(x.Status, y.Status), cmp.Compare(x.Failure, y.Failure), cmp.Compare(x.Proxy, y.Proxy),
	)
}

// find gives the counter of a series, or of one that takes its place where there are too many.
func (g *gateway) find(key relay.Series) *series {
	if s := g.series[key]; s != nil {
		return s
	}
	byPath := key.Service == "" && key.RouteName == ""
	if byPath && g.paths >= mostPaths || len(g.series) >= mostSeries {
		short := shorter(key)
		if s := g.series[short]; s != nil {
			return s
		}
		if key = short; len(g.series) >= mostSeries {
			key = relay.Series{Proxy: key.Proxy, Status: key.Status, Failure: key.Failure} // of no route that anybody knows
			if s := g.series[key]; s != nil {
				return s
			}
		}
	}
	if byPath {
		g.paths++
	}
	s := &series{key: key}
	g.series[key] = s
	return s
}

// add counts one request.
func (g *gateway) add(s *series) {
	s.value++
	if !s.dirty {
		s.dirty = true
		g.dirty = append(g.dirty, s)
	}
}

// room takes the place of one sample, if there is one.
func (b *Book) room(of []model.Signal, most int) bool {
	if len(of) >= most || b.samples >= mostSamples {
		return false
	}
	b.samples++
	return true
}
