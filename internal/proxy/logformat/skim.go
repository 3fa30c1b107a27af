package logformat

import (
	"bytes"
	"strings"
)

// skimmed is what [Template.Skim] knows of a field.
type skimmed struct {
	others  []byte // that must not be in it, besides the byte that follows it
	trusted bool   // its form is checked by who reads it
	loose   bool   // it may hold what follows it, which has no quote
}

// Trust says that whoever calls [Template.Skim] checks what comes into these slots, so that it need not.
func (t *Template) Trust(slots ...int) {
	for i := range t.fields {
		for _, slot := range slots {
			if t.fields[i].Slot == slot {
				t.skimmed[i].trusted = true
			}
		}
	}
}

// prepare makes ready for Skim.
func (t *Template) prepare() {
	t.skimmed = make([]skimmed, len(t.fields))
	for _, l := range t.literals {
		t.quotes += strings.Count(l, `"`)
	}
	for i := range t.fields {
		c, next := &t.fields[i].Content, t.literals[i+1]
		found := i < len(t.fields)-1 // by the first byte of what follows
		listed := c.joint != "" && found && next[0] == ' '
		t.skimmed[i].loose = t.open && found && !c.stops(next[0]) && !strings.Contains(next, `"`) && !listed
		for j := range len(c.stop) {
			if !found || t.skimmed[i].loose || c.stop[j] != next[0] {
				t.skimmed[i].others = append(t.skimmed[i].others, c.stop[j])
			}
		}
	}
}

// Skim is [Template.Split] of plain lines, and several times faster: each field ends at the first byte that may follow it. It
// reports false for all lines that Split might read otherwise, or not at all, and does not check what is trusted. Where
// free text may hold what follows it, a line is plain if it has no more quotes than the format, so that no field has one, and
// if what ends a field without a quote is there but once before the next quote: then there is one way to read it.
func (t *Template) Skim(line []byte, slots [][]byte) bool {
	first, last := t.literals[0], t.literals[len(t.fields)]
	if len(line) < len(first)+len(last) || string(line[:len(first)]) != first || string(line[len(line)-len(last):]) != last {
		return false
	}
	if t.open && bytes.Count(line, []byte{'"'}) != t.quotes {
		return false
	}
	at, end := len(first), len(line)-len(last)
	for i := range t.fields {
		at = t.fields[i].from(line, at)
		next, to := t.literals[i+1], end
		if i < len(t.fields)-1 {
			to = t.end(i, line, at)
		}
		if to < at || !t.plain(i, line, at, to) {
			return false
		}
		t.fields[i].put(line[at:to], slots)
		at = to + len(next)
	}
	return true
}

// end finds where a field other than the last one ends; -1 if that is not seen at once.
func (t *Template) end(i int, line []byte, at int) int {
	next := t.literals[i+1]
	if t.skimmed[i].loose {
		return t.onlyEnd(i, line, at)
	}
	n := bytes.IndexByte(line[min(at, len(line)):], next[0])
	if to := at + n; n >= 0 && (len(next) == 1 || len(line)-to >= len(next) && string(line[to:to+len(next)]) == next) {
		return to
	}
	return -1
}

// onlyEnd finds what follows a loose field, if it is there but once before the next quote, and what stands before the
// field not in it.
func (t *Template) onlyEnd(i int, line []byte, at int) int {
	next, rest := []byte(t.literals[i+1]), line[min(at, len(line)):]
	if q := bytes.IndexByte(rest, '"'); q >= 0 {
		rest = rest[:q]
	}
	n := bytes.Index(rest, next)
	if n < 0 || bytes.Contains(rest[n+1:], next) {
		return -1
	}
	if before := t.literals[i]; i > 0 && bytes.LastIndex(line[:at+n], []byte(before)) != at-len(before) {
		return -1
	}
	return at + n
}

// plain reports whether a field takes what stands between two places of a line, as far as that is seen at once.
func (t *Template) plain(i int, line []byte, from, to int) bool {
	c := &t.fields[i].Content
	if c.custom || c.joint != "" && bytes.HasPrefix(line[to:], []byte(c.joint)) {
		return c.takes(line, from, to)
	}
	b := line[from:to]
	if c.escaped && bytes.IndexByte(b, '\\') >= 0 {
		return c.takes(line, from, to)
	}
	for _, other := range t.skimmed[i].others {
		if bytes.IndexByte(b, other) >= 0 {
			return false
		}
	}
	return t.skimmed[i].trusted || c.valid == nil || c.valid(b)
}
