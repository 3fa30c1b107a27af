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
	skimmer proxy.Skimmer      // nil: there is none
	blanks  proxy.BlankSkimmer // nil: the skimmer is none
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
		if p, ok := sniff(text); ok {
			c.use(p.Name, p.NewParser())
		}
	}
}

func (c *Counter) use(name string, p proxy.Parser) {
	c.form = form{name: name, parser: p}
	if s, ok := p.(proxy.Skimmer); ok {
		s.OmitRaw()
		c.form.skimmer = s
		c.form.blanks, _ = p.(proxy.BlankSkimmer)
	}
	c.keys = newKeys() // what the parts of a line mean is known to its parser alone
}

// sniff looks whose log the first lines may be.
func sniff(text []byte) (proxy.Proxy, bool) {
	lines := make([][]byte, 0, looked)
	for line := range bytes.Lines(text) {
		if lines = append(lines, bytes.TrimRight(line, "\r\n")); len(lines) == looked {
			break
		}
	}
	return all.Sniff(lines)
}

// last gives the last lines of a text.
func last(text []byte, lines int) []byte {
	at := len(text)
	for ; lines > 0 && at > 0; lines-- {
		at = bytes.LastIndexByte(text[:at-1], '\n') + 1
	}
	return text[at:]
}

// foreign is a run of lines that the present parser does not know: perhaps another log begins there.
type foreign struct {
	begin, lines int
	patience     int // how many lines it takes before it is looked what they are
	back         int // where lines were last read a second time from; those before are not again
}

// unknownRun is how many lines in a row may be foreign before the form is looked at again, at first.
const unknownRun = 8

func (f *foreign) add(begin int, known bool) {
	switch {
	case known:
		f.lines = 0
		return
	case f.lines == 0:
		f.begin = begin
	}
	f.lines++
}

// long reports whether it is time to look. The end of a chunk is: the next one begins anew.
func (f *foreign) long(end bool) bool { return f.lines >= f.patience || end && f.lines > 0 }

// another looks whether a run of foreign lines belongs to another log, by themselves and, if that does not tell, as where it begins with
// errors, by what follows. It returns from where to go on: from their begin if it does, so that they count.
func (c *Counter) another(k *Chunk, run *foreign, next int) int {
	p, ok := sniff(k.Text[run.begin:next])
	if !ok { // the other log may begin at the end of the run, after lines that nobody knows
		p, ok = sniff(last(k.Text[run.begin:next], unknownRun))
	}
	if !ok {
		p, ok = sniff(k.Text[next:])
	}
	lines := run.lines
	run.lines = 0
	if !ok || p.Name == c.form.name {
		run.patience *= 2
		return next
	}
	k.wrote(c.form.name)
	c.use(p.Name, p.NewParser())
	if run.patience = unknownRun; run.begin <= run.back {
		return next
	}
	run.back = run.begin
	k.lines -= lines
	k.bad -= lines
	for n := len(k.broken); n > 0 && k.broken[n-1].line > k.lines; n-- {
		k.broken = k.broken[:n-1]
		c.broken--
	}
	return run.begin
}
