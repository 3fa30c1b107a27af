package tally

import (
	"bytes"
	"math"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/blanks"
)

// Bounds of what is kept.
const (
	maxRoutes = 10_000
	maxSlow   = 10
	maxBroken = 20
)

// Options of counting. The zero value finds out the form of the log and counts all of it.
type Options struct {
	// Parser makes a parser of the log's form; nil: each log's form is found out.
	Parser func() proxy.Parser
	// Format is the name of the form that Parser reads.
	Format string
	// Since and Until bound the time of the requests that are counted; zero: no bound. Since belongs to it, Until does not.
	Since, Until time.Time
}

// Counter counts the lines of chunks. It is used by one goroutine.
type Counter struct {
	options      Options
	id           int
	since, until int64

	form   form // of the present log
	keys   *keys
	routes map[Route]int32
	known  []*routeCounts // those from maxRoutes on are forgotten after the chunk; see Chunk.strangers
	dirty  []int32        // routes with requests in the present cell
	heard  int64          // the newest second of the chunk so far
	told   int            // how many of known were handed over
	slower time.Duration
	slow   []time.Duration // the longest so far, sorted
	broken int

	marked bool // blanks are those of the present line
	blanks blanks.Line
	skim   proxy.Skim
	signal model.Signal
}

// routeCounts is a route as a Counter knows it.
type routeCounts struct {
	route Route
	id    int32
	counts
	cell  cell
	named bool // the names of route or Service tell it; see proxy.Skim
}

// NewCounter returns a counter. Those of one Tally have different ids, from 0 without gaps.
func NewCounter(id int, o Options) *Counter {
	c := &Counter{options: o, id: id, since: -1 << 63, until: 1<<63 - 1, keys: newKeys(), routes: map[Route]int32{}}
	if !o.Since.IsZero() {
		c.since = o.Since.UnixNano()
	}
	if !o.Until.IsZero() {
		c.until = o.Until.UnixNano()
	}
	return c
}

// Requests reports whether there is a request among the lines with which a log begins.
func Requests(begin []byte, o Options) bool {
	k := Chunk{Text: begin, Cut: true}
	NewCounter(0, Options{Parser: o.Parser, Format: o.Format}).Count(&k, "")
	return k.requests
}

// Count counts the lines of a chunk. format is what earlier chunks of the log are written in, "" if that is
// not known yet.
func (c *Counter) Count(k *Chunk, format string) {
	k.reset()
	k.counter = c.id
	c.begin(k.Text, format)
	c.heard = math.MinInt64
	run := foreign{patience: unknownRun, back: -1}
	for begin := 0; begin < len(k.Text); {
		end := begin + c.find(k.Text[begin:])
		k.lines++
		run.add(begin, c.line(k, begin, end))
		if begin = min(end+1, len(k.Text)); run.long(begin == len(k.Text)) && c.options.Parser == nil {
			begin = c.another(k, &run, begin)
		}
	}
	c.flush(k)
	k.wrote(c.form.name)
}

// find returns where the first line of a text ends.
func (c *Counter) find(text []byte) int {
	if c.marked = c.form.blanks != nil && text[0] != '{'; c.marked {
		c.blanks.Find(text)
		return c.blanks.End
	}
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		return end
	}
	return len(text)
}

// skims reports whether the line that was found last could be skimmed.
func (c *Counter) skims(line []byte) bool {
	if c.marked {
		return c.form.blanks.SkimBlanks(line, &c.blanks, &c.skim)
	}
	return c.form.skimmer != nil && c.form.skimmer.Skim(line, &c.skim)
}

// line counts one line and reports whether it could be read.
func (c *Counter) line(k *Chunk, begin, end int) bool {
	line := k.Text[begin:end]
	if c.skims(line) {
		if r := c.route(line); r != nil {
			c.success(k, r, line)
			return true
		}
	}
	class := c.form.parser.Parse(line, &c.signal)
	if c.signal.At.IsZero() {
		c.signal.At = k.stamp()
	}
	switch class {
	case proxy.Access:
		k.parsed++
		c.request(k, begin, end)
	case proxy.ErrorLine:
		k.parsed++
		if c.wanted(k, c.signal.At) {
			c.keep(k, begin, end)
		}
	case proxy.Event:
		k.parsed++
		if len(bytes.TrimSpace(line)) == 0 {
			k.blank++
		} else {
			k.events++
		}
	default:
		if len(bytes.TrimSpace(line)) == 0 || end == len(k.Text) && k.Cut {
			k.parsed++ // nothing, or the rest is still to come
			k.blank++
			return true
		}
		k.bad++
		if c.broken < maxBroken {
			c.broken++
			k.broken = append(k.broken, broken{k.lines, begin, end})
		}
		return false
	}
	return true
}

func (c *Counter) inside(at int64) bool { return at >= c.since && at < c.until }

// wanted reports whether a line of this time is to be counted, and notes what is not. A line without a time is, unless there are bounds:
// nobody knows on which side of them it lies.
func (c *Counter) wanted(k *Chunk, at time.Time) bool {
	if at.IsZero() {
		k.undated++
		return c.options.Since.IsZero() && c.options.Until.IsZero()
	}
	if !c.inside(at.UnixNano()) {
		k.outside++
		return false
	}
	return true
}

// route returns the route of a line that was skimmed; nil if it must be read in full.
func (c *Counter) route(line []byte) *routeCounts {
	hash, i, ok := c.keys.find(c.skim.Route)
	if ok {
		if r := c.known[i]; r.named != c.skim.ByPath {
			return r
		}
		return nil
	}
	// The first such line: its names are those of all.
	if c.form.parser.Parse(line, &c.signal) != proxy.Access {
		return nil
	}
	if i = c.routeOf(&c.signal); i < maxRoutes {
		c.keys.add(hash, c.skim.Route, i)
	}
	return c.known[i]
}

func (c *Counter) routeOf(s *model.Signal) int32 {
	route := RouteOf(s)
	if i, ok := c.routes[route]; ok {
		return i
	}
	i := int32(len(c.known))
	c.routes[route] = i
	c.known = append(c.known, &routeCounts{route: route, id: i, named: route.Service != "" || route.Name != ""})
	return i
}

// success counts a request that was skimmed.
func (c *Counter) success(k *Chunk, r *routeCounts, line []byte) {
	k.parsed++
	s := &c.skim
	if !c.inside(s.At) {
		k.outside++
		return
	}
	took := time.Duration(s.Duration)
	c.count(k, r, s.Status, took)
	c.date(k, r, s.At, false)
	if took > c.slower && s.Status != 101 && c.form.parser.Parse(line, &c.signal) == proxy.Access {
		c.slowest(k)
	}
}

// request counts a request that was read in full.
func (c *Counter) request(k *Chunk, begin, end int) {
	s := &c.signal
	if !c.wanted(k, s.At) {
		return
	}
	r := c.known[c.routeOf(s)]
	if s.Status < 0 || s.Status > 999 {
		s.Status = 0
	}
	c.count(k, r, s.Status, s.Duration)
	failing := detect.Failing(s)
	if failing {
		r.errors++
	}
	if !s.At.IsZero() {
		c.date(k, r, s.At.UnixNano(), failing)
	}
	if s.Duration > c.slower && s.Status != 101 {
		c.slowest(k)
	}
	if s.Failed() || s.Status >= 400 || len(s.Tries) > 1 {
		c.keep(k, begin, end)
	}
}

func (c *Counter) keep(k *Chunk, begin, end int) {
	k.failed = append(k.failed, failed{c.signal, k.lines, begin, end})
}

func (c *Counter) count(k *Chunk, r *routeCounts, status int, took time.Duration) {
	k.requests = true
	r.requests++
	r.status(status)
	if r.took == nil {
		r.took = new(histogram)
	}
	r.took.add(took)
}

// date counts a request in its second.
func (c *Counter) date(k *Chunk, r *routeCounts, at int64, failing bool) {
	k.from, k.to = min(k.from, at), max(k.to, at)
	second := at / int64(time.Second)
	c.heard = max(c.heard, second)
	if r.cell.second != second || r.cell.heard != c.heard || r.cell.requests == 0 {
		if r.cell.requests > 0 {
			k.cells = append(k.cells, r.cell)
		} else {
			c.dirty = append(c.dirty, r.id)
		}
		r.cell = cell{route: r.id, second: second, heard: c.heard}
	}
	r.cell.requests++
	if failing {
		r.cell.errors++
	}
}

// slowest notes a request that may be among the slowest of all.
func (c *Counter) slowest(k *Chunk) {
	d := c.signal.Duration
	i, _ := slices.BinarySearch(c.slow, d)
	c.slow = slices.Insert(c.slow, i, d)
	if len(c.slow) > maxSlow {
		c.slow = slices.Delete(c.slow, 0, 1)
		c.slower = c.slow[0]
	}
	k.slow = append(k.slow, slow{c.signal, k.lines})
}

// flush hands over what was counted in seconds that are not over, and the routes that are new.
func (c *Counter) flush(k *Chunk) {
	for _, i := range c.dirty {
		r := c.known[i]
		k.cells = append(k.cells, r.cell)
		r.cell = cell{}
	}
	c.dirty = c.dirty[:0]
	for _, r := range c.known[c.told:] {
		k.routes = append(k.routes, r.route)
	}
	if len(c.known) > maxRoutes {
		for _, r := range c.known[maxRoutes:] {
			k.strangers = append(k.strangers, r.counts)
			delete(c.routes, r.route)
		}
		clear(c.known[maxRoutes:])
		c.known = c.known[:maxRoutes]
	}
	c.told = len(c.known)
}
