package field

import "bytes"

// Members goes through the members of a JSON object that is written on one line without blanks other than
// single ones. It refuses some that a full parser takes, such as keys with escapes, and takes none that it refuses
// but for what is nested, which is not looked into.
type Members struct {
	// Key and Value are the present member; a string is without its quotes and not unescaped.
	Key, Value []byte
	// Kind is the first byte of the value: '"', '{', '[', 'n' (null), 't', 'f', or '0' for numbers.
	Kind byte

	rest []byte
	ok   bool
}

// MembersOf begins with the first member of an object.
func MembersOf(object []byte) Members {
	n := len(object)
	if n < 2 || object[0] != '{' || object[n-1] != '}' {
		return Members{}
	}
	return Members{rest: object[1:], ok: true}
}

// Plain returns a string in which nothing is escaped.
func (m *Members) Plain() (text []byte, ok bool) {
	return m.Value, m.Kind == '"' && bytes.IndexByte(m.Value, '\\') < 0
}

// Whole reports, after Next reported false, whether the object was read up to its end.
func (m *Members) Whole() bool { return m.ok && len(m.rest) == 0 }

// Next goes to the next member.
func (m *Members) Next() bool {
	if !m.ok || len(m.rest) == 0 {
		return false
	}
	m.ok = m.member()
	return m.ok
}

func (m *Members) member() (ok bool) {
	b := m.rest
	if len(b) < 2 || b[0] != '"' {
		return false
	}
	end := keyEnd(b)
	if end < 1 || end+3 > len(b) || b[end+1] != ':' {
		return false
	}
	m.Key = b[1:end]
	b = b[end+2:]
	if b[0] == ' ' {
		b = b[1:]
	}
	if b, ok = m.value(b); !ok || len(b) == 0 {
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

// value takes a value and returns what follows it.
func (m *Members) value(b []byte) (rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, false
	}
	m.Kind = b[0]
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
		m.Value = b[1:end]
		return b[end+1:], true
	case c >= '0' && c <= '9' || c == '-':
		m.Kind = '0'
		end := 1
		for end < len(b) && (b[end] >= '0' && b[end] <= '9' || b[end] == '.') {
			end++
		}
		m.Value = b[:end]
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

func (m *Members) literal(b []byte, word string) (rest []byte, ok bool) {
	if len(b) < len(word) || string(b[:len(word)]) != word {
		return nil, false
	}
	m.Value = b[:len(word)]
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
