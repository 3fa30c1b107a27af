package printer

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// How much of a long list text shows; wide text and JSON have it all.
const (
	shownPaths    = 5
	shownEvidence = 6
	shownMinor    = 8
	shownChanges  = 5
)

// Diagnosis writes a diagnosis for people.
func Diagnosis(w io.Writer, d model.Diagnosis, s Style) error {
	p := &page{style: s}
	c := chargesOf(d.Causes)
	p.headline(d, c)
	for i, f := range d.Causes {
		p.cause(d, f, i)
	}
	p.changed(d)
	p.paths(d, c)
	p.probes(d.Probes)
	p.alsoWrong(d.AlsoWrong)
	p.ruledOut(d.RuledOut)
	p.unknown(d.Unknown)
	return p.flush(w)
}

// paths draws the routes that fail, and, where somebody asked about a target, those that do not. All
// other routes take one line.
func (p *page) paths(d model.Diagnosis, c charges) {
	drawn, more, odd, fine, unseen := 0, 0, 0, 0, 0
	for _, t := range d.Traces {
		switch {
		case p.wanted(t, d, c) && drawn < p.style.limit(shownPaths):
			drawn++
			p.blank()
			p.heading(p.style.paint(bold, plain(t.Request.String())), predicts(t, d))
			p.trace(t, d.Causes)
		case c.failing(t):
			more++
		case observed(t, d):
			odd++
		case t.Healthy():
			fine++
		default:
			unseen++
		}
	}
	other := ""
	if drawn+more > 0 {
		other = "other "
	}
	if more+odd+fine+unseen > 0 {
		p.blank()
	}
	if more > 0 {
		p.line("%s would fail, see -o wide", count(more, "more route"))
	}
	if odd > 0 {
		p.line("%s failed, see above, and nothing wrong is seen on the way now", count(odd, other+"route"))
	}
	if fine > 0 {
		p.line("%s %s expected to work", count(fine, other+"route"), be(fine))
	}
	if unseen > 0 {
		p.line("%s: nothing wrong seen, but not all of the path could be looked at", count(unseen, other+"route"))
	}
}

// wanted reports whether a path is drawn.
func (p *page) wanted(t model.Trace, d model.Diagnosis, c charges) bool {
	return p.style.Wide || !d.Target.IsZero() || c.failing(t) || (len(d.Causes) == 0 && observed(t, d))
}

// observed reports whether requests on a path's route were seen to fail.
func observed(t model.Trace, d model.Diagnosis) bool {
	return slices.ContainsFunc(d.Observed, func(o model.Observation) bool { return o.Route == t.Request.String() })
}

// charges are what all causes of a diagnosis say of objects and routes, put together so that each of many paths is looked
// up in them.
type charges struct {
	objects map[model.Ref]bool
	routes  map[string]bool // by how an explained effect begins, see about
}

func chargesOf(causes []model.Finding) charges {
	c := charges{map[model.Ref]bool{}, map[string]bool{}}
	for _, f := range causes {
		c.objects[f.Object.Ref] = true
		for _, text := range f.Explains {
			for i := range text {
				if about(text, text[:i]) {
					c.routes[text[:i]] = true
				}
			}
		}
	}
	return c
}

// failing reports whether a path has something broken on it, or a cause explains that it fails.
func (c charges) failing(t model.Trace) bool {
	return c.routes[t.Request.String()] || slices.ContainsFunc(t.Hops, func(h model.Hop) bool {
		return h.Verdict == model.Broken || h.Verdict == model.Suspect ||
			h.Kind != model.HopEndpointSlice && !sided(h) && c.objects[h.Object]
	})
}

// explains reports whether a finding says of a path's route that it fails by it.
func explains(f model.Finding, t model.Trace) bool {
	return slices.ContainsFunc(f.Explains, func(text string) bool { return about(text, t.Request.String()) })
}

// about reports whether an explained effect is one on a route; such a text begins with the route.
func about(text, route string) bool {
	rest, ok := strings.CutPrefix(text, route)
	return ok && (strings.HasPrefix(rest, ": ") || strings.HasPrefix(rest, " "))
}

// beyondHeadline lists what a finding explains, but not the one failure that the headline told already.
func beyondHeadline(d model.Diagnosis, f model.Finding) []string {
	if len(d.Observed) != 1 || len(d.Causes) != 1 {
		return f.Explains
	}
	return slices.DeleteFunc(slices.Clone(f.Explains), func(text string) bool { return about(text, d.Observed[0].Route) })
}

// predicts says what the walk expects. Where clients got something else, a log knew what no object shows.
func predicts(t model.Trace, d model.Diagnosis) string {
	if t.Predicts == "" {
		return ""
	}
	text := "predicted: " + t.Predicts
	if slices.ContainsFunc(d.Observed, func(o model.Observation) bool {
		return o.Route == t.Request.String() && !strings.Contains(t.Predicts, status(o.Status))
	}) {
		return "the objects alone predict " + t.Predicts
	}
	if t.Proxy != "" {
		text += " from " + plain(t.Proxy)
	}
	return text
}

// cause explains one finding: what, where, since when, how we know, what to do.
func (p *page) cause(d model.Diagnosis, f model.Finding, i int) {
	rank := "root cause, "
	if i > 0 {
		rank = "another cause, "
	}
	p.blank()
	p.heading(p.style.paint(bold+red, string(f.ID)), rank+certainty(f.Confidence))
	p.paragraph(2, plain(f.Summary))
	p.field("At", plain(f.Object.String()))
	if !f.Since.IsZero() {
		p.field("Since", moment(f.Since, d.At))
	}
	p.evidence(d, f)
	if more := beyondHeadline(d, f); len(more) > 0 {
		p.field("Explains", plain(strings.Join(more, "; ")))
	}
	p.remedies(d, f)
	p.verbatim("Learn", "gatemend explain "+string(f.ID))
}

func (p *page) alsoWrong(fs []model.Finding) {
	if len(fs) == 0 {
		return
	}
	p.blank()
	p.line("%s", p.style.paint(bold, "Also wrong, but not the cause of what fails"))
	for i, f := range fs {
		if i == p.style.limit(shownMinor) {
			p.line("  and %d more, see -o wide", len(fs)-i)
			return
		}
		p.item(2, p.style.paint(yellow, "!"), string(f.ID)+": "+plain(f.Summary))
	}
}

// changed lists what changed around the onset, the newest first, with who did it.
func (p *page) changed(d model.Diagnosis) {
	if len(d.Changes) == 0 {
		return
	}
	p.blank()
	p.line("%s", p.style.paint(bold, "Changed"))
	for i, c := range d.Changes {
		if i == p.style.limit(shownChanges) {
			p.line("  and %d more, see -o wide", len(d.Changes)-i)
			return
		}
		p.item(2, clock(c.At, d.At), plain(c.Object.String())+": "+plain(c.String()))
	}
}

// probes lists the active checks, in the order in which they were made.
func (p *page) probes(all []model.Probe) {
	if len(all) == 0 {
		return
	}
	p.blank()
	p.line("%s", p.style.paint(bold, "Probed"))
	for _, pr := range all {
		mark := p.style.paint(green, "✓")
		if !pr.Connected() || pr.Failure == model.UpstreamStatus {
			mark = p.style.paint(red, "✗")
		}
		p.item(2, mark, plain(pr.String()))
	}
}

func (p *page) ruledOut(rs []model.RuledOut) {
	if len(rs) == 0 {
		return
	}
	p.blank()
	p.line("%s", p.style.paint(bold, "Ruled out"))
	for i, r := range rs {
		if i == p.style.limit(shownMinor) {
			p.line("  and %d more, see -o wide", len(rs)-i)
			return
		}
		p.item(2, "-", string(r.ID)+": "+plain(r.Because))
	}
}

// unknown lists what could not be looked at, each reason once.
func (p *page) unknown(us []model.Unseen) {
	if len(us) == 0 {
		return
	}
	p.blank()
	p.line("%s", p.style.paint(bold, "Could not look at"))
	whats := map[string][]string{}
	var whys []string
	for _, u := range us {
		if whats[u.Why] == nil {
			whys = append(whys, u.Why)
		}
		whats[u.Why] = append(whats[u.Why], strings.TrimSuffix(u.What, ": ")) // where no object stands at a hop
	}
	for i, why := range whys {
		if i == p.style.limit(shownMinor) {
			p.line("  and %d more, see -o wide", len(whys)-i)
			return
		}
		what := whats[why][0]
		if n := len(whats[why]); n > 1 && p.style.Wide {
			what = strings.Join(whats[why], ", ")
		} else if n > 1 {
			what = fmt.Sprintf("%s and %d more", what, n-1)
		}
		p.item(2, p.style.paint(yellow, "?"), plain(what)+": "+plain(why))
	}
}
