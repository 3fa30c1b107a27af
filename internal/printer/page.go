package printer

import (
	"fmt"
	"io"
	"strings"
)

// labelWidth is the room for "Since", "Proof" and the like, with the space after it.
const labelWidth = 10

// page collects lines. Writing to it cannot fail; flush reports what the writer said.
type page struct {
	style Style
	buf   strings.Builder
}

func (p *page) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.buf.WriteString(strings.TrimRight(text, " "))
	p.buf.WriteByte('\n')
}

func (p *page) blank() { p.buf.WriteByte('\n') }

// heading writes a line with something at its right end, if there is room for both.
func (p *page) heading(left, right string) {
	gap := p.style.width() - columns(left) - columns(right)
	if right == "" || gap < 2 {
		p.line("%s", left)
		if right != "" {
			p.line("  %s", right)
		}
		return
	}
	p.line("%s%s%s", left, strings.Repeat(" ", gap), right)
}

// field writes "  Label     text", with the text wrapped and hanging.
func (p *page) field(label, text string) {
	lines := wrap(text, p.style.width()-labelWidth-2)
	for i, l := range lines {
		if i > 0 {
			label = ""
		}
		p.line("  %s%s%s", p.style.paint(cyan, label), strings.Repeat(" ", max(labelWidth-columns(label), 1)), l)
	}
}

// verbatim is field for text that must stay on one line, such as a command to copy.
func (p *page) verbatim(label, text string) {
	p.line("  %s%s%s", p.style.paint(cyan, label), strings.Repeat(" ", max(labelWidth-columns(label), 1)), text)
}

// paragraph writes wrapped text with an indent.
func (p *page) paragraph(indent int, text string) {
	pad := strings.Repeat(" ", indent)
	for _, l := range wrap(text, p.style.width()-indent) {
		p.line("%s%s", pad, l)
	}
}

// item writes a wrapped text behind a mark, hanging under itself.
func (p *page) item(indent int, mark, text string) {
	lead := strings.Repeat(" ", indent) + mark + " "
	for _, l := range wrap(text, p.style.width()-columns(lead)) {
		p.line("%s%s", lead, l)
		lead = strings.Repeat(" ", columns(lead))
	}
}

func (p *page) flush(w io.Writer) error {
	if _, err := io.WriteString(w, p.buf.String()); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
