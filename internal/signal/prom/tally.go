package prom

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
)

// Bounds of what is remembered of one gateway.
const (
	maxSeries = 200_000
	// forgetAfter is how many looks a series may be missing: a scrape can be cut short.
	forgetAfter = 30
	// clockSlack is how much a start that is computed from a process's age may differ between two looks.
	clockSlack = 5 * time.Second
)

// sample is the value of one series.
type sample struct {
	name   string
	labels labels
	value  float64
}

// look is what one gateway exposed at a moment.
type look struct {
	at      time.Time
	samples []sample
}

// known is what is remembered of a series.
type known struct {
	value   float64
	created float64 // Unix time, 0: not told
	seen    int     // the number of the look
}

// tally tells what was added to the counters of one gateway since the last look.
type tally struct {
	proxy   string
	metrics proxy.Metrics
	since   time.Time // a process that started later counts from its start

	number  int // of looks
	at      time.Time
	started time.Time
	series  map[string]known
	// Untracked is how many series there were too many.
	untracked int
}

func newTally(name string, m proxy.Metrics, since time.Time) *tally {
	return &tally{proxy: name, metrics: m, since: since, series: map[string]known{}}
}

// place is where requests went, and the status of their answers.
type place struct {
	host, path, namespace, route, service, port string
}

// take gives the requests since the look before; ok is false if nothing in it is counted by the proxy.
func (t *tally) take(l look) (counts []model.Count, ok bool) {
	counter, found := t.counter(l.samples)
	if !found {
		return nil, false
	}
	restarted, fresh := t.began(l)
	created := createdAt(l.samples)
	requests := map[model.Count]uint64{}
	reasons := map[place][]reason{}
	for _, s := range l.samples {
		if s.name == counter.Name && s.labels.have(counter.Only) {
			c := t.blank(counter.Status, s)
			if n := t.added(s, created, restarted, fresh); n > 0 && counter.Read(s.labels.get, &c) {
				requests[c] += n
			}
			continue
		}
		if r := t.reason(s.name); r != nil {
			c := model.Count{Class: 5}
			if n := t.added(s, created, restarted, fresh); n > 0 && r.Read(s.labels.get, &c) {
				at := placeOf(c)
				reasons[at] = append(reasons[at], reason{r, n})
			}
		}
	}
	from := t.at
	if from.IsZero() || t.started.After(from) {
		from = t.started
	}
	t.at = l.at
	t.forget()
	return finish(divide(requests, reasons, len(t.metrics.Reasons) > 0), from, l.at), true
}

// reason is the counter of failures with a name; nil if there is none.
func (t *tally) reason(name string) *proxy.ReasonCounter {
	i := slices.IndexFunc(t.metrics.Reasons, func(r proxy.ReasonCounter) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return &t.metrics.Reasons[i]
}

// counter is the most telling of the alternatives that is there.
func (t *tally) counter(samples []sample) (proxy.RequestCounter, bool) {
	for _, c := range t.metrics.Requests {
		if slices.ContainsFunc(samples, func(s sample) bool { return s.name == c.Name && s.labels.have(c.Only) }) {
			return c, true
		}
	}
	// A proxy without any request yet exposes what else it counts, but none of these.
	known := slices.ContainsFunc(samples, func(s sample) bool {
		return s.name == t.metrics.Started || s.name == t.metrics.Uptime ||
			slices.ContainsFunc(t.metrics.Reasons, func(r proxy.ReasonCounter) bool { return r.Name == s.name })
	})
	if known && len(t.metrics.Requests) > 0 {
		return t.metrics.Requests[len(t.metrics.Requests)-1], true
	}
	return proxy.RequestCounter{}, false
}

// began takes in when the process of the next look started: whether it is another one than before, and whether a series that is
// new in it counts from zero.
func (t *tally) began(l look) (restarted, fresh bool) {
	started := t.start(l)
	if started.IsZero() {
		started = t.started // what said it before is missing this time: stores take values in one by one
	}
	restarted = !t.started.IsZero() && started.Sub(t.started).Abs() > clockSlack
	fresh = t.number > 0 || !started.IsZero() && started.After(t.since)
	t.number, t.started = t.number+1, started
	return restarted, fresh
}

// latest bounds the times and ages in seconds that make sense, so that NaN and infinity do not.
const latest = 1 << 40

// start is when the process started; zero if it does not say.
func (t *tally) start(l look) time.Time {
	for _, s := range l.samples {
		switch {
		case !(s.value > 0 && s.value < latest):
		case s.name == t.metrics.Started:
			return time.UnixMilli(int64(s.value * 1000))
		case s.name == t.metrics.Uptime:
			return l.at.Add(-time.Duration(s.value * float64(time.Second)))
		}
	}
	return time.Time{}
}

// createdAt finds when series began to count, where OpenMetrics's _created tells (OpenMetrics 1.0, Counter).
func createdAt(samples []sample) map[string]float64 {
	out := map[string]float64{}
	for _, s := range samples {
		if name, ok := strings.CutSuffix(s.name, "_created"); ok {
			out[name+s.labels.key()] = s.value
		}
	}
	return out
}

// added is by how much a counter grew since it was last seen.
func (t *tally) added(s sample, created map[string]float64, restarted, fresh bool) uint64 {
	if !(s.value >= 0 && s.value < 1<<53) {
		return 0 // no count
	}
	key := s.name + s.labels.key()
	before, ok := t.series[key]
	if !ok && len(t.series) >= maxSeries {
		t.untracked++
		return 0
	}
	now := known{value: s.value, created: created[strings.TrimSuffix(s.name, "_total")+s.labels.key()], seen: t.number}
	t.series[key] = now
	switch {
	case !ok && !fresh:
		return 0
	case !ok, restarted, s.value < before.value, now.created > before.created && before.created > 0:
		return uint64(s.value)
	default:
		return uint64(s.value) - uint64(before.value)
	}
}

// forget drops series that are gone for long.
func (t *tally) forget() {
	for key, k := range t.series {
		if t.number-k.seen > forgetAfter {
			delete(t.series, key)
		}
	}
}

// blank is a count with the status that a label tells.
func (t *tally) blank(label string, s sample) model.Count {
	c := model.Count{Proxy: t.proxy}
	c.Status, c.Class = status(s.labels.get(label))
	return c
}

// status reads 502, 5xx or 5. Anything else is no answer.
func status(text string) (status, class int) {
	text = strings.TrimSuffix(strings.ToLower(text), "xx")
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 1 || n > 999:
		return 0, 0
	case n < 10:
		return 0, n
	case n < 100:
		return 0, 0
	default:
		return n, n / 100
	}
}

// finish puts counts in a fixed order and gives them their interval.
func finish(requests map[model.Count]uint64, from, to time.Time) []model.Count {
	counts := make([]model.Count, 0, len(requests))
	for c, n := range requests {
		c.From, c.To, c.Requests = from, to, n
		counts = append(counts, c)
	}
	slices.SortFunc(counts, func(a, b model.Count) int {
		return cmp.Or(
			cmp.Compare(a.RouteNamespace, b.RouteNamespace), cmp.Compare(a.RouteName, b.RouteName), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Service, b.Service), cmp.Compare(a.ServicePort, b.ServicePort),
			cmp.Compare(a.Class, b.Class), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Failure, b.Failure),
		)
	})
	return counts
}

func placeOf(c model.Count) place {
	return place{c.Host, c.Path, c.RouteNamespace, c.RouteName, c.Service, c.ServicePort}
}
