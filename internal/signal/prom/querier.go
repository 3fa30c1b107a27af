package prom

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/config"
	pmodel "github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/signal/feed"
)

// Bounds of asking.
const (
	maxTargets = 2000
	overlap    = 30 * time.Second // servers take values in late
	mostWindow = 5 * time.Minute  // after a pause, what is older is lost
	answerIn   = 30 * time.Second
	// lostAfter is how many looks a target may be missing before its counters are forgotten.
	lostAfter = 60
)

// QueryOptions says which server is asked.
type QueryOptions struct {
	URL   string
	Every time.Duration
	// TokenFile, or User and PasswordFile, authenticate; the files are read again when they change.
	TokenFile          string
	User, PasswordFile string
	// CAFile holds the authorities to trust; empty: the system's.
	CAFile string
	// Pods lists the gateways' pods at present, by whose addresses instances are recognised; nil: none.
	Pods func() []*corev1.Pod
	Now  func() time.Time
}

// Querier asks a server that speaks PromQL.
type Querier struct {
	options QueryOptions
	api     v1.API
	proxies []proxy.Proxy
	since   time.Time
	asked   time.Time // when the last answer was about
	targets map[string]*remote
	looks   int
	left    []string // targets of the last answer that are not read, as there are too many

	mu     sync.Mutex
	unseen []model.Unseen
}

// remote is a gateway as the server knows it.
type remote struct {
	tally *tally
	seen  int
}

// NewQuerier returns a querier, which begins to work in Run. It fails if a file cannot be read.
func NewQuerier(o QueryOptions) (*Querier, error) {
	c := config.HTTPClientConfig{FollowRedirects: true, EnableHTTP2: true, TLSConfig: config.TLSConfig{CAFile: o.CAFile}}
	switch {
	case o.TokenFile != "":
		c.Authorization = &config.Authorization{Type: "Bearer", CredentialsFile: o.TokenFile}
	case o.User != "":
		c.BasicAuth = &config.BasicAuth{Username: o.User, PasswordFile: o.PasswordFile}
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("ask %s: %w", o.URL, err)
	}
	client, err := config.NewClientFromConfig(c, "gatemend")
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", o.URL, err)
	}
	asking, err := api.NewClient(api.Config{Address: o.URL, Client: &http.Client{Transport: client.Transport}})
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", o.URL, err)
	}
	q := &Querier{options: o, api: v1.NewAPI(asking), targets: map[string]*remote{}}
	for _, p := range all.Proxies() {
		if p.Metrics != nil {
			q.proxies = append(q.proxies, p)
		}
	}
	return q, nil
}

// Run asks again and again until the context ends.
func (q *Querier) Run(ctx context.Context, out chan<- []model.Count) error {
	q.since = q.options.Now()
	tick := time.NewTicker(q.options.Every)
	defer tick.Stop()
	for {
		looks, unseen := q.ask(ctx)
		if ctx.Err() != nil {
			return nil
		}
		q.mu.Lock()
		q.unseen = unseen
		q.mu.Unlock()
		for _, counts := range looks {
			select {
			case out <- counts:
			case <-ctx.Done():
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Unseen is what could not be asked, and what the server warned of.
func (q *Querier) Unseen() []model.Unseen {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.unseen)
}

// ask gives the counts since the last time, by gateway and scrape.
func (q *Querier) ask(ctx context.Context) ([][]model.Count, []model.Unseen) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	now := q.options.Now()
	window := 2*q.options.Every + overlap
	if !q.asked.IsZero() {
		window = min(now.Sub(q.asked)+overlap, mostWindow)
	}
	what := "metrics at " + q.options.URL
	value, warnings, err := q.api.Query(ctx, Query(window), now)
	if err != nil {
		return nil, []model.Unseen{{What: what, Why: reasonOf(err)}}
	}
	var unseen []model.Unseen
	if len(warnings) > 0 {
		unseen = append(unseen, model.Unseen{What: "all of the " + what, Why: strings.Join(warnings, "; ")})
	}
	matrix, ok := value.(pmodel.Matrix)
	if !ok {
		return nil, append(unseen, model.Unseen{What: what, Why: fmt.Sprintf("the server answers with a %s instead of raw values", value.Type())})
	}
	q.asked = now
	counts, none := q.take(matrix)
	if len(q.left) > 0 {
		unseen = append(unseen, model.Unseen{What: "further gateways among the " + what, Why: feed.TooMany(q.left, maxTargets)})
	}
	if none {
		unseen = append(unseen, model.Unseen{What: what, Why: "the server has no counter of any gateway's requests"})
	}
	return counts, unseen
}

// longestAnswer bounds what is told of an answer that is none.
const longestAnswer = 200

// reasonOf says in one line why there is no answer; with an error of the server's comes what it said, if anything.
func reasonOf(err error) string {
	text := err.Error()
	if e, told := errors.AsType[*v1.Error](err); told {
		text = e.Msg
		if said := strings.TrimSpace(e.Detail); said != "" {
			text += ": " + strings.ToValidUTF8(said[:min(len(said), longestAnswer)], "?")
		}
		if e.Type == v1.ErrClient {
			text += " (are the token or the user and the path right?)"
		}
	}
	return strings.Join(strings.Fields(text), " ")
}

// Query asks for the raw values of all that the proxies count. Rates that the server computes would miss the
// first errors of a series that is new, and sums of theirs the resets.
func Query(window time.Duration) string {
	var names []string
	for _, p := range all.Proxies() {
		if p.Metrics == nil {
			continue
		}
		for _, name := range wanted(p.Metrics()) {
			// process_start_time_seconds is exposed by nearly everything that is scraped.
			if name != "process_start_time_seconds" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return fmt.Sprintf(`{__name__=~"%s"}[%ds]`, strings.Join(slices.Compact(names), "|"), max(1, int(window.Seconds())))
}

// scrapes are the values of one gateway by the time at which they were scraped.
type scrapes map[pmodel.Time][]sample

// sorted sorts values by gateway and scrape, and tells each gateway's instance.
func sorted(m pmodel.Matrix) (by map[string]scrapes, instances map[string]string) {
	by, instances = map[string]scrapes{}, map[string]string{}
	for _, stream := range m {
		name := string(stream.Metric[pmodel.MetricNameLabel])
		where := string(stream.Metric["job"]) + " " + string(stream.Metric["instance"]) + " " + string(stream.Metric["pod"])
		if by[where] == nil {
			by[where] = scrapes{}
			instances[where] = string(stream.Metric["instance"])
		}
		ls := seriesLabels(stream.Metric)
		for _, v := range stream.Values {
			by[where][v.Timestamp] = append(by[where][v.Timestamp], sample{name: name, labels: ls, value: float64(v.Value)})
		}
	}
	return by, instances
}

// take tallies the values of one look; none is true if there was nothing.
func (q *Querier) take(m pmodel.Matrix) (counts [][]model.Count, none bool) {
	q.looks++
	q.left = nil
	by, instances := sorted(m)
	for _, where := range sortedKeys(by) {
		for _, got := range q.takeOne(where, by[where]) {
			gateway := q.gateway(instances[where])
			for i := range got {
				got[i].Gateway, got[i].Source = gateway, q.options.URL+" "+where
			}
			counts = append(counts, got)
		}
	}
	for where, r := range q.targets {
		if q.looks-r.seen > lostAfter {
			delete(q.targets, where)
		}
	}
	return counts, len(by) == 0
}

// takeOne tallies what one gateway was scraped of.
func (q *Querier) takeOne(where string, s scrapes) (counts [][]model.Count) {
	r := q.targets[where]
	for _, at := range sortedKeys(s) {
		l := look{at: at.Time(), samples: s[at]}
		if r == nil {
			if r = q.discover(l.samples); r == nil {
				return counts
			}
			if len(q.targets) >= maxTargets {
				q.left = append(q.left, where)
				return counts
			}
			q.targets[where] = r
		}
		r.seen = q.looks
		if !l.at.After(r.tally.at) {
			continue
		}
		if got, ok := r.tally.take(l); ok && len(got) > 0 {
			counts = append(counts, got)
		}
	}
	return counts
}

// gateway is the pod at an instance's address; zero if it is not known.
func (q *Querier) gateway(instance string) model.Ref {
	host, _, err := net.SplitHostPort(instance)
	if err != nil || q.options.Pods == nil {
		return model.Ref{}
	}
	for _, p := range q.options.Pods() {
		if p.Status.PodIP == host {
			return model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: p.Namespace, Name: p.Name}
		}
	}
	return model.Ref{}
}

// discover finds which proxy counts so.
func (q *Querier) discover(samples []sample) *remote {
	for _, p := range q.proxies {
		t := newTally(p.Name, p.Metrics(), q.since)
		for _, c := range t.metrics.Requests {
			if slices.ContainsFunc(samples, func(s sample) bool { return s.name == c.Name && s.labels.have(c.Only) }) {
				return &remote{tally: t}
			}
		}
	}
	return nil
}

func seriesLabels(m pmodel.Metric) labels {
	out := make(labels, 0, len(m))
	for name, value := range m {
		if name != pmodel.MetricNameLabel {
			out = append(out, label{string(name), string(value)})
		}
	}
	slices.SortFunc(out, func(a, b label) int { return cmp.Compare(a.name, b.name) })
	return out
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
