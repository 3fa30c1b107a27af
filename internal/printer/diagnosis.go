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
)

// Diagnosis writes a diagnosis for people.
func Diagnosis(w io.Writer, d model.Diagnosis, s Style) error {
	p := &page{style: s}
	p.verdict(d)
	p.observed(d)
	for i, f := range d.Causes {
		p.cause(d, f, i)
	}
	p.paths(d)
	p.alsoWrong(d.AlsoWrong)
	p.ruledOut(d.RuledOut)
	p.unknown(d.Unknown)
	return p.flush(w)
}

// verdict is the first line: the answer, before its reasons.
func (p *page) verdict(d model.Diagnosis) {
	at := ""
	if !d.At.IsZero() {
		at = d.At.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	title := targetName(d.Target)
	switch {
	case len(d.Causes) == 1:
		p.heading(p.style.paint(bold+red, "✗ "+title+": something is wrong, and why is known"), at)
	case len(d.Causes) > 1:
		p.heading(p.style.paint(bold+red, fmt.Sprintf("✗ %s: %d things are wrong", title, len(d.Causes))), at)
	case d.Healthy:
		p.heading(p.style.paint(bold+green, "✓ "+title+": nothing wrong found"), at)
	case len(d.Observed) > 0:
		p.heading(p.style.paint(bold+red, "✗ "+title+": requests fail, and the cause is not known"), at)
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

// observed says what clients got, as the gateways logged it.
func (p *page) observed(d model.Diagnosis) {
	if len(d.Observed) == 0 {
		return
	}
	p.blank()
	for i, o := range d.Observed {
		if i == p.style.limit(shownPaths) {
			p.line("  and %s more, see -o wide", count(len(d.Observed)-i, "observation"))
			break
		}
		text := p.style.paint(bold, fmt.Sprintf("%s on %s", status(o.Status), plain(o.Route))) + ": " + count(o.Count, "request")
		if o.Requests > 0 {
			text += fmt.Sprintf(" of %d", o.Requests)
		}
		if o.Failure != model.NoFailure {
			text += ", " + string(o.Failure)
		}
		if o.Proxy != "" {
			text += ", said by " + plain(o.Proxy)
		}
		if !o.First.IsZero() {
			text += ", " + o.First.UTC().Format("15:04:05")
		}
		if o.Last.After(o.First) {
			text += " to " + o.Last.UTC().Format("15:04:05")
		}
		p.item(0, " ", text)
	}
}

func status(code int) string {
	if code == 0 {
		return "no answer"
	}
	return fmt.Sprint(code)
}

// paths draws the routes that fail, and, where somebody asked about a target, those that do not. All
// other routes take one line.
func (p *page) paths(d model.Diagnosis) {
	drawn, more, fine, unseen := 0, 0, 0, 0
	for _, t := range d.Traces {
		switch {
		case p.wanted(t, d) && drawn < p.style.limit(shownPaths):
			drawn++
			p.blank()
			p.heading(p.style.paint(bold, plain(t.Request.String())), predicts(t))
			p.trace(t, d.Causes)
		case failing(t, d.Causes):
			more++
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
	if more+fine+unseen > 0 {
		p.blank()
	}
	if more > 0 {
		p.line("%s would fail, see -o wide", count(more, "more route"))
	}
	if fine > 0 {
		p.line("%s %s expected to work", count(fine, other+"route"), be(fine))
	}
	if unseen > 0 {
		p.line("%s: nothing wrong seen, but not all of the path could be looked at", count(unseen, other+"route"))
	}
}

// wanted reports whether a path is drawn.
func (p *page) wanted(t model.Trace, d model.Diagnosis) bool {
	return p.style.Wide || !d.Target.IsZero() || failing(t, d.Causes)
}

// failing reports whether a path has something broken on it, or the object of a cause.
func failing(t model.Trace, causes []model.Finding) bool {
	return slices.ContainsFunc(t.Hops, func(h model.Hop) bool {
		return h.Verdict == model.Broken || h.Verdict == model.Suspect || blamed(h, causes)
	})
}

func predicts(t model.Trace) string {
	if t.Predicts == "" {
		return ""
	}
	text := "predicted: " + t.Predicts
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
	p.evidence(f.Evidence)
	if len(f.Explains) > 0 {
		p.field("Explains", plain(strings.Join(f.Explains, "; ")))
	}
	p.remedies(d, f)
	p.verbatim("Learn", "gatemend explain "+string(f.ID))
}

func (p *page) evidence(all []model.Evidence) {
	label := "Proof"
	for i, e := range all {
		if i == p.style.limit(shownEvidence) {
			p.field("", fmt.Sprintf("and %d more, see -o wide", len(all)-i))
			return
		}
		text := plain(e.Text)
		if !e.At.IsZero() {
			text = e.At.UTC().Format("15:04:05") + " " + text
		}
		if e.Source != "" {
			text += " [" + plain(e.Source) + "]"
		}
		p.field(label, text)
		label = ""
	}
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
		whats[u.Why] = append(whats[u.Why], u.What)
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
