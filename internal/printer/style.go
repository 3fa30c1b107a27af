package printer

import (
	"io"
	"math"
	"strings"
)

// DefaultWidth is the width in columns where nobody says otherwise.
const DefaultWidth = 100

// minWidth is what the layout needs; narrower terminals wrap by themselves.
const minWidth = 80

// Style says how text is laid out. The zero value is plain text of [DefaultWidth] columns.
type Style struct {
	Width int  // columns; 0 means DefaultWidth, less than 80 counts as 80, more than 120 as 120
	Color bool // ANSI colours; meaning never rests on them alone
	Wide  bool // long lists are shown in full, and healthy routes are drawn
}

// The colours in use. They are the sixteen that every terminal knows.
const (
	reset  = "\x1b[0m"
	bold   = "\x1b[1m"
	faint  = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

func (s Style) width() int {
	switch {
	case s.Width == 0:
		return DefaultWidth
	case s.Width < minWidth:
		return minWidth
	default:
		return min(s.Width, 120)
	}
}

// limit is how much of a list is shown that is usually cut at n.
func (s Style) limit(n int) int {
	if s.Wide {
		return math.MaxInt
	}
	return n
}

// paint colours text where colours are wanted.
func (s Style) paint(color, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return color + text + reset
}

// columns is how wide text stands on a terminal: escape sequences take no room, and everything that
// gatemend writes is one column a rune.
func columns(text string) int {
	n, escape := 0, false
	for _, r := range text {
		switch {
		case r == '\x1b':
			escape = true
		case escape:
			escape = r != 'm'
		default:
			n++
		}
	}
	return n
}

// wrap breaks text at spaces so that no line is wider than width. A word that is wider stands alone.
func wrap(text string, width int) []string {
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(text) {
		w := columns(word)
		switch {
		case line == "":
			line, used = word, w
		case used+1+w > width:
			lines = append(lines, line)
			line, used = word, w
		default:
			line, used = line+" "+word, used+1+w
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// plain makes text that comes from a cluster safe to print: control characters, which could move the
// cursor or change colours, become '?', as do those that are invisible or turn the direction of writing;
// line ends become spaces.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < 0x20 || (r >= 0x7f && r < 0xa0) || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return '?'
		default:
			return r
		}
	}, text)
}

// Plain makes text that may come from anybody safe to print on one line: what a terminal would obey is replaced.
func Plain(text string) string { return plain(text) }

// PlainWriter makes what is written to w safe to print, as [plain] does, line by line. It is for messages that
// may name anything: files, objects, lines of logs.
func PlainWriter(w io.Writer) io.Writer { return plainWriter{w} }

type plainWriter struct{ w io.Writer }

func (p plainWriter) Write(text []byte) (int, error) {
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		body, ended := strings.CutSuffix(line, "\n")
		out.WriteString(plain(body))
		if ended {
			out.WriteByte('\n')
		}
	}
	_, err := io.WriteString(p.w, out.String())
	return len(text), err
}
