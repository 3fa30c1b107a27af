package printer

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/gatemend/gatemend/internal/model"
)

// LogReport writes what logs hold for people.
func LogReport(w io.Writer, r model.LogReport, s Style) error {
	p := &page{style: s}
	logHead(p, r)
	if r.Requests > 0 || r.Errors > 0 {
		logTimeline(p, r.Timeline)
		logRoutes(p, r.Routes)
		logAlarms(p, r.Alarms)
		logUpstreams(p, r.Upstreams)
		logSlowest(p, r)
		logSamples(p, r.Samples)
	}
	logBad(p, r)
	return p.flush(w)
}

// put writes one line as it is.
func put(p *page, indent int, text string) { p.line("%s%s", strings.Repeat(" ", indent), text) }

// Share says how many requests failed.
func Share(requests, errors int) string {
	text := grouped(requests) + " requests"
	if requests == 1 {
		text = "1 request"
	}
	if errors == 0 {
		return text + ", no errors"
	}
	text += ", " + grouped(errors) + " failed"
	if requests > 0 {
		text += " (" + portion(errors, requests) + ")"
	}
	return text
}

// portion says a share with the digits that matter.
func portion(part, whole int) string {
	if whole == 0 {
		return "-"
	}
	share := 100 * float64(part) / float64(whole)
	switch {
	case part == 0:
		return "0 %"
	case share < 0.01:
		return "<0.01 %"
	case share < 1:
		return strconv.FormatFloat(share, 'f', 2, 64) + " %"
	case share < 99.95:
		return strconv.FormatFloat(share, 'f', 1, 64) + " %"
	case part < whole:
		return "99.9 %"
	default:
		return "100 %"
	}
}

// grouped writes a number with commas between thousands.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// size says a number of bytes.
func size(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

func logHead(p *page, r model.LogReport) {
	what := "log in no known form"
	switch {
	case r.Format != "":
		what = strings.ReplaceAll(r.Format, ",", ", ") + " log"
	case r.Events > 0:
		what = "log in no certain form"
	}
	if r.Lines == 0 {
		put(p, 0, "nothing in it: no line was read")
		return
	}
	p.paragraph(0, plain(fmt.Sprintf("%s: %s lines, %s%s", what, grouped(r.Lines), size(r.Bytes), span(r.From, r.To))))
	if r.Requests == 0 && r.Errors == 0 {
		put(p, 0, "no requests")
		return
	}
	color := green
	if r.Errors > 0 {
		color = bold + red
	}
	put(p, 0, p.style.paint(color, Share(r.Requests, r.Errors)))
	p.blank()
	list(p, "statuses", r.Statuses)
	list(p, "failures", r.Failures)
}

// span says from when to when.
func span(from, to *time.Time) string {
	if from == nil || to == nil {
		return ""
	}
	return fmt.Sprintf(", %s to %s UTC", from.UTC().Format(time.DateTime), clock(*to, *from))
}

// list writes counts by name, the largest first.
func list[K ~string](p *page, title string, counts map[K]int) {
	if len(counts) > 0 {
		p.item(2, fmt.Sprintf("%-9s ", title), byCount(counts, 12))
	}
}

// byCount writes counts on one line, the largest first.
func byCount[K ~string](counts map[K]int, most int) string {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	parts := make([]string, 0, len(keys))
	for i, k := range keys {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(keys)-i))
			break
		}
		parts = append(parts, plain(string(k))+" "+grouped(counts[k]))
	}
	return strings.Join(parts, ", ")
}

// bars are the heights of a column of the plot; none for no requests.
const bars = "▁▂▃▄▅▆▇█"

// logTimeline plots the share of errors over time.
func logTimeline(p *page, t model.LogTimeline) {
	if len(t.Parts) < 2 || t.From == nil {
		return
	}
	merge := (len(t.Parts) + 71) / 72 // so many parts make a column
	var columns []model.LogPart
	for i, part := range t.Parts {
		if i%merge == 0 {
			columns = append(columns, model.LogPart{})
		}
		columns[len(columns)-1].Requests += part.Requests
		columns[len(columns)-1].Errors += part.Errors
	}
	highest := 0.0
	for _, c := range columns {
		if c.Requests > 0 {
			highest = max(highest, float64(c.Errors)/float64(c.Requests))
		}
	}
	if highest == 0 {
		return
	}
	var b strings.Builder
	for _, c := range columns {
		switch {
		case c.Requests == 0:
			b.WriteByte(' ')
		case c.Errors == 0:
			b.WriteByte('.')
		default:
			step := int(float64(c.Errors) / float64(c.Requests) / highest * 8)
			b.WriteRune([]rune(bars)[min(max(step-1, 0), 7)])
		}
	}
	width := time.Duration(merge*t.Seconds) * time.Second
	p.blank()
	put(p, 0, p.style.paint(bold, "errors over time")+fmt.Sprintf("  a column is %s, the highest %s", duration.HumanDuration(width), portion(int(highest*1e6), 1e6)))
	put(p, 2, p.style.paint(red, b.String()))
	end := t.From.Add(time.Duration(len(t.Parts)*t.Seconds) * time.Second)
	first, last := clock(*t.From, end), clock(end, *t.From)
	if gap := len(columns) - len(first) - len(last); gap > 0 {
		put(p, 2, first+strings.Repeat(" ", gap)+last)
	} else {
		put(p, 2, first+" to "+last)
	}
}

// shownRoutes, shownSlow and the like are how much is shown of a list.
const (
	shownRoutes  = 10
	shownAlarms  = 8
	shownTries   = 5
	shownSlow    = 5
	shownSamples = 3
	shownBad     = 3
)

func logRoutes(p *page, routes []model.LogRoute) {
	shown := routes[:min(len(routes), p.style.limit(shownRoutes))]
	name := 12
	for _, r := range shown {
		name = max(name, columns(plain(r.Route)))
	}
	name = min(name, p.style.width()-52)
	p.blank()
	put(p, 0, p.style.paint(bold, fmt.Sprintf("%-*s %10s %9s %8s %8s %8s", name, "ROUTE", "REQUESTS", "ERRORS", "SHARE", "P50", "P99")))
	for _, r := range shown {
		text := fmt.Sprintf("%s %10s %9s %8s %8s %8s", pad(cut(plain(r.Route), name), name), grouped(r.Requests), grouped(r.Errors), portion(r.Errors, r.Requests), took(r.P50), took(r.P99))
		color := ""
		if r.Errors > 0 {
			color = red
		}
		put(p, 0, p.style.paint(color, text))
		if len(r.Failures) > 0 {
			p.paragraph(4, byCount(r.Failures, 6))
		}
	}
	more(p, len(routes)-len(shown), "routes")
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-columns(text)))
}

// took says a duration in seconds as people do.
func took(seconds *float64) string {
	switch {
	case seconds == nil:
		return "-"
	case *seconds < 1:
		return fmt.Sprintf("%.0f ms", *seconds*1000)
	case *seconds < 10:
		return fmt.Sprintf("%.1f s", *seconds)
	default:
		return fmt.Sprintf("%.0f s", *seconds)
	}
}

// more says that a list goes on.
func more(p *page, n int, what string) {
	if n > 0 {
		put(p, 2, fmt.Sprintf("and %s more %s; -o wide shows all", grouped(n), what))
	}
}

func logAlarms(p *page, alarms []model.LogAlarm) {
	if len(alarms) == 0 {
		return
	}
	p.blank()
	put(p, 0, p.style.paint(bold, "alarms"))
	shown := alarms[:min(len(alarms), p.style.limit(shownAlarms))]
	for _, a := range shown {
		end := clock(a.To, a.From)
		if a.Open {
			end += ", not ended"
		}
		p.item(2, a.From.UTC().Format(time.DateTime)+" to "+end+"  ", plain(a.Route)+": "+Share(a.Requests, a.Errors))
	}
	more(p, len(alarms)-len(shown), "alarms")
}

func logUpstreams(p *page, upstreams []model.LogUpstream) {
	if len(upstreams) == 0 {
		return
	}
	p.blank()
	put(p, 0, p.style.paint(bold, "upstreams with failed tries"))
	for _, u := range upstreams[:min(len(upstreams), p.style.limit(shownTries))] {
		p.item(2, pad(plain(u.Address), 22)+" ", grouped(u.Failed)+": "+byCount(u.Failures, 4))
	}
}

func logSlowest(p *page, r model.LogReport) {
	if len(r.Slowest) == 0 {
		return
	}
	at := func(t time.Time) string { return t.UTC().Format(time.TimeOnly) }
	if r.From != nil && r.To != nil && clock(*r.To, *r.From) != at(*r.To) { // not of one day
		at = func(t time.Time) string { return t.UTC().Format(time.DateTime) }
	}
	p.blank()
	put(p, 0, p.style.paint(bold, "slowest requests"))
	for _, q := range r.Slowest[:min(len(r.Slowest), p.style.limit(shownSlow))] {
		when := "-"
		if !q.At.IsZero() {
			when = at(q.At)
		}
		text := fmt.Sprintf("%7s  %s  %3d  %s  %s", took(&q.Seconds), when, q.Status, plain(q.Route), strings.TrimSpace(plain(q.Method+" "+q.Path)))
		put(p, 2, cut(text, p.style.width()-2))
	}
}

func logSamples(p *page, samples []model.LogSample) {
	if len(samples) == 0 {
		return
	}
	p.blank()
	put(p, 0, p.style.paint(bold, "samples"))
	said := map[model.FailureKind]bool{}
	for _, s := range samples {
		if said[s.Failure] && !p.style.Wide || len(said) >= p.style.limit(shownSamples) && !said[s.Failure] {
			continue
		}
		said[s.Failure] = true
		put(p, 2, p.style.paint(yellow, string(s.Failure))+"  "+plain(s.Source))
		for _, line := range s.Lines {
			if p.style.Wide {
				p.paragraph(4, plain(line))
			} else {
				put(p, 4, cut(plain(line), p.style.width()-4))
			}
		}
	}
}

func logBad(p *page, r model.LogReport) {
	if r.Bad > 0 {
		p.blank()
		verb := "are"
		if r.Bad == 1 {
			verb = "is"
		}
		put(p, 0, p.style.paint(yellow, fmt.Sprintf("%s of %s lines %s in no known form", grouped(r.Bad), grouped(r.Lines), verb)))
		for _, l := range r.BadLines[:min(len(r.BadLines), p.style.limit(shownBad))] {
			put(p, 2, cut(plain(l.Source)+": "+plain(l.Text), p.style.width()-2))
		}
	}
	if r.Outside > 0 {
		put(p, 0, grouped(r.Outside)+" lines lie outside of the time asked for")
	}
	if r.Undated > 0 {
		put(p, 0, p.style.paint(yellow, grouped(r.Undated)+" lines bear no time: when they were written is not known"))
	}
	for _, u := range r.Unread {
		p.paragraph(0, p.style.paint(yellow, "not read: "+plain(u.What)+": "+plain(u.Why)))
	}
}
