package tally

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// shownUpstreams is how many upstreams a report names.
const shownUpstreams = 10

// Finish settles what still waits for other lines, lets the log's time go on for a moment, and returns the report. Nothing may be taken after it.
func (t *Tally) Finish() model.LogReport {
	t.endLog()
	t.apart.over(t.settle)
	t.queue.all(t.see)
	if t.ticked > 0 {
		t.tick(t.ticked + 1)
	}
	t.endAlarms()
	return t.Report()
}

// Report says what was counted so far. The counters must not be at work.
func (t *Tally) Report() model.LogReport {
	r := model.LogReport{
		APIVersion: model.APIVersion, Kind: model.KindLogReport, Format: strings.Join(t.formats, ","),
		Lines: t.lines, Parsed: t.parsed, Bad: t.bad, Events: t.events, Outside: t.outside, Undated: t.undated, Bytes: t.bytes,
		From: moment(t.from, t.from <= t.to), To: moment(t.to, t.from <= t.to),
		Statuses: map[string]int{}, Failures: t.failures.report(), Timeline: t.timeline.report(),
		Slowest: slices.Clone(t.slow), Samples: slices.Clone(t.samples), BadLines: slices.Clone(t.broken), Alarms: t.reportAlarms(),
		Upstreams: t.reportUpstreams(),
	}
	for _, route := range t.totals() {
		r.Routes = append(r.Routes, route)
		r.Requests += route.Requests
		r.Errors += route.Errors
		for status, n := range route.Statuses {
			r.Statuses[status] += n
		}
	}
	return r
}

func moment(nanos int64, known bool) *time.Time {
	if !known {
		return nil
	}
	at := time.Unix(0, nanos).UTC()
	return &at
}

// totals are the routes, those with most errors first.
func (t *Tally) totals() []model.LogRoute {
	sums := make([]counts, len(t.known))
	for i, c := range t.counters {
		for j, id := range t.ids[i] {
			sums[id].merge(&c.known[j].counts)
		}
	}
	for id, c := range t.strangers {
		sums[id].merge(c)
	}
	routes := make([]model.LogRoute, 0, len(sums))
	for i := range sums {
		s, k := &sums[i], &t.known[i]
		r := model.LogRoute{
			Route: k.text, Name: k.route.Name, Namespace: k.route.Namespace, Service: k.route.Service, Port: k.route.Port,
			Requests: int(s.requests), Errors: int(s.errors) + k.lone, Statuses: map[string]int{}, Failures: k.failures.report(),
		}
		if r.Requests == 0 && len(r.Failures) == 0 {
			continue
		}
		s.eachStatus(func(code int, n uint64) { r.Statuses[statusText(code)] = int(n) })
		if s.took != nil && uint64(s.took.counts[0]) < s.took.n() {
			p50, p99 := s.took.quantile(0.5).Seconds(), s.took.quantile(0.99).Seconds()
			r.P50, r.P99 = &p50, &p99
		}
		routes = append(routes, r)
	}
	slices.SortFunc(routes, func(a, b model.LogRoute) int {
		return cmp.Or(cmp.Compare(b.Errors, a.Errors), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Route, b.Route))
	})
	return routes
}

// statusText writes a status as logs do: nginx has 009 for an answer without a status line, and 0 is none at all.
func statusText(code int) string {
	if code == 0 {
		return "0"
	}
	return fmt.Sprintf("%03d", code)
}

func (t *Tally) reportAlarms() []model.LogAlarm {
	alarms := make([]model.LogAlarm, 0, len(t.alarms))
	for _, a := range t.alarms {
		alarms = append(alarms, model.LogAlarm{Route: a.Route, From: a.From, To: a.To, Requests: a.Requests, Errors: a.Errors, Open: !a.Ended})
	}
	slices.SortStableFunc(alarms, func(a, b model.LogAlarm) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Route, b.Route))
	})
	return alarms
}

func (t *Tally) reportUpstreams() []model.LogUpstream {
	upstreams := make([]model.LogUpstream, 0, len(t.upstreams))
	for address, u := range t.upstreams {
		upstreams = append(upstreams, model.LogUpstream{Address: address, Failed: u.failed, Failures: u.failures.report()})
	}
	slices.SortFunc(upstreams, func(a, b model.LogUpstream) int {
		return cmp.Or(cmp.Compare(b.Failed, a.Failed), cmp.Compare(a.Address, b.Address))
	})
	return upstreams[:min(len(upstreams), shownUpstreams)]
}
