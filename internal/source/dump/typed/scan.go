package typed

import (
	"bytes"
)

// maxDepth bounds nesting, as encoding/json does.
const maxDepth = 10_000

// text is JSON that is being read.
type text struct {
	data []byte
	at   int
}

// next skips white space and gives the byte at which the next token begins, 0 at the end.
func (t *text) next() byte {
	for t.at < len(t.data) {
		switch c := t.data[t.at]; c {
		case ' ', '\t', '\r', '\n':
			t.at++
		default:
			return c
		}
	}
	return 0
}

// take consumes a byte that the next token begins with.
func (t *text) take(c byte) bool {
	if t.next() != c {
		return false
	}
	t.at++
	return true
}

// word consumes null, true or false.
func (t *text) word(w string) bool {
	if len(t.data)-t.at < len(w) || string(t.data[t.at:t.at+len(w)]) != w {
		return false
	}
	t.at += len(w)
	return true
}

// quoted consumes a string and gives what stands between its quotes. plain says that it holds only
// printable ASCII without escapes, so that it stands for itself.
func (t *text) quoted() (inner []byte, plain, ok bool) {
	if t.next() != '"' {
		return nil, false, false
	}
	start := t.at + 1
	plain = true
	for i := start; i < len(t.data); i++ {
		switch c := t.data[i]; {
		case c == '"':
			t.at = i + 1
			return t.data[start:i], plain, true
		case c == '\\':
			plain = false
			i++
		case c < 0x20:
			return nil, false, false
		case c >= 0x80:
			plain = false
		}
	}
	return nil, false, false
}

// value consumes a value of any kind and gives its text, and of a list or an object how many values are
// in it at most. Only what decides where it ends is checked.
func (t *text) value() (raw []byte, size int, ok bool) {
	c := t.next()
	start := t.at
	switch c {
	case '"':
		_, _, ok = t.quoted()
	case '{', '[':
		size, ok = t.nested()
	case 0, ']', '}', ',', ':':
		return nil, 0, false
	default:
		n := bytes.IndexAny(t.data[t.at:], ",]} \t\r\n")
		if n < 0 {
			n = len(t.data) - t.at
		}
		t.at, ok = t.at+n, true
	}
	return t.data[start:t.at], size, ok
}

// nested consumes a list or an object.
func (t *text) nested() (size int, ok bool) {
	depth, commas, start := 0, 0, t.at
	for i := t.at; i < len(t.data); i++ {
		switch t.data[i] {
		case '"':
			t.at = i
			if _, _, ok := t.quoted(); !ok {
				return 0, false
			}
			i = t.at - 1
		case '{', '[':
			if depth++; depth > maxDepth {
				return 0, false
			}
		case '}', ']':
			if depth--; depth > 0 {
				continue
			}
			t.at = i + 1
			if len(bytes.TrimSpace(t.data[start+1:i])) == 0 {
				return 0, true
			}
			return commas + 1, true
		case ',':
			if depth == 1 {
				commas++
			}
		}
	}
	return 0, false
}
