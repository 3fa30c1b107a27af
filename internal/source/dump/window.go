package dump

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// How much of a file is read at once, and how long one object may be. Larger ones than the API server
// stores exist only where somebody means harm: etcd takes no more than some megabytes.
const (
	block      = 256 << 10
	mostObject = 256 << 20
	mostDepth  = 10_000
)

var (
	errCut     = errors.New("the file ends in the middle of an object")
	errTooLong = fmt.Errorf("an object of more than %d MB is not read", mostObject>>20)
	errTooDeep = errors.New("nested too deeply")
)

// window is the part of a file that is in memory: what is being looked at and what was read ahead.
type window struct {
	r      io.Reader
	buffer []byte
	at     int // the place in the buffer
	line   int // of that place, from 1
	keep   int // from where the buffer is still needed; -1: from at
	err    error
}

func newWindow(r io.Reader) *window { return &window{r: r, line: 1, keep: -1} }

// more reads on; it reports whether there was more.
func (w *window) more() bool {
	if w.err != nil {
		return false
	}
	from := w.at
	if w.keep >= 0 {
		from = w.keep
	}
	// What is not needed any more goes when it is most of the buffer, so that each byte is moved seldom.
	if from > 0 && from >= len(w.buffer)/2 {
		w.buffer = w.buffer[:copy(w.buffer, w.buffer[from:])]
		w.at -= from
		if w.keep >= 0 {
			w.keep = 0
		}
	}
	for w.err == nil {
		if cap(w.buffer)-len(w.buffer) < block {
			w.buffer = append(make([]byte, 0, max(2*cap(w.buffer), 2*block)), w.buffer...)
		}
		n, err := w.r.Read(w.buffer[len(w.buffer):cap(w.buffer)])
		w.buffer, w.err = w.buffer[:len(w.buffer)+n], err
		if n > 0 {
			return true
		}
	}
	return false
}

// advance goes n bytes on.
func (w *window) advance(n int) {
	w.line += bytes.Count(w.buffer[w.at:w.at+n], []byte{'\n'})
	w.at += n
}

// peek gives the next byte that is no white space, 0 at the end.
func (w *window) peek() byte {
	for {
		for i, c := range w.buffer[w.at:] {
			if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
				w.advance(i)
				return c
			}
		}
		w.advance(len(w.buffer) - w.at)
		if !w.more() {
			return 0
		}
	}
}

// lineText gives the rest of the line, with its end, and goes behind it. It is valid until the next call;
// of a line that is longer than an object may be, the beginning.
func (w *window) lineText() []byte {
	for from := 0; ; {
		if i := bytes.IndexByte(w.buffer[w.at+from:], '\n'); i >= 0 {
			text := w.buffer[w.at : w.at+from+i+1]
			w.advance(len(text))
			return text
		}
		from = len(w.buffer) - w.at
		if from > mostObject || !w.more() {
			text := w.buffer[w.at:]
			w.advance(len(text))
			return text
		}
	}
}

// value reads the next JSON value and goes behind it. Its text is valid until the next call. Only what
// decides where a value ends is looked at.
func (w *window) value() ([]byte, error) {
	c := w.peek()
	switch c {
	case 0:
		return nil, errCut
	case '{', '[', '"':
	default:
		return w.literal()
	}
	var t tracker
	for n, long := 0, false; ; {
		rest := w.buffer[w.at:]
		if end, done := t.scan(rest[n:]); done {
			end += n
			text := rest[:end]
			w.advance(end)
			switch {
			case long || end > mostObject:
				return nil, errTooLong
			case t.deepest > mostDepth:
				return nil, errTooDeep
			}
			return text, nil
		}
		n = len(rest)
		if n > mostObject { // gone through without being kept
			w.keep, long = -1, true
			w.advance(n)
			n = 0
		}
		if !w.more() {
			return nil, errCut
		}
	}
}

// literal reads what is neither an object nor a list nor a string.
func (w *window) literal() ([]byte, error) {
	for {
		rest := w.buffer[w.at:]
		n := bytes.IndexAny(rest, ",:[]{}\" \t\r\n")
		switch {
		case n == 0:
			return nil, fmt.Errorf("%q is not expected here", rest[0])
		case n < 0 && w.more():
			continue
		case n < 0:
			n = len(rest)
		}
		w.advance(n)
		return rest[:n], nil
	}
}

// tracker finds the end of an object, a list or a string that arrives in parts.
type tracker struct {
	depth, deepest    int
	inString, escaped bool
}

// scan goes through a part; end is behind the value if that is done.
func (t *tracker) scan(part []byte) (end int, done bool) {
	for i := 0; i < len(part); i++ {
		c := part[i]
		switch {
		case t.escaped:
			t.escaped = false
		case t.inString:
			for c != '"' && c != '\\' {
				if i++; i == len(part) {
					return 0, false
				}
				c = part[i]
			}
			t.escaped, t.inString = c == '\\', c == '\\'
			if !t.inString && t.depth == 0 {
				return i + 1, true
			}
		case c == '"':
			t.inString = true
		case c == '{' || c == '[':
			t.depth++
			t.deepest = max(t.deepest, t.depth)
		case c == '}' || c == ']':
			if t.depth--; t.depth == 0 {
				return i + 1, true
			}
		}
	}
	return 0, false
}
