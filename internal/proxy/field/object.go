package field

import "bytes"

// Form says which values of a member are taken.
type Form uint8

// The forms of values.
const (
	Text         Form = iota // a string in which nothing is escaped
	Number                   // a number
	TextOrNumber             // either
)

// Take goes through a JSON object that is written on one line without blanks other than single ones, and keeps the values
// for which slot has a place among values, which is below 0 for members that do not count. A string is kept without its
// quotes. Take reports whether the object was read to its end and each of those values is of its form, not empty, and there
// once at most. It refuses some objects that a full parser takes, such as those with escapes in keys, and takes none that
// it refuses but for what is nested, which is not looked into. (Places are numbers, as pointers from a function's result
// would move what they point to into the heap.)
func Take(object []byte, values [][]byte, slot func(key []byte) (at int, form Form)) bool {
	n := len(object)
	if n < 2 || object[0] != '{' || object[n-1] != '}' {
		return false
	}
	m := members{rest: object[1:]}
	for len(m.rest) > 0 {
		if !m.next() {
			return false
		}
		at, form := slot(m.key)
		if at < 0 {
			continue
		}
		if values[at] != nil || len(m.value) == 0 || !m.is(form) {
			return false
		}
		values[at] = m.value
	}
	return true
}

// members is what is left of an object, and the present member.
type members struct {
	key, value []byte
	kind       byte // the first byte of the value: '"', '{', '[', 'n' (null), 't', 'f', or '0' for numbers
	rest       []byte
}

func (m *members) is(form Form) bool {
	switch m.kind {
	case '0':
		return form != Text
	case '"':
		return form != Number && bytes.IndexByte(m.value, '\\') < 0
	default:
		return false
	}
}

// next goes to the next member.
func (m *members) next() (ok bool) {
	b := m.rest
	if len(b) < 2 || b[0] != '"' {
		return false
	}
	end := keyEnd(b)
	if end < 1 || end+3 > len(b) || b[end+1] != ':' {
		return false
	}
	m.key = b[1:end]
	b = b[end+2:]
	if b[0] == ' ' {
		b = b[1:]
	}
	if b, ok = m.read(b); !ok || len(b) == 0 {
		return false
	}
	switch {
	case b[0] == '}' && len(b) == 1:
		m.rest = nil
		return true
	case b[0] != ',':
		return false
	case len(b) > 1 && b[1] == ' ':
		m.rest = b[2:]
	default:
		m.rest = b[1:]
	}
	return len(m.rest) > 0
}

// keyEnd is where the quote is that ends the key at the begin of b; -1 if there is none, or something is escaped before it.
func keyEnd(b []byte) int {
	i := 1
	for ; len(b)-i >= 8; i += 8 {
		x := load(b, i)
		quotes, slashes := equal(x, '"'), equal(x, '\\')
		if quotes|slashes == 0 {
			continue
		}
		if i += first(quotes | slashes); b[i] == '"' {
			return i
		}
		return -1
	}
	end := bytes.IndexByte(b[i:], '"')
	if end < 0 || bytes.IndexByte(b[i:i+end], '\\') >= 0 {
		return -1
	}
	return i + end
}

// read takes a value and returns what follows it.
func (m *members) read(b []byte) (rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, false
	}
	m.kind = b[0]
	switch c := b[0]; {
	case c == '"':
		end := bytes.IndexByte(b[1:], '"') + 1
		if end < 1 {
			return nil, false
		}
		if b[end-1] == '\\' {
			if end, ok = endOfString(b, end); !ok {
				return nil, false
			}
		}
		m.value = b[1:end]
		return b[end+1:], true
	case c >= '0' && c <= '9' || c == '-':
		m.kind = '0'
		end := 1
		for end < len(b) && (b[end] >= '0' && b[end] <= '9' || b[end] == '.') {
			end++
		}
		m.value = b[:end]
		return b[end:], end > 1 || c != '-'
	case c == 'n':
		return m.literal(b, "null")
	case c == 't':
		return m.literal(b, "true")
	case c == 'f':
		return m.literal(b, "false")
	default:
		return nil, false
	}
}

func (m *members) literal(b []byte, word string) (rest []byte, ok bool) {
	if len(b) < len(word) || string(b[:len(word)]) != word {
		return nil, false
	}
	m.value = b[:len(word)]
	return b[len(word):], true
}

// endOfString finds the quote that ends a string whose quote at i comes after a backslash.
func endOfString(b []byte, i int) (end int, ok bool) {
	for {
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i, true
		}
		next := bytes.IndexByte(b[i+1:], '"')
		if next < 0 {
			return 0, false
		}
		i += next + 1
	}
}
