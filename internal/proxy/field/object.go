package field

import "bytes"

// Form says which values of a member are taken.
type Form uint8

// The forms of values.
const (
	Text         Form = iota // a string in which nothing is escaped
	Number                   // a number
	TextOrNumber             // either
	Object                   // an object, whose members are asked for too
	AtMostOne                // an array of one element, or none
)

// Take goes through a JSON object that is written on one line without blanks other than single ones, and keeps the values
// for which slot has a place among values, which is below 0 for members that do not count. Of the object itself slot is asked
// with within = 0, of the members of a member that has the form Object with that one's place. A string is kept without its
// quotes. Take reports whether the object was read to its end and each of those values is of its form, not empty, and there
// once at most. It refuses some objects that a full parser takes, such as those with escapes in keys, and takes none that
// it refuses. (Places are numbers, as pointers from a function's result would move what they point to into the heap.)
func Take(object []byte, values [][]byte, slot func(within int, key []byte) (at int, form Form)) bool {
	var t taker
	rest, ok := t.object(object, 0, values, slot)
	return ok && len(rest) == 0
}

// deepest is how deep objects may be nested, which full parsers bound too.
const deepest = 32

// slots says where members belong; see [Take].
type slots func(within int, key []byte) (at int, form Form)

// taker goes through an object. It does not hold the values, which would be moved into the heap for being beside slots.
type taker struct {
	depth int

	// Of the last value:
	value    []byte
	kind     byte // its first byte: '"', '{', '[', 'n' (null), 't', 'f', or '0' for numbers
	elements int  // of an array
}

// object goes through the object at the begin of b and returns what follows it. Below 0, within says that no member counts.
func (t *taker) object(b []byte, within int, values [][]byte, slot slots) (rest []byte, ok bool) {
	if t.depth++; t.depth > deepest || len(b) < 2 || b[0] != '{' {
		return nil, false
	}
	defer t.up()
	if b = b[1:]; b[0] == '}' {
		return b[1:], true
	}
	for {
		if b, ok = t.member(b, within, values, slot); !ok || len(b) == 0 {
			return nil, false
		}
		if b[0] == '}' {
			return b[1:], true
		}
		if b, ok = afterComma(b); !ok {
			return nil, false
		}
	}
}

func (t *taker) up() { t.depth-- }

// afterComma passes over a comma, and the blank that may follow it.
func afterComma(b []byte) (rest []byte, ok bool) {
	if b[0] != ',' || len(b) < 2 {
		return nil, false
	}
	if b[1] == ' ' {
		return b[2:], true
	}
	return b[1:], true
}

// member takes one member and returns what follows it.
func (t *taker) member(b []byte, within int, values [][]byte, slot slots) (rest []byte, ok bool) {
	if len(b) < 2 || b[0] != '"' {
		return nil, false
	}
	end := keyEnd(b)
	if end < 1 || end+3 > len(b) || b[end+1] != ':' {
		return nil, false
	}
	key := b[1:end]
	b = b[end+2:]
	if b[0] == ' ' {
		b = b[1:]
	}
	if within < 0 {
		return t.read(b, -1, nil, nil)
	}
	at, form := slot(within, key)
	if at < 0 {
		return t.read(b, -1, nil, nil)
	}
	inner := -1
	if form == Object {
		inner = at
	}
	if rest, ok = t.read(b, inner, values, slot); !ok || values[at] != nil || len(t.value) == 0 || !t.is(form) {
		return nil, false
	}
	values[at] = t.value
	return rest, true
}

func (t *taker) is(form Form) bool {
	switch t.kind {
	case '0':
		return form == Number || form == TextOrNumber
	case '"':
		return (form == Text || form == TextOrNumber) && bytes.IndexByte(t.value, '\\') < 0
	case '{':
		return form == Object
	case '[':
		return form == AtMostOne && t.elements <= 1
	default:
		return false
	}
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

// read takes a value and returns what follows it. inner is what an object's members are within.
func (t *taker) read(b []byte, inner int, values [][]byte, slot slots) (rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, false
	}
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
		t.kind, t.value = c, b[1:end]
		return b[end+1:], true
	case c >= '0' && c <= '9' || c == '-':
		end := 1
		for end < len(b) && (b[end] >= '0' && b[end] <= '9' || b[end] == '.') {
			end++
		}
		t.kind, t.value = '0', b[:end]
		return b[end:], end > 1 || c != '-'
	case c == '{':
		rest, ok = t.object(b, inner, values, slot)
		t.kind, t.value = c, b[:len(b)-len(rest)]
		return rest, ok
	case c == '[':
		rest, ok = t.array(b)
		t.kind, t.value = c, b[:len(b)-len(rest)]
		return rest, ok
	case c == 'n':
		return t.literal(b, "null")
	case c == 't':
		return t.literal(b, "true")
	case c == 'f':
		return t.literal(b, "false")
	default:
		return nil, false
	}
}

// array goes through the array at the begin of b and returns what follows it.
func (t *taker) array(b []byte) (rest []byte, ok bool) {
	if t.depth++; t.depth > deepest || len(b) < 2 {
		return nil, false
	}
	defer t.up()
	if b = b[1:]; b[0] == ']' {
		t.elements = 0
		return b[1:], true
	}
	for n := 1; ; n++ {
		if b, ok = t.read(b, -1, nil, nil); !ok || len(b) == 0 {
			return nil, false
		}
		if b[0] == ']' {
			t.elements = n
			return b[1:], true
		}
		if b, ok = afterComma(b); !ok {
			return nil, false
		}
	}
}

func (t *taker) literal(b []byte, word string) (rest []byte, ok bool) {
	if len(b) < len(word) || string(b[:len(word)]) != word {
		return nil, false
	}
	t.kind, t.value = b[0], b[:len(word)]
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
