package printer

import (
	"fmt"
	"io"
	"strings"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
)

// The kinds of documents that explain prints.
const (
	KindExplanation = "Explanation"
	KindCauses      = "CauseList"
)

// Match is one proxy's words found in pasted text, and what they mean.
type Match struct {
	Proxy   string          `json:"proxy"`
	Failure string          `json:"failure"`
	Means   string          `json:"means"`
	Causes  []model.CauseID `json:"causes"`          // most likely first
	Source  string          `json:"source"`          // where it is known from
	Quote   string          `json:"quote,omitempty"` // what was recognised
}

// Matches is what was recognised in pasted text.
type Matches struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Matches    []Match `json:"matches"`
}

// CauseDoc is one cause of the catalogue as data.
type CauseDoc struct {
	ID      model.CauseID `json:"id"`
	Family  string        `json:"family"`
	Machine model.Machine `json:"machine"`
	Is      string        `json:"is"`
	Text    string        `json:"text,omitempty"` // Markdown
}

// Causes is a list of causes as data.
type Causes struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Items      []CauseDoc `json:"items"`
}

// NewCauses makes a document of causes.
func NewCauses(causes []catalogue.Cause) Causes {
	doc := Causes{APIVersion: model.APIVersion, Kind: KindCauses, Items: []CauseDoc{}}
	for _, c := range causes {
		doc.Items = append(doc.Items, CauseDoc{ID: c.ID, Family: c.Family, Machine: c.Machine, Is: c.Is, Text: c.Text})
	}
	return doc
}

// CauseList writes the catalogue for people: the causes by family, one line each.
func CauseList(w io.Writer, families []catalogue.Family, causes []catalogue.Cause, s Style) error {
	p := &page{style: s}
	for i, f := range families {
		if i > 0 {
			p.blank()
		}
		p.item(0, s.paint(bold, f.ID+":"), f.Is)
		for _, c := range causes {
			if c.Family == f.ID {
				p.item(2, s.paint(cyan, fmt.Sprintf("%-30s", c.ID)), c.Is)
			}
		}
	}
	p.blank()
	p.line("gatemend explain CAUSE says more about one of them.")
	return p.flush(w)
}

// Cause writes one cause for people.
func Cause(w io.Writer, c catalogue.Cause, s Style) error {
	p := &page{style: s}
	p.heading(s.paint(bold, string(c.ID)), c.Family)
	p.paragraph(0, upper(c.Is)+".")
	p.blank()
	switch c.Machine {
	case model.MachineFix:
		p.paragraph(0, "gatemend fix mends it: the change is local and can be taken back.")
	case model.MachinePropose:
		p.paragraph(0, "gatemend fix proposes a change; a person decides.")
	default:
		p.paragraph(0, "gatemend explains it; no change is safe without knowing more than the cluster shows.")
	}
	if c.Text != "" {
		p.blank()
		p.markdown(strings.TrimPrefix(c.Text, "# "+string(c.ID)+"\n\n"))
	}
	return p.flush(w)
}

// markdown shows the little Markdown that the catalogue uses: headings in bold, the rest as it is.
func (p *page) markdown(text string) {
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\n")
		if title := strings.TrimLeft(l, "#"); title != l {
			l = p.style.paint(bold, strings.TrimSpace(title))
		}
		p.line("%s", l)
	}
}

// Explanation writes what pasted lines mean.
func Explanation(w io.Writer, ms Matches, s Style) error {
	p := &page{style: s}
	for i, m := range ms.Matches {
		if i > 0 {
			p.blank()
		}
		p.heading(s.paint(bold, m.Failure), plain(m.Proxy))
		p.paragraph(2, upper(m.Means)+".")
		p.field("Said", plain(m.Source))
		label := "Causes"
		for _, c := range m.Causes {
			p.verbatim(label, string(c))
			label = ""
		}
		if len(m.Causes) > 0 {
			p.verbatim("Learn", "gatemend explain "+string(m.Causes[0]))
		}
	}
	return p.flush(w)
}

// upper begins a sentence. A field's name, such as targetPort, is left as it is.
func upper(text string) string {
	word, _, _ := strings.Cut(text, " ")
	if text == "" || strings.ToLower(word) != word {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
