package diagnose

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// requestForm finds path and status in what servers print of a request: the common log format of Apache and nginx, and what
// uvicorn, gunicorn, Werkzeug and Python's http.server make of it.
var requestForm = regexp.MustCompile(`"[A-Z]+ ([^\s?"]+)\S* HTTP/[0-9.]+" ([1-5][0-9][0-9])\b`)

// byOwnLog finds applications whose own log has requests that they answered 500, and beside them what went wrong, where no
// gateway's log can tell: a load balancer of a cloud writes none in the cluster. It counts for routes of which nothing else
// is known. Other statuses than 500 an application may mean, or pass on.
func (v *view) byOwnLog() []finding {
	var out []finding
	for _, r := range v.routes {
		px, _ := all.Named(r.Proxy)
		found := slices.ContainsFunc(v.found, func(f finding) bool { return slices.Contains(f.routes, r) && !f.dormant })
		if !px.Outside || r.edge != nil || r.requests > 0 || r.failing() || len(r.legs) == 0 || found {
			continue
		}
		failed, of, line := v.ownFailures(r)
		if len(failed) < few || line.Text == "" {
			continue
		}
		for _, ref := range v.behind(r.legs[0]) {
			f := find("app-error", likely, at(ref, ""), fmt.Sprintf("the application behind %s itself answers 500 to %d of %d requests for %s, by its own log", ref, len(failed), of, r)).
				on(r).as(model.UpstreamStatus).showing(r, failed)
			f.Evidence = append(f.Evidence, line)
			out = append(out, v.relateBackend(f, r))
			break
		}
	}
	return out
}

// ownFailures are the requests for a route that its application answered 500, of how many, and the last line in which it tells
// of an error; none if they are no more than its usual noise.
func (v *view) ownFailures(r *route) (failed []model.Signal, requests int, trouble model.Evidence) {
	for _, log := range v.in.Logs {
		if log.Previous || !isBehind(r, log.Pod) {
			continue
		}
		rest := log
		rest.Lines = nil
		for _, line := range log.Lines {
			m := requestForm.FindStringSubmatch(line)
			if m == nil {
				rest.Lines = append(rest.Lines, line)
				continue
			}
			if !r.Takes(m[1]) {
				continue
			}
			requests++
			if m[2] == "500" {
				failed = append(failed, model.Signal{Status: 500, Failure: model.UpstreamStatus, Request: model.Request{Path: m[1]}, Raw: line, Source: sourceOf(log)})
			}
		}
		if text, source := lastTrouble(rest); text != "" {
			trouble = model.Evidence{Kind: "app-log", Text: text, Source: source}
		}
	}
	if stray(model.Observation{Status: 500, Failure: model.UpstreamStatus, Count: len(failed), Requests: requests}) {
		return nil, requests, model.Evidence{}
	}
	return failed, requests, trouble
}
