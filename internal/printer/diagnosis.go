package printer

import (
	"fmt"
	"io"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// How much of a long list text shows; JSON has it all.
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
	p.paths(d)
	for i, f := range d.Causes {
		p.cause(d, f, i)
	}
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
		if i == shownPaths {
			p.line("  and %s more, see -o json", count(len(d.Observed)-i, "observation"))
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

// paths draws the failing routes, or, where nothing fails, the few that were asked about.
func (p *page) paths(d model.Diagnosis) {
	failing, drawn := 0, 0
	for _, t := range d.Traces {
		if t.Healthy() && !(d.Healthy && len(d.Traces) <= shownPaths) {
			continue
		}
		if failing++; failing > shownPaths {
			continue
		}
		drawn++
		p.blank()
		p.heading(p.style.paint(bold, plain(t.Request.String())), predicts(t))
		p.trace(t, d.Causes)
	}
	switch {
	case failing > drawn:
		p.line("  and %s more that would fail, see -o json", count(failing-drawn, "route"))
	case d.Healthy && drawn == 0:
		p.paragraph(2, fmt.Sprintf("%s walked from gateway to container; each is expected to succeed.", count(len(d.Traces), "route")))
	}
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
		if i == shownEvidence {
			p.field("", fmt.Sprintf("and %d more, see -o json", len(all)-i))
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

// remedies shows what mends a finding: the first in full, the others by name.
func (p *page) remedies(d model.Diagnosis, f model.Finding) {
	shown := 0
	for _, r := range d.Remedies {
		if !mends(r, f, d.Causes) {
			continue
		}
		if shown++; shown > 1 {
			p.field("Or", plain(r.Summary)+" ("+string(r.Risk)+" risk)")
			continue
		}
		p.verbatim("Fix", fixCommand(f))
		p.field("", plain(r.Summary)+promise(r))
		if r.Why != "" {
			p.field("", plain(r.Why))
		}
		if r.Kubectl != "" {
			p.verbatim("By hand", plain(r.Kubectl))
		}
		if len(r.Undo) > 0 {
			p.field("Undo", "gatemend puts the former "+undoes(r.Undo)+" back if the errors do not stop")
		}
	}
}

// mends reports whether a remedy is shown under a finding: it names the cause, and where several
// findings share that id, it changes the finding's own object.
func mends(r model.Remedy, f model.Finding, all []model.Finding) bool {
	if r.Cause != f.ID {
		return false
	}
	same := 0
	for _, o := range all {
		if o.ID == f.ID {
			same++
		}
	}
	return same == 1 || r.Change.Target == f.Object.Ref
}

func promise(r model.Remedy) string {
	text := " (" + string(r.Risk) + " risk"
	if r.Predicts != "" {
		text += ", afterwards predicted: " + r.Predicts
	}
	if r.Machine != model.MachineFix {
		text += ", a person must agree"
	}
	return text + ")"
}

func undoes(changes []model.Change) string {
	for _, c := range changes {
		if c.Op == model.OpPatch {
			return "value"
		}
	}
	return "state"
}

// fixCommand is what a person types to mend a finding, starting from a route that fails by it.
func fixCommand(f model.Finding) string {
	ref := f.Object.Ref
	if len(f.Routes) > 0 {
		ref = f.Routes[0]
	}
	command := "gatemend fix " + plain(ref.Resource())
	if ref.Namespace != "" {
		command += " -n " + plain(ref.Namespace)
	}
	return command + " --cause " + string(f.ID)
}

func (p *page) alsoWrong(fs []model.Finding) {
	if len(fs) == 0 {
		return
	}
	p.blank()
	p.line("%s", p.style.paint(bold, "Also wrong, but not the cause of what fails"))
	for i, f := range fs {
		if i == shownMinor {
			p.line("  and %d more, see -o json", len(fs)-i)
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
		if i == shownMinor {
			p.line("  and %d more, see -o json", len(rs)-i)
			return
		}
		p.item(2, "-", string(r.ID)+": "+plain(r.Because))
	}
}

func (p *page) unknown(us []model.Unseen) {
	if len(us) == 0 {
		return
	}
	p.blank()
	p.line("%s", p.style.paint(bold, "Could not look at"))
	for i, u := range us {
		if i == shownMinor {
			p.line("  and %d more, see -o json", len(us)-i)
			return
		}
		p.item(2, p.style.paint(yellow, "?"), plain(u.What)+": "+plain(u.Why))
	}
}
