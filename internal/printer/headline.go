package printer

import (
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// headline answers first what a person who was woken asks first: what fails, where, since when, how
// much, and whether it still does. Reasons come after it.
func (p *page) headline(d model.Diagnosis, c charges) {
	at := ""
	if !d.At.IsZero() {
		at = d.At.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	title := targetName(d.Target)
	switch {
	case len(d.Observed) == 1:
		p.oneFailure(d, at)
	case len(d.Observed) > 1:
		n := failingRoutes(d.Observed)
		p.heading(p.style.paint(bold+red, fmt.Sprintf("✗ %s: %s %s, %s", title, count(n, "route"), verb(n, "fail"), found(d.Causes))), at)
		p.failures(d)
	case len(d.Causes) > 0:
		n := 0
		for _, t := range d.Traces {
			if c.failing(t) {
				n++
			}
		}
		text := "something is wrong"
		if n > 0 {
			text = count(n, "route") + " would fail"
		}
		p.heading(p.style.paint(bold+red, fmt.Sprintf("✗ %s: %s, %s", title, text, found(d.Causes))), at)
	case d.Healthy:
		p.heading(p.style.paint(bold+green, "✓ "+title+": nothing wrong found"), at)
	default:
		p.heading(p.style.paint(bold+yellow, "? "+title+": no cause found, and not shown to be healthy"), at)
	}
}

// targetName says what was asked about.
func targetName(t model.Target) string {
	switch {
	case t.Object != nil:
		return plain(t.Object.String())
	case t.Request != nil:
		return plain(t.Request.String())
	default:
		return "all routes"
	}
}

// found says how far the search for causes came.
func found(causes []model.Finding) string {
	if len(causes) == 0 {
		return "cause not known"
	}
	return count(len(causes), "cause") + " found"
}

func failingRoutes(all []model.Observation) int {
	seen := map[string]bool{}
	for _, o := range all {
		seen[o.Route] = true
	}
	return len(seen)
}

// oneFailure makes the headline of the only failure there is.
func (p *page) oneFailure(d model.Diagnosis, at string) {
	o := d.Observed[0]
	text := fmt.Sprintf("%s on %s: %s", status(o.Status), plain(o.Route), amount(o))
	for i, l := range wrap("✗ "+text, p.style.width()-2) {
		if i > 0 {
			l = "  " + l
		}
		p.line("%s", p.style.paint(bold+red, l))
	}
	text = "  " + period(o, d.At) + how(o)
	if len(d.Causes) != 1 { // the one cause stands right below
		text += "; " + found(d.Causes)
	}
	p.heading(text, at)
}

// failures lists what clients got, as the gateways logged it.
func (p *page) failures(d model.Diagnosis) {
	p.blank()
	for i, o := range d.Observed {
		if i == p.style.limit(shownPaths) {
			p.line("  and %s more, see -o wide", count(len(d.Observed)-i, "failure"))
			return
		}
		text := p.style.paint(bold, fmt.Sprintf("%s on %s", status(o.Status), plain(o.Route))) + ": " + share(o) + " " + period(o, d.At)
		// A cause's proof says how, but a status of success alone would not even say that something failed, as of gRPC.
		if len(d.Causes) == 0 || p.style.Wide || o.Status > 0 && o.Status < 400 {
			text += how(o)
		}
		p.item(1, "", text)
	}
}

// amount says how many requests failed, and how many of all that is.
func amount(o model.Observation) string {
	if o.Requests < o.Count || o.Requests == 0 {
		return count(o.Count, "request") + " failed"
	}
	return fmt.Sprintf("%d of %d requests failed (%d%%)", o.Count, o.Requests, percent(o))
}

// share is amount in few words, for a list that should stay a line each.
func share(o model.Observation) string {
	if o.Requests < o.Count || o.Requests == 0 {
		return count(o.Count, "request")
	}
	return fmt.Sprintf("%d%% (%d of %d)", percent(o), o.Count, o.Requests)
}

// percent is rounded, but neither to none nor to all of the requests.
func percent(o model.Observation) int {
	n := (100*o.Count + o.Requests/2) / o.Requests
	if o.Count > 0 && n == 0 {
		return 1
	}
	if o.Count < o.Requests && n == 100 {
		return 99
	}
	return n
}

// period says since when requests fail, and how old the newest failure is: whether it is over, a
// reader knows better than a threshold.
func period(o model.Observation, now time.Time) string {
	if o.First.IsZero() {
		return "time not known"
	}
	text := "since " + clock(o.First, now)
	if o.Last.IsZero() || now.Before(o.Last) || o.Count == 1 {
		return text
	}
	if old := now.Sub(o.Last); old >= time.Second {
		return text + ", last " + ago(old) + " ago"
	}
	return text + ", last just now"
}

// how names the kind of failure and who said so.
func how(o model.Observation) string {
	text := ""
	if o.Failure != model.NoFailure {
		text += ", " + string(o.Failure)
	}
	if o.Proxy != "" {
		text += " (" + plain(o.Proxy) + ")"
	}
	return text
}

func status(code int) string {
	if code == 0 {
		return "no answer"
	}
	return fmt.Sprint(code)
}
