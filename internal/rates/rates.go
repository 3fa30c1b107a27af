package rates

import (
	"cmp"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// Options of counting. Every zero value means its default.
type Options struct {
	// Bucket is the length of one bucket of time; 0 means 5 s.
	Bucket time.Duration
	// Buckets is how many are kept; 0 means 60, which is five minutes of the default length.
	Buckets int
	// MaxRoutes is how many routes are kept; 0 means 10,000.
	MaxRoutes int
}

func (o Options) withDefaults() Options {
	if o.Bucket == 0 {
		o.Bucket = 5 * time.Second
	}
	if o.Buckets == 0 {
		o.Buckets = 60
	}
	if o.MaxRoutes == 0 {
		o.MaxRoutes = 10_000
	}
	return o
}

// Counts are requests, and how many of them failed.
type Counts struct{ Requests, Errors int }

// Ratio is the share of errors, 0 to 1; 0 without requests.
func (c Counts) Ratio() float64 {
	if c.Requests == 0 {
		return 0
	}
	return float64(c.Errors) / float64(c.Requests)
}

// Route is what came on one route lately.
type Route struct {
	Key      string
	Object   model.Ref // zero: no rule is known
	Lately   Counts    // in all buckets together
	Now      Counts    // in the last [Nowadays] of time
	Buckets  []Counts  // oldest first; the last one is not over yet
	Statuses map[int]int
	Failures map[model.FailureKind]int // of requests that failed; what the proxy did not say is [model.OtherFailure]
	Last     time.Time                 // the newest request
}

// Nowadays is the time that [Route.Now] covers: long enough for a route with a request a second, and short
// enough to follow what happens.
const Nowadays = 15 * time.Second

// Table counts requests. It is used by one goroutine.
type Table struct {
	options Options
	routes  map[string]*route
	newest  int64 // number of the newest bucket
}

type route struct {
	object  model.Ref
	buckets []bucket // a ring; bucket n lies at n modulo its length
	last    time.Time
}

type bucket struct {
	number int64 // since the epoch; tells whether it is still the one that is meant
	counts Counts
	kinds  []kind
}

// kind is how many requests ended in the same way. There are few of them on one route, so a list serves.
type kind struct {
	status  int
	failure model.FailureKind
	count   int
}

// New returns a table that has seen nothing.
func New(o Options) *Table { return &Table{options: o.withDefaults(), routes: map[string]*route{}} }

// Add takes in requests that ended in the same way. What is stamped older than the kept time is left out.
func (t *Table) Add(key string, object model.Ref, at time.Time, status int, failure model.FailureKind, failed bool, requests int) {
	number := t.number(at)
	t.newest = max(t.newest, number)
	if requests <= 0 || number <= t.newest-int64(t.options.Buckets) {
		return
	}
	r := t.routes[key]
	if r == nil {
		r = t.admit(key)
	}
	if !object.IsZero() {
		r.object = object
	}
	if at.After(r.last) {
		r.last = at
	}
	b := &r.buckets[number%int64(len(r.buckets))]
	if b.number != number {
		*b = bucket{number: number, kinds: b.kinds[:0]}
	}
	b.counts.Requests += requests
	if failed {
		b.counts.Errors += requests
		if failure == model.NoFailure {
			failure = model.OtherFailure
		}
	} else {
		failure = model.NoFailure
	}
	i := slices.IndexFunc(b.kinds, func(k kind) bool { return k.status == status && k.failure == failure })
	if i < 0 {
		i = len(b.kinds)
		b.kinds = append(b.kinds, kind{status: status, failure: failure})
	}
	b.kinds[i].count += requests
}

// number is the bucket of a time. Times before the epoch count as the epoch.
func (t *Table) number(at time.Time) int64 { return max(at.UnixNano(), 0) / int64(t.options.Bucket) }

// lookedAt is among how many routes the one that makes room is chosen. Who asks for ever new paths must not
// make every request cost a look at all routes.
const lookedAt = 16

// admit makes room for a route.
func (t *Table) admit(key string) *route {
	if len(t.routes) >= t.options.MaxRoutes {
		quietest, looked := "", 0
		for k, r := range t.routes {
			if q := t.routes[quietest]; q == nil || r.last.Before(q.last) {
				quietest = k
			}
			if looked++; looked == lookedAt {
				break
			}
		}
		delete(t.routes, quietest)
	}
	r := &route{buckets: make([]bucket, t.options.Buckets)}
	t.routes[key] = r
	return r
}

// Routes returns the routes on which something came within the kept time before now, the worst first: by the
// errors of the last [Nowadays], then by all errors that are kept, then by requests.
func (t *Table) Routes(now time.Time) []Route {
	all := make([]Route, 0, len(t.routes))
	for key, r := range t.routes {
		if out := t.route(key, r, now); out.Lately.Requests > 0 {
			all = append(all, out)
		}
	}
	slices.SortFunc(all, func(a, b Route) int {
		return cmp.Or(
			cmp.Compare(b.Now.Ratio(), a.Now.Ratio()), cmp.Compare(b.Now.Errors, a.Now.Errors),
			cmp.Compare(b.Lately.Errors, a.Lately.Errors), cmp.Compare(b.Lately.Requests, a.Lately.Requests),
			cmp.Compare(a.Key, b.Key))
	})
	return all
}

func (t *Table) route(key string, r *route, now time.Time) Route {
	out := Route{
		Key: key, Object: r.object, Last: r.last, Buckets: make([]Counts, len(r.buckets)),
		Statuses: map[int]int{}, Failures: map[model.FailureKind]int{},
	}
	newest := t.number(now)
	oldest := newest - int64(len(r.buckets)) + 1
	nowadays := newest - int64(Nowadays/t.options.Bucket)
	for i := range r.buckets {
		b := &r.buckets[i]
		if b.counts.Requests == 0 || b.number < oldest || b.number > newest {
			continue
		}
		out.Buckets[b.number-oldest] = b.counts
		out.Lately = sum(out.Lately, b.counts)
		if b.number > nowadays {
			out.Now = sum(out.Now, b.counts)
		}
		for _, k := range b.kinds {
			out.Statuses[k.status] += k.count
			if k.failure != model.NoFailure {
				out.Failures[k.failure] += k.count
			}
		}
	}
	return out
}

func sum(a, b Counts) Counts {
	return Counts{Requests: a.Requests + b.Requests, Errors: a.Errors + b.Errors}
}

// PerSecond is how many of n requests of the last [Nowadays] came in a second.
func PerSecond(n int) float64 { return float64(n) / Nowadays.Seconds() }
