package tally

import (
	"bytes"

	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// form is what lines are written in.
type form struct {
	name    string // "" while it is not known
	parser  proxy.Parser
	skimmer proxy.Skimmer // nil: there is none
}

// looked is how many lines are looked at to find a form.
const looked = 200

// begin makes ready for a chunk.
func (c *Counter) begin(text []byte, format string) {
	switch {
	case c.form.parser != nil && (c.form.name == format && format != "" || c.options.Parser != nil):
	case c.options.Parser != nil:
		c.use(c.options.Format, c.options.Parser())
	case format != "":
		p, _ := all.Named(format)
		c.use(format, p.NewParser())
	default:
		c.use("", all.NewAuto())
		c.reconsider(text)
	}
}

func (c *Counter) use(name string, p proxy.Parser) {
	c.form = form{name: name, parser: p}
	if s, ok := p.(proxy.Skimmer); ok {
		s.OmitRaw()
		c.form.skimmer = s
	}
	c.keys = newKeys() // what the parts of a line mean is known to its parser alone
}

// reconsider looks whose log the lines may be.
func (c *Counter) reconsider(text []byte) {
	lines := make([][]byte, 0, looked)
	for line := range bytes.Lines(text) {
		if lines = append(lines, bytes.TrimRight(line, "\r\n")); len(lines) == looked {
			break
		}
	}
	if p, ok := all.Sniff(lines); ok && p.Name != c.form.name {
		c.use(p.Name, p.NewParser())
	}
}
