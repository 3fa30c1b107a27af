package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func ingressPathMismatch() Analyzer {
	return Analyzer{
		Cause:  "ingress-path-mismatch",
		Doc:    "Finds rules that miss the requests that they were made for, by their host, path or path type.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.Services},
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				if r.lost {
					out = append(out, v.lostRequest(r))
				}
			}
			out = append(out, v.missedRequests()...)
			out = append(out, v.absentRules()...)
			out = append(out, v.certificateHosts()...)
			return append(out, v.slips()...)
		},
	}
}

// lostRequest is the finding for the target's request, which no rule takes.
func (v *view) lostRequest(r *route) finding {
	req := *v.in.Target.Request
	m, ok := v.miss(r.Route, req)
	if !ok {
		m = nearMiss{Route: r.Route, field: v.pathField(r.Route, false), why: "it is the nearest rule", far: guess}
	}
	f := v.missFinding(r, m, fmt.Sprintf("no rule takes %s; %s of %s would, but %s", req, r.Rule, r.Object, m.why))
	return f.showing(r, v.unroutedWhere(func(s model.Signal) bool {
		return (s.Request.Host == "" || s.Request.Host == req.Host) && strings.HasPrefix(s.Request.Path, strings.TrimSuffix(req.Path, "/"))
	}))
}

func (v *view) missFinding(r *route, m nearMiss, summary string) finding {
	confidence := proven
	switch {
	case m.far >= guess:
		confidence = possible
	case m.far > 1:
		confidence = likely
	}
	return find("ingress-path-mismatch", confidence, at(m.Object, m.field), summary).
		on(r).as(model.NoRoute, model.UpstreamStatus).wants(m.want).
		because("model", m.why, m.Object, time.Time{}).
		not("no-endpoints", "the request does not get as far as a Service")
}

// unroutedWhere lists the requests that no rule took and of which something is true.
func (v *view) unroutedWhere(is func(model.Signal) bool) []model.Signal {
	var out []model.Signal
	for _, s := range v.unrouted {
		if s.Failure == model.NoRoute && is(s) {
			out = append(out, s)
		}
	}
	return out
}

// missedRequests finds rules that miss requests which then fall to a wider rule, whose application does not
// know them, or to none.
func (v *view) missedRequests() []finding {
	type key struct {
		rule  routeKey
		field string
	}
	var order []key
	misses, seen, by := map[key]nearMiss{}, map[key][]model.Signal{}, map[key]*route{}
	note := func(r *route, s model.Signal) {
		m, ok := v.closest(r, s.Request)
		if !ok {
			return
		}
		k := key{keyOf(m.Route), m.field}
		if _, known := misses[k]; !known {
			order = append(order, k)
			misses[k], by[k] = m, r
		}
		seen[k] = append(seen[k], s)
	}
	for _, r := range v.routes {
		for _, s := range slices.Concat(r.astray, v.overheardMisses(r)) {
			note(r, s)
		}
	}
	if v.in.Target.Request == nil {
		common, rest := v.commonUnrouted()
		for _, s := range append(common, v.hiddenFrom(rest)...) {
			note(nil, s)
		}
	}
	var out []finding
	for _, k := range order {
		m, r := misses[k], by[k]
		if r == nil {
			r = v.missedBy(m)
		}
		if r == nil || len(seen[k]) < few && (v.in.Target.Request == nil || m.far > 1) {
			continue
		}
		req := seen[k][0].Request
		out = append(out, v.missFinding(r, m, fmt.Sprintf("%s of %s does not take %s: %s", m.Rule, m.Object, req.Path, m.why)).showing(r, seen[k]))
	}
	return out
}

// missedBy is the rule for which requests were made that no rule took, nil if it is none of those in question, or has users
// of its own host: those who ask for another one are strays, unless the rule took them until another one hid it.
func (v *view) missedBy(m nearMiss) *route {
	r := v.route(m.Route)
	if r != nil && !m.hidden && m.field == v.hostField(m.Route) && len(r.succeeded) > 0 {
		return nil
	}
	return r
}

// mostUnrouted bounds how many different requests that no rule took are compared with all rules: scanners ask for
// thousands.
const mostUnrouted = 100

// hiddenFrom are those of some requests whose rule another one hides, so that which was meant is no guess.
func (v *view) hiddenFrom(ss []model.Signal) []model.Signal {
	return slices.DeleteFunc(ss, func(s model.Signal) bool {
		m, ok := v.closest(nil, s.Request)
		return !ok || !m.hidden
	})
}

// commonUnrouted lists the requests that no rule took, those of the first different paths below which several were
// asked for; and in rest those where several were only below the first part of the path, each for another page.
func (v *view) commonUnrouted() (out, rest []model.Signal) {
	type place struct {
		host, path string
		depth      int
	}
	at := func(s *model.Signal, depth int) place {
		p := strings.SplitN(strings.Trim(s.Request.Path, "/"), "/", 3)
		return place{s.Request.Host, strings.Join(p[:min(depth, len(p))], "/"), depth}
	}
	times := map[place]int{}
	for i := range v.unrouted {
		times[at(&v.unrouted[i], 1)]++
		times[at(&v.unrouted[i], 2)]++
	}
	taken := map[place]bool{}
	for i := range v.unrouted {
		s := &v.unrouted[i]
		list, p := &out, at(s, 2)
		if times[p] < few {
			list, p = &rest, at(s, 1)
		}
		if s.Failure != model.NoRoute || times[p] < few || !taken[p] && len(taken) >= mostUnrouted {
			continue
		}
		taken[p] = true
		*list = append(*list, *s)
	}
	return out, rest
}

// route finds a rule among those in question, nil if it is none of them.
func (v *view) route(r path.Route) *route {
	i := slices.IndexFunc(v.routes, func(o *route) bool { return keyOf(o.Route) == keyOf(r) })
	if i < 0 {
		return nil
	}
	return v.routes[i]
}
