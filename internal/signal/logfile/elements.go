package logfile

import (
	"bufio"
	"bytes"
	"io"
)

// elements gives each object of a JSON array on a line of its own. Logs of clouds' load balancers come so: of
// gcloud logging read --format=json, indented, and of Azure's event hubs, within an object: {"records":[...]}.
type elements struct {
	from            io.Reader
	within          int // how deep what belongs to an object is
	depth           int
	quoted, escaped bool
}

// inElements returns a reader of the objects of an array, or what it was given if there is none at the begin of it.
func inElements(b *bufio.Reader) io.Reader {
	const far = 256
	head, _ := b.Peek(min(b.Buffered(), far)) // no more than there is at once, as in foreign
	within := 1
	if rest, ok := afterToken(head, "{"); ok {
		if rest, ok = afterToken(rest, `"records"`); !ok {
			return b
		}
		if head, ok = afterToken(rest, ":"); !ok {
			return b
		}
		within = 2
	}
	if rest, ok := afterToken(head, "["); ok {
		if _, ok = afterToken(rest, "{"); ok {
			return &elements{from: b, within: within}
		}
	}
	return b
}

// afterToken passes over blanks and a text.
func afterToken(b []byte, text string) (rest []byte, ok bool) {
	return bytes.CutPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte(text))
}

// Read implements io.Reader.
func (e *elements) Read(p []byte) (int, error) {
	for {
		n, err := e.from.Read(p)
		if n = e.put(p[:n], p[:0]); n > 0 || err != nil {
			return n, err // as it came
		}
	}
}

// put appends what is kept of some bytes to others, which may be the same.
func (e *elements) put(b, to []byte) (kept int) {
	for _, c := range b {
		inside := e.depth >= e.within
		switch {
		case e.quoted:
			e.quoted = e.escaped || c != '"'
			e.escaped = !e.escaped && c == '\\'
		case c == '"':
			e.quoted = true
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		case c == '{' || c == '[':
			e.depth++
		case c == '}' || c == ']':
			if e.depth--; e.depth == e.within-1 && inside {
				c = '\n' // of the array
			}
		case c == ',' && e.depth == e.within:
			c = '\n'
		}
		if inside {
			to = append(to, c)
		}
	}
	return len(to)
}
