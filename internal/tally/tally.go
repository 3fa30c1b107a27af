package tally

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Bounds of a report.
const (
	maxQuoted    = 3  // samples of each kind of failure
	maxRedacted  = 64 // lines of each kind that are kept as possible samples
	maxUpstreams = 4096
	maxAlarms    = 1000
	maxHeld      = 1 << 15 // lines of logs of errors that wait for a log of requests
)

// Tally is the sum of all chunks. It is used by one goroutine at a time.
type Tally struct {
	files    []file
	counters []*Counter
	ids      [][]int32 // of the routes of each counter

	routes    map[Route]int32
	known     []routeTotal
	strangers map[int32]*counts // what counters had no room for, by index in known
	formats   []string

	lines, parsed, bad, outside int
	events, undated             int // of parsed
	bytes                       int64
	from, to                    int64
	failures                    kinds
	upstreams                   map[string]*upstream
	slow                        []model.LogSlow
	broken                      []model.LogLine
	samples                     []model.LogSample
	quoted, redacted            kinds
	timeline                    timeline

	queue    queue
	joiner   *detect.Joiner
	requests bool           // there was one in the present log
	held     []model.Signal // lines of an error log, while there was none
	apart    apart

	detector *detect.Detector
	ticked   int64 // second
	alarms   []detect.Alarm
	notify   Notify
	lately   Lately
}

// Notify is told what happens while a log is read.
type Notify struct {
	Alarm  func(detect.Alarm) // one opened or ended; nil: nobody wants to know
	Lately func(Lately)       // some seconds of the log are over; nil: nobody wants to know
}

// Lately counts a few seconds of the log.
type Lately struct {
	At               time.Time // their end
	Requests, Errors int
}

// latelySeconds is how many seconds of the log a [Lately] counts.
const latelySeconds = 10

// routeTotal is what is counted of a route in order.
type routeTotal struct {
	route    Route
	text     string
	lone     int // errors that only an error log tells of
	failures kinds
}

// file is a log, or a part of one.
type file struct {
	name  string
	lines int // that were taken in before the present chunk
}

// upstream is an address that did not answer, or badly.
type upstream struct {
	failed   int
	failures kinds
}

// New returns a tally of the chunks of some counters.
func New(counters []*Counter, notify Notify) *Tally {
	t := &Tally{
		counters: counters, ids: make([][]int32, len(counters)), routes: map[Route]int32{}, strangers: map[int32]*counts{}, from: 1<<63 - 1, to: -1 << 63,
		upstreams: map[string]*upstream{}, detector: detect.New(detect.Options{}), notify: notify, queue: newQueue(),
	}
	t.join()
	return t
}

// Begin says that a file begins another log, perhaps of the same time: its lines have nothing to do with those before, unless these
// were of errors alone. Then they may be about its requests, as where a gateway writes them to files of their own: to those of
// all logs in their folder, or of the next one that there is.
func (t *Tally) Begin(file string) {
	t.endLog()
	t.apart.begin(filepath.Dir(file), t.settle)
	t.join()
	t.queue.all(t.see)
	t.queue = newQueue()
	t.endAlarms()
	t.detector, t.ticked = detect.New(detect.Options{}), 0
}

// join makes a joiner for a log. Routes go by what lines of requests say, as these are what is counted.
func (t *Tally) join() {
	t.joiner = newJoiner(func(s *model.Signal) { t.apart.explain(s, t.settle) })
}

func newJoiner(emit func(*model.Signal)) *detect.Joiner {
	j := detect.NewJoiner(emit)
	j.OwnHosts = true
	return j
}

// endLog counts what waits for other lines of the same log. Where there was no request, its lines wait for other logs.
func (t *Tally) endLog() {
	t.joiner.Flush()
	t.apart.end(t.requests, t.held)
	t.requests, t.held = false, nil
}

// endAlarms takes over the alarms that are open.
func (t *Tally) endAlarms() {
	for _, a := range t.detector.Open() {
		t.alarm(a)
	}
}

// File names the next file; chunks refer to files by their index.
func (t *Tally) File(name string) { t.files = append(t.files, file{name: name}) }

// Lines is how many lines of a file were taken in, of which the last may have had no end.
func (t *Tally) Lines(file int) int { return t.files[file].lines }

// Take takes in a chunk that was counted. Chunks come in the order of the log.
func (t *Tally) Take(c *Chunk) {
	for _, f := range c.formats {
		if f != "" && !slices.Contains(t.formats, f) {
			t.formats = append(t.formats, f)
		}
	}
	t.lines += c.lines
	t.parsed += c.parsed
	t.bad += c.bad
	t.events += c.events
	t.outside += c.outside
	t.undated += c.undated
	t.bytes += int64(c.Bytes)
	t.from, t.to = min(t.from, c.from), max(t.to, c.to)
	t.takeRoutes(c)
	for _, b := range c.broken {
		if len(t.broken) < maxBroken {
			text := c.Text[b.begin:min(b.end, b.begin+160)]
			t.broken = append(t.broken, model.LogLine{Source: t.source(c, b.line), Text: strings.ToValidUTF8(field.Redact(text), "?")})
		}
	}
	for i := range c.slow {
		t.takeSlow(c, &c.slow[i])
	}
	if c.requests && !t.requests {
		t.requests = true
		for i := range t.held {
			t.joiner.Add(&t.held[i])
		}
		t.held = nil
	}
	for i := range c.failed {
		t.takeFailed(c, &c.failed[i])
	}
	if c.lines > 0 {
		t.files[c.File].lines += c.lines
	}
	t.watch(c)
	t.ids[c.counter] = t.ids[c.counter][:min(len(t.ids[c.counter]), maxRoutes)]
	if c.Idle > 0 && t.ticked > 0 {
		t.queue.all(t.see)
		t.tick(t.ticked + int64(c.Idle/time.Second))
	}
}

func (t *Tally) source(c *Chunk, line int) string {
	f := t.files[c.File]
	return f.name + ":" + strconv.Itoa(f.lines+line)
}

// takeRoutes learns the routes that are new to a counter. Those that it has no room for may be known here nonetheless, from
// another counter, so that which routes have counts of their own depends on the log alone, and not on who counted what.
func (t *Tally) takeRoutes(c *Chunk) {
	for _, r := range c.routes {
		t.ids[c.counter] = append(t.ids[c.counter], t.route(r))
	}
	for i := range c.strangers {
		id := t.ids[c.counter][maxRoutes+i]
		if t.strangers[id] == nil {
			t.strangers[id] = new(counts)
		}
		t.strangers[id].merge(&c.strangers[i])
	}
}

func (t *Tally) route(r Route) int32 {
	if i, ok := t.routes[r]; ok {
		return i
	}
	if len(t.known) >= maxRoutes {
		r = other()
		if i, ok := t.routes[r]; ok {
			return i
		}
	}
	i := int32(len(t.known))
	t.routes[r] = i
	t.known = append(t.known, routeTotal{route: r, text: r.String()})
	return i
}

func (t *Tally) takeSlow(c *Chunk, s *slow) {
	n := len(t.slow)
	if n == maxSlow && t.slow[n-1].Seconds >= s.signal.Duration.Seconds() {
		return
	}
	got := model.LogSlow{
		Source: t.source(c, s.line), At: s.signal.At, Route: RouteOf(&s.signal).String(), Method: s.signal.Request.Method,
		Path: s.signal.Request.Path, Status: s.signal.Status, Seconds: s.signal.Duration.Seconds(),
	}
	i, _ := slices.BinarySearchFunc(t.slow, got, func(a, b model.LogSlow) int { return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), -1) })
	t.slow = slices.Insert(t.slow, i, got)
	t.slow = t.slow[:min(len(t.slow), maxSlow)]
}

// takeFailed gives a signal to the joiner, with its line if it may become a sample.
func (t *Tally) takeFailed(c *Chunk, f *failed) {
	s := &f.signal
	s.Raw = ""
	if s.Failed() && t.redacted.upTo(maxRedacted, s.Failure) {
		s.Raw = strings.ToValidUTF8(field.Redact(c.Text[f.begin:f.end]), "?")
		s.Source = t.source(c, f.line)
	}
	if !t.requests && len(t.apart.lines)+len(t.held) < maxHeld {
		t.held = append(t.held, *s)
		return
	}
	t.joiner.Add(s)
}

// settle counts a failure whose reason is known as well as it ever will be.
func (t *Tally) settle(s *model.Signal) {
	t.countTries(s)
	if !s.Failed() {
		return
	}
	kind := cmp.Or(s.Failure, model.OtherFailure)
	r := &t.known[t.route(RouteOf(s))]
	t.failures.add(kind)
	r.failures.add(kind)
	if s.ErrorLog && kind != model.Denied && kind != model.NoRoute {
		r.lone++
	}
	if s.Raw != "" && t.quoted.upTo(maxQuoted, kind) {
		t.samples = append(t.samples, model.LogSample{Failure: kind, Source: s.Source, Route: r.text, Lines: strings.Split(s.Raw, "\n")})
	}
}

// countTries counts the tries that failed, by upstream. One without a status failed if the request did, or if another
// one was made after it.
func (t *Tally) countTries(s *model.Signal) {
	for i, try := range s.Tries {
		if try.Address == "" || try.Status < 500 && (try.Status != 0 || !s.Failed() && i == len(s.Tries)-1) {
			continue
		}
		u := t.upstreams[try.Address]
		if u == nil {
			if len(t.upstreams) >= maxUpstreams {
				continue
			}
			u = new(upstream)
			t.upstreams[try.Address] = u
		}
		u.failed++
		u.failures.add(cmp.Or(s.Failure, model.OtherFailure))
	}
}

// watch has the detector see the requests of a chunk, second by second.
func (t *Tally) watch(c *Chunk) {
	for i := range c.cells {
		cell := &c.cells[i]
		t.timeline.add(cell.second, int(cell.requests), int(cell.errors))
		cell.route = t.ids[c.counter][cell.route]
	}
	t.queue.take(c.cells)
	t.queue.past(t.see)
}

// see shows the detector a cell whose turn it is.
func (t *Tally) see(c cell) {
	t.tick(c.heard)
	t.lately.Requests += int(c.requests)
	t.lately.Errors += int(c.errors)
	t.detector.AddCounts(t.known[c.route].text, model.Ref{}, time.Unix(c.second, 0).UTC(), int(c.requests), int(c.errors))
}

// tick lets the seconds pass that lie between two times of the log.
func (t *Tally) tick(second int64) {
	const most = 3600 // after so long, nothing that was open still is
	if t.ticked == 0 {
		t.ticked = second
	}
	for s := max(t.ticked+1, second-most); s <= second; s++ {
		if s%latelySeconds == 0 && t.lately.Requests > 0 {
			t.lately.At = time.Unix(s, 0).UTC()
			if t.notify.Lately != nil {
				t.notify.Lately(t.lately)
			}
			t.lately = Lately{}
		}
		for _, a := range t.detector.Tick(time.Unix(s, 0).UTC()) {
			if t.notify.Alarm != nil {
				t.notify.Alarm(a)
			}
			if a.Ended {
				t.alarm(a)
			}
		}
	}
	t.ticked = max(t.ticked, second)
}

func (t *Tally) alarm(a detect.Alarm) {
	if len(t.alarms) < maxAlarms {
		t.alarms = append(t.alarms, a)
	}
}
