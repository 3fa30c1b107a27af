package diagnose

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// apart is how far an error-log line may be from the access-log line of the same request: both are
// written when the request ends, with the seconds that proxies' clocks round to.
const apart = 2 * time.Second

// most is how many samples and upstreams of an observation are kept.
const most = 3

// routeKey identifies a rule with its host and path.
type routeKey struct {
	object, gateway  model.Ref
	rule, host, path string
}

func keyOf(r path.Route) routeKey { return routeKey{r.Object, r.Gateway, r.Rule, r.Host, r.Path} }

// routeIndex finds the routes in question, by the name of the object and then by all of the rule: most lines are about other
// routes, which a name tells sooner.
type routeIndex map[string]map[routeKey]*route

func routesByKey(routes []*route) routeIndex {
	by := routeIndex{}
	for _, r := range routes {
		if by[r.Object.Name] == nil {
			by[r.Object.Name] = map[routeKey]*route{}
		}
		by[r.Object.Name][keyOf(r.Route)] = r
	}
	return by
}

// find gives nil for a route that is not in question.
func (by routeIndex) find(r path.Route) *route {
	return by[r.Object.Name][keyOf(r)]
}

// observe lays the signals at the routes that they are about.
func (v *view) observe() {
	by := routesByKey(v.routes)
	access, reasons, guessed := map[*route][]model.Signal{}, map[*route][]model.Signal{}, map[*route][]model.Signal{}
	var strange []model.Signal // reasons of requests on no known route
	for _, s := range withoutLimited(v.in.Signals) {
		located, ok := v.m.Locate(s)
		if !ok {
			var guess *route
			if s.Failure == model.NoRoute {
				likely, _ := v.m.ByPath(s)
				guess = by.find(likely)
			}
			switch {
			case guess != nil:
				guessed[guess] = append(guessed[guess], s)
			case s.Failed() && !s.ErrorLog:
				v.unrouted = append(v.unrouted, s)
			case s.Request.Path == "" && s.Reason != "": // failed, or began with what is no request
				v.unread = append(v.unread, s)
			case s.ErrorLog:
				strange = append(strange, s)
			}
			continue
		}
		r := by.find(located)
		switch {
		case r == nil:
		case s.ErrorLog:
			reasons[r] = append(reasons[r], s)
		default:
			access[r] = append(access[r], s)
		}
	}
	slices.SortStableFunc(v.unread, func(a, b model.Signal) int { return a.At.Compare(b.At) })
	lend(access, reasons, v.unread)
	answers := v.ownAnswers()
	for _, r := range v.routes {
		// What the proxy knows no route for, and of which it names no host, was for this one if nothing else came by it.
		if len(access[r]) == 0 {
			access[r] = guessed[r]
		} else {
			v.unrouted = append(v.unrouted, guessed[r]...)
		}
		r.take(access[r], reasons[r], v.unread, v.wantedErrors(r, access[r]))
		r.passedOn(answers)
	}
	slices.SortStableFunc(strange, func(a, b model.Signal) int { return a.At.Compare(b.At) })
	for i := range v.unrouted {
		v.unrouted[i] = explained(v.unrouted[i], strange)
	}
	v.fallbacks()
	if v.in.Target.IsZero() {
		v.strays = aggregate("", model.Ref{}, v.unrouted, 0)
	}
}

// lend gives routes the lines that name neither a request nor an address, but the status: Traefik writes no more of an answer
// that it cannot read (traefik/traefik, pkg/proxy/httputil/proxy.go). One is about the only route on which the gateway
// answered this status in these moments without saying why; where there are several it stays nobody's.
func lend(access, reasons map[*route][]model.Signal, nameless []model.Signal) {
	var ends map[gatewayStatus][]ending
	for _, line := range nameless {
		if !line.ErrorLog || line.Status == 0 || len(line.Tries) > 0 {
			continue
		}
		if ends == nil {
			ends = unsaidEnds(access)
		}
		if r := onlyRoute(ends[gatewayStatus{line.Gateway, line.Status}], line.At); r != nil {
			reasons[r] = append(reasons[r], line)
		}
	}
}

// gatewayStatus is a status that a gateway's pod answered.
type gatewayStatus struct {
	gateway model.Ref
	status  int
}

// ending is when a request on a route ended.
type ending struct {
	at time.Time
	of *route
}

// unsaidEnds are the failed requests whose lines do not say why, in order of time.
func unsaidEnds(access map[*route][]model.Signal) map[gatewayStatus][]ending {
	out := map[gatewayStatus][]ending{}
	for r, signals := range access {
		for i := range signals {
			if s := &signals[i]; s.Failure == model.OtherFailure {
				a := gatewayStatus{s.Gateway, s.Status}
				out[a] = append(out[a], ending{s.At, r})
			}
		}
	}
	for _, ends := range out {
		slices.SortFunc(ends, func(a, b ending) int { return a.at.Compare(b.at) })
	}
	return out
}

// onlyRoute is the route on which all requests ended that did around a time; nil if there are several, or none.
func onlyRoute(ends []ending, at time.Time) *route {
	var only *route
	from, _ := slices.BinarySearchFunc(ends, at.Add(-apart), func(e ending, t time.Time) int { return e.at.Compare(t) })
	for _, e := range ends[from:] {
		if e.at.After(at.Add(apart)) {
			break
		}
		if only != nil && only != e.of {
			return nil
		}
		only = e.of
	}
	return only
}

// withoutLimited leaves out the lines of error logs about requests that were answered 429, which is no failure of a
// gateway. nginx's error log says that a request was over its limit, and not with which status it was answered
// (limit_req_status, limit_conn_status); and where the access log names no host, its line may be of another route than
// that of the error log, or of none. Both are of one client and second, or the access log's of the next.
func withoutLimited(signals []model.Signal) []model.Signal {
	type moment struct {
		client string
		second int64
	}
	limited := map[moment]bool{}
	for _, s := range signals {
		if s.Status == 429 && s.Client != "" {
			limited[moment{s.Client, s.At.Unix()}] = true
		}
	}
	if len(limited) == 0 {
		return signals
	}
	return slices.DeleteFunc(slices.Clone(signals), func(s model.Signal) bool {
		return s.ErrorLog && s.Failure == model.Overload && (limited[moment{s.Client, s.At.Unix()}] || limited[moment{s.Client, s.At.Unix() + 1}])
	})
}

// isAstray reports whether an application answered as one answers a request that is meant for another:
// not found, method not allowed, misdirected, upgrade required.
func isAstray(s model.Signal) bool {
	switch s.Status {
	case 404, 405, 421, 426:
		return s.Failure == model.NoFailure
	default:
		return false
	}
}

// take counts a route's requests and joins each failed one with the line that gives its reason: one of the route's, or
// one that names no request, as Traefik writes them, but the address that was tried. An error that was asked for is no failure.
func (r *route) take(access, reasons, nameless []model.Signal, asked func(*model.Signal) bool) {
	byTime := func(a, b model.Signal) int { return a.At.Compare(b.At) }
	slices.SortStableFunc(access, byTime)
	slices.SortStableFunc(reasons, byTime)
	r.requests = len(access)
	for _, s := range access {
		if s.Failed() && (asked == nil || !asked(&s)) {
			s = explained(s, reasons)
			if host := lastHost(&s); s.Failure == model.OtherFailure && host != "" {
				s = explained(s, around(nameless, s.At, host))
			}
			r.signals = append(r.signals, s)
		} else {
			r.note(s)
		}
	}
	if len(access) == 0 {
		for _, s := range reasons {
			if s.Failed() {
				r.signals = append(r.signals, s)
			}
		}
		r.requests = len(r.signals)
	}
	r.failures, r.resumed = len(r.signals), r.lastBegan()
	r.observed = aggregate(r.String(), r.Object, r.signals, r.requests)
}

// around lists the lines about an address in the moments around a time; lines are in order of time.
func around(lines []model.Signal, at time.Time, host string) []model.Signal {
	var out []model.Signal
	from, _ := slices.BinarySearchFunc(lines, at.Add(-apart), func(x model.Signal, t time.Time) int { return x.At.Compare(t) })
	for _, x := range lines[from:] {
		if x.At.After(at.Add(apart)) {
			break
		}
		if x.ErrorLog && strings.Contains(x.Reason, host) {
			out = append(out, x)
		}
	}
	return out
}

// note counts a request that did not fail, and keeps those of which the answer may tell something.
func (r *route) note(s model.Signal) {
	if isAstray(s) {
		r.astray = append(r.astray, s)
	}
	if s.Status == 404 && s.Request.Host == "" && s.Service == "" && s.RouteName == "" {
		r.requests-- // whether the application said so, or the proxy that knows no such host, the line does not tell
		return
	}
	r.succeeded = append(r.succeeded, s.At)
	switch {
	case s.Status == 101:
		r.upgraded++
	case s.Status/100 == 2:
		r.fulfilled++
	case s.Status/100 == 3 && s.Status == r.Fixed:
		r.redirected = append(r.redirected, s)
	}
	switch s.Status {
	case 400, 403:
		r.denied = append(r.denied, s)
	case 499:
		r.left = append(r.left, s)
	case 408:
		if len(s.Tries) == 0 || cutBody(s) {
			r.unsent = append(r.unsent, s)
		}
	case 429:
		r.limited = append(r.limited, s)
	}
}

// explained gives a failed request the failure and words of its error-log line, which says more than the access log. Of several
// lines that may be about it the nearest in time is taken: what failed a second before may have failed for another reason.
func explained(s model.Signal, reasons []model.Signal) model.Signal {
	if s.Failure != model.NoFailure && s.Failure != model.OtherFailure && s.Reason != "" {
		return s
	}
	from, _ := slices.BinarySearchFunc(reasons, s.At, func(x model.Signal, t time.Time) int { return x.At.Compare(t) })
	near := apart // no other line may be farther away
	var line *model.Signal
	look := func(x *model.Signal) (over bool) {
		away := x.At.Sub(s.At).Abs()
		if away > near || line != nil && away == near {
			return true
		}
		if tellsOf(x, s) {
			line, near = x, away
		}
		return line == x
	}
	for i := from - 1; i >= 0; i-- {
		if look(&reasons[i]) {
			break
		}
	}
	for i := from; i < len(reasons); i++ {
		if look(&reasons[i]) {
			break
		}
	}
	if line == nil {
		return s
	}
	return toldBy(s, *line)
}

// tellsOf reports whether an error-log line may be about a failed request, and says more than the request's own line.
func tellsOf(line *model.Signal, s model.Signal) bool {
	if line.Request.Path == "" && line.Status != 0 && line.Status != s.Status {
		return false // lines that name no request say how it ended
	}
	if contradict(line.Request.Path, s.Request.Path) || contradict(strings.ToLower(line.Request.Host), strings.ToLower(s.Request.Host)) || !tried(s, *line) {
		return false
	}
	// That nobody was asked is all that an access line says of a request that the proxy turned away.
	turnedAway := s.Failure == model.NoEndpoints && len(s.Tries) == 0 && line.Failure == model.Overload
	return s.Reason == "" || s.Failure == model.NoFailure || s.Failure == model.OtherFailure || s.Failure == line.Failure || turnedAway
}

// toldBy gives a failed request what an error-log line about it says.
func toldBy(s, line model.Signal) model.Signal {
	if line.Failure != model.NoFailure {
		s.Failure = line.Failure
	}
	s.Reason = cmp.Or(line.Reason, s.Reason)
	if len(s.Tries) == 0 {
		s.Tries = line.Tries // nginx's common format does not say who was asked
	}
	if line.Raw != "" {
		s.Access, s.Raw, s.Source = s.Raw, line.Raw, line.Source
	}
	return s
}

// contradict reports whether two lines that both say something say different things.
func contradict(a, b string) bool { return a != "" && b != "" && a != b }

// tried reports whether the upstreams of an error line are among those of the request, where both
// say any, or the request's own line says that nobody was asked.
func tried(s, reason model.Signal) bool {
	if len(s.Tries) == 0 || len(reason.Tries) == 0 {
		return len(reason.Tries) == 0 || s.Failure != model.NoEndpoints
	}
	return slices.ContainsFunc(reason.Tries, func(t model.Try) bool {
		return slices.ContainsFunc(s.Tries, func(o model.Try) bool { return o.Address == t.Address })
	})
}

// aggregate makes one observation per status and failure, the most frequent first.
func aggregate(name string, object model.Ref, signals []model.Signal, requests int) []model.Observation {
	type class struct {
		proxy   string
		status  int
		failure model.FailureKind
	}
	at := map[class]int{}
	tried := map[class]map[string]int{}
	var out []model.Observation
	for _, s := range signals {
		f := s.Failure
		if f == model.NoFailure {
			f = model.OtherFailure
		}
		c := class{s.Proxy, s.Status, f}
		i, ok := at[c]
		if !ok {
			i = len(out)
			at[c], tried[c] = i, map[string]int{}
			out = append(out, model.Observation{
				Route: cmp.Or(name, s.Request.String()), Object: object, Proxy: s.Proxy, Status: s.Status, Failure: f,
				Requests: requests, First: s.At, Last: s.At,
			})
		}
		o := &out[i]
		o.Count++
		o.Reason = cmp.Or(o.Reason, s.Reason)
		if s.At.Before(o.First) {
			o.First = s.At
		}
		if s.At.After(o.Last) {
			o.Last = s.At
		}
		if len(o.Samples) < most {
			o.Samples = append(o.Samples, s)
		}
		for _, t := range s.Tries {
			if t.Address != "" && t.Address != "-" {
				tried[c][t.Address]++
			}
		}
	}
	for c, i := range at {
		for a := range tried[c] {
			out[i].Upstreams = append(out[i].Upstreams, a)
		}
		slices.SortFunc(out[i].Upstreams, func(a, b string) int { return cmp.Or(tried[c][b]-tried[c][a], cmp.Compare(a, b)) })
	}
	slices.SortStableFunc(out, func(a, b model.Observation) int { return b.Count - a.Count })
	return out
}
