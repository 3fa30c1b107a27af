package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
)

// duplicate finds in an application's words that a database has what it is told to store: PostgreSQL (23505), MySQL (1062), MongoDB
// (E11000), SQLite.
var duplicate = regexp.MustCompile(`(?i)duplicate key|SQLSTATE 23505|duplicate entry '|UNIQUE constraint failed`)

// repeats finds that the proxy gives up tries of requests that store something, and makes them again: the first is carried out all the
// same, and what the next one is answered is that it was done already. They last longer than a try may take, the proxy says that it made
// all tries that it may (Envoy's flag URX), and the application that there were two. A client that asks twice itself is answered at once.
func (v *view) repeats(r *route, l path.Leg) (finding, bool) {
	retries, ok := v.m.Written(r.Route, l, proxy.Retries)
	try, timed := v.m.Written(r.Route, l, proxy.TryTimeout)
	if !ok || !timed || retries.Size <= 0 || try.Time <= 0 {
		return finding{}, false
	}
	hits := slices.DeleteFunc(r.hits(model.UpstreamStatus), func(s model.Signal) bool {
		return !slices.Contains([]string{"POST", "PATCH"}, s.Request.Method) || !strings.Contains(s.Reason, "URX") || s.Duration < try.Time
	})
	if len(hits) < few || len(hits)*2 < len(r.signals) {
		return finding{}, false
	}
	line, source := v.saysTwice(r)
	if line == "" {
		return finding{}, false
	}
	f := find("proxy-retry-misconfigured", proven, retries.At,
		fmt.Sprintf("%s has the proxy give up tries after %s and make them again (%s), %s too: %d of %d requests for %s were carried out, and answered by the next try that they were done already", retries.At.Ref, try.Time, retries.Value, hits[0].Request.Method, len(hits), r.requests, r)).
		on(r).as(model.UpstreamStatus).since(hits[0].At).because("object", fmt.Sprintf("%s is %s", try.At.Field, try.Time), try.At.Ref, time.Time{}).
		not("app-error", "the application did what the first try asked for, and refuses to do it twice")
	f.Evidence = append(f.Evidence, model.Evidence{Kind: "app-log", Text: line, Source: source})
	return v.relateBackend(f, r), true
}

// saysTwice is a line in which the application behind a route says that it was told to store what is there.
func (v *view) saysTwice(r *route) (line, source string) {
	for _, log := range v.in.Logs {
		if log.Previous || !isBehind(r, log.Pod) {
			continue
		}
		for _, l := range log.Lines {
			if duplicate.MatchString(l) {
				return strings.TrimSpace(l), sourceOf(log)
			}
		}
	}
	return "", ""
}
