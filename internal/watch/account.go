package watch

import (
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// mostOfAccount is how many requests of one account are kept for diagnoses and verifications: enough to tell how large
// the share of each kind is.
const mostOfAccount = 256

// clientClosed is nginx's status of a request whose client went away; others have none. Neither says anything about the
// route, see [detect.Failing].
const clientClosed = 499

// takeAccounts counts what gateways answered whose log somebody else reads.
func (w *Watcher) takeAccounts(accounts []model.Account) {
	now := w.Session.Now()
	for _, a := range accounts {
		if w.heard.speaks(a.Gateway, now) {
			continue
		}
		w.takeAccount(a)
	}
}

// speaks reports whether a gateway itself sends what it sees.
func (h heard) speaks(gateway model.Ref, now time.Time) bool {
	known, ok := h[gateway]
	return ok && now.Sub(known.at) < heardFor
}

// routeSum is what an account says of one route.
type routeSum struct {
	object           model.Ref
	at               time.Time
	requests, errors int
}

func (w *Watcher) takeAccount(a model.Account) {
	for _, s := range a.Errors {
		w.Session.Ring.Add(s)
	}
	var total uint64
	for _, c := range a.Counts {
		total += c.Requests
	}
	sums := map[string]*routeSum{}
	for _, c := range a.Counts {
		sig := c.Signal()
		w.keep(c, sig, total)
		route, ok := w.locate(sig)
		name, ok := w.nameOf(sig, route, ok)
		if !ok || sig.Status == clientClosed || sig.Status == 0 && sig.Failure == model.NoFailure {
			continue
		}
		s := sums[name]
		if s == nil {
			s = &routeSum{object: route.Object}
			sums[name] = s
		}
		failed := detect.Failing(&sig)
		s.at, s.requests = c.To, s.requests+int(c.Requests)
		if failed {
			s.errors += int(c.Requests)
		}
		w.tally(name, s.object, sig, failed, int(c.Requests))
	}
	for name, s := range sums {
		w.detector.AddCounts(name, s.object, s.at, s.requests, s.errors)
	}
}

// nameOf is how what is counted of a request is called; ok is false if it is on no route that is watched.
func (w *Watcher) nameOf(sig model.Signal, route path.Route, located bool) (name string, ok bool) {
	switch {
	case located && selects(w.Target, route):
		return route.String(), true
	case !located && w.Target.IsZero() && !unheardOf(sig, w.began, w.Session.Now()):
		return stray(sig.Request.Host, sig.Request.Path), true
	default:
		return "", false
	}
}

// stray is what requests are called that no rule takes: their host and the beginning of their path. The whole is made up by
// whoever asks, and its query may be secret.
func stray(host, path string) string {
	path, _, _ = strings.Cut(path, "?")
	return host + field.FirstSegment(path)
}

// keep remembers samples of requests that ended alike, and as many more that look like them as make their share right.
func (w *Watcher) keep(c model.Counted, like model.Signal, total uint64) {
	n := c.Requests
	if total > mostOfAccount {
		n = max(1, n*mostOfAccount/total)
	}
	for i, s := range c.Samples {
		if uint64(i) < n {
			w.Session.Ring.Add(s)
		}
	}
	for i := uint64(len(c.Samples)); i < n; i++ {
		w.Session.Ring.Add(like)
	}
}
