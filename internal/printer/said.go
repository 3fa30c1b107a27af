package printer

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// How many lines of a quoted log line text shows as proof. The whole line is in wide text and in data.
// What an application says in its own words is worth more room than a proxy's fields.
const (
	proxyLines = 2
	otherLines = 4
)

// evidence shows what speaks for a finding.
func (p *page) evidence(d model.Diagnosis, f model.Finding) {
	label, all := "Proof", f.Evidence
	if !p.style.Wide {
		all = beyond(f.Summary, all)
	}
	for i, e := range all {
		if i == p.style.limit(shownEvidence) {
			p.field("", fmt.Sprintf("and %d more, see -o wide", len(all)-i))
			return
		}
		p.field(label, p.proof(d, e))
		label = ""
		if s, _, ok := sampleOf(d, e); ok && s.Access != "" && p.style.Wide {
			p.field("", plain(s.Access))
		}
	}
}

// beyond leaves out what the summary has just said, unless there is nothing else to show.
func beyond(summary string, all []model.Evidence) []model.Evidence {
	out := slices.DeleteFunc(slices.Clone(all), func(e model.Evidence) bool {
		return e.Source == "" && e.At.IsZero() && strings.Contains(summary, e.Text)
	})
	if len(out) == 0 {
		return all
	}
	return out
}

// proof words one piece of evidence. A gateway's log line is told by what was parsed from it where the
// diagnosis has that: a line of JSON hides the three words that count among forty that do not.
func (p *page) proof(d model.Diagnosis, e model.Evidence) string {
	stamp := ""
	if !e.At.IsZero() {
		stamp = clock(e.At, d.At) + " "
	}
	text, source := plain(e.Text), ""
	if e.Source != "" {
		source = " [" + plain(e.Source) + "]"
	}
	if p.style.Wide {
		return stamp + text + source
	}
	if e.Source != "" {
		source = " [" + plain(shortSource(e.Source)) + "]"
	}
	if s, o, ok := sampleOf(d, e); ok {
		return stamp + plain(said(o, s)) + source
	}
	if e.Source != "" {
		line, lines := p.style.width()-labelWidth-2, otherLines
		if e.Kind == "proxy-log" {
			lines = proxyLines
		}
		room := lines*line - columns(stamp) - columns(source) - labelWidth
		text = folded(cut(text, max(room, line/2)), line)
	}
	return stamp + text + source
}

// sampleOf finds the request that a quoted log line is about among the diagnosis's samples.
func sampleOf(d model.Diagnosis, e model.Evidence) (model.Signal, model.Observation, bool) {
	for _, o := range d.Observed {
		for _, s := range o.Samples {
			if s.Source == e.Source && s.Raw != "" && s.Raw == e.Text {
				return s, o, true
			}
		}
	}
	return model.Signal{}, model.Observation{}, false
}

// said tells a failed request in one sentence: who answered what, in which words, after trying whom.
func said(o model.Observation, s model.Signal) string {
	asked := s.Request
	asked.Host = cmp.Or(asked.Host, strings.SplitN(o.Route, "/", 2)[0])
	text := fmt.Sprintf("%s: %s for %s", cmp.Or(s.Proxy, "gateway"), status(cmp.Or(s.Status, o.Status)), asked)
	if words := cmp.Or(s.Reason, string(s.Failure)); words != "" {
		text += ", " + words
	}
	const shown = 3
	tried := make([]string, 0, shown)
	for _, t := range s.Tries {
		if t.Address != "" && len(tried) < shown {
			tried = append(tried, t.Address)
		}
	}
	if len(tried) > 0 {
		text += ", tried " + strings.Join(tried, ", ")
	}
	return text
}

// shortSource leaves the folders out of FOLDER/FILE:LINE. A pod's NAMESPACE/POD/CONTAINER stays whole.
func shortSource(source string) string {
	file, line, ok := strings.Cut(source, ":")
	if !ok {
		return source
	}
	return path.Base(strings.ReplaceAll(file, `\`, "/")) + ":" + line
}

// cut shortens text to a number of columns.
func cut(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return strings.TrimRight(string(runes[:max(width-1, 0)]), " ") + "…"
}

// folded breaks words that are wider than a line: JSON has no space at which it could be wrapped.
func folded(text string, width int) string {
	var words []string
	for word := range strings.FieldsSeq(text) {
		for piece := range slices.Chunk([]rune(word), width) {
			words = append(words, string(piece))
		}
	}
	return strings.Join(words, " ")
}
