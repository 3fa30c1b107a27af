package logformat

import (
	"bytes"
	"errors"
	"fmt"
)

// Skip is the slot of a field that nobody reads.
const Skip = -1

// Part is a fixed text or a variable of a format.
type Part struct {
	Literal string // if not empty, the part is this text
	Name    string // the variable as it was written
	At      int    // its place in the format, in bytes, for messages
	Slot    int    // where Split puts it, or Skip
	Content Content
	// Begins is the byte with which it always begins, if there is one that no other field has that is read and may stand
	// right before it: so much tells the two apart. Unset is what is printed where it is not set.
	Begins byte
	Unset  string

	// joined are the parts that follow it with nothing between.
	joined []Part
	// lead is the run before it, if nothing stands between: it ends where its own form says.
	lead func(b []byte) int
}

// from is where the field begins whose lead, if it has one, begins at a place.
func (p *Part) from(line []byte, at int) int {
	if p.lead == nil || at > len(line) {
		return at
	}
	return at + p.lead(line[at:])
}

// join takes the part that follows with nothing between, if what is printed of the two can be taken apart, or nobody
// reads it.
func (p *Part) join(next Part) bool {
	last := p
	if len(p.joined) > 0 {
		last = &p.joined[len(p.joined)-1]
	}
	if !last.Content.free || !next.Content.free {
		return false
	}
	switch {
	case last.Slot == Skip && next.Slot == Skip:
		last.Unset += next.Unset
	case last.Slot != Skip && next.Begins != 0:
		p.joined = append(p.joined, next)
	default:
		return false
	}
	if next.Content.stop != p.Content.stop || next.Content.escaped != p.Content.escaped {
		p.Content = Text("", false)
	}
	return true
}

// put puts what stands in a field into its slot, and those of the parts joined to it into theirs.
func (p *Part) put(b []byte, slots [][]byte) {
	part := p
	for i := range p.joined {
		n := bytes.IndexByte(b, p.joined[i].Begins)
		if n < 0 { // nor is any other of them there
			for j := len(p.joined) - 1; j >= i; j-- {
				b = bytes.TrimSuffix(b, []byte(p.joined[j].Unset))
			}
			break
		}
		if part.Slot != Skip {
			slots[part.Slot] = b[:n]
		}
		part, b = &p.joined[i], b[n:]
	}
	if part.Slot != Skip {
		slots[part.Slot] = b
	}
}

// maxFields bounds how deep a line is searched.
const maxFields = 128

// Template is a compiled format. It is used by one goroutine.
type Template struct {
	// literals[i] stands before fields[i], the last one after all; only the first and the last may be empty.
	literals []string
	fields   []Part
	// open is set if some field of free text may hold the fixed text that follows it.
	open bool

	// For Skim: what it knows of each field, and how many quotes the fixed texts have.
	skimmed []skimmed
	quotes  int

	line            []byte
	spans, mirrored []span
	steps           int
}

type span struct{ from, to int }

// PositionError says where in a format something is wrong.
type PositionError struct {
	At  int // in bytes, from 0
	Why string
}

func (e *PositionError) Error() string { return fmt.Sprintf("at character %d: %s", e.At+1, e.Why) }

// ErrNoFields means that a format has no variables.
var ErrNoFields = errors.New("the format has no variables")

// New compiles a format. It fails with a *PositionError where two variables touch, so that nothing tells where
// one ends, and with ErrNoFields.
func New(parts []Part) (*Template, error) {
	t := &Template{}
	literal := ""
	for _, p := range parts {
		if p.Literal != "" {
			literal += p.Literal
			continue
		}
		if len(t.fields) > 0 && literal == "" {
			last := &t.fields[len(t.fields)-1]
			if last.join(p) {
				continue
			}
			if last.Content.custom && last.Slot == Skip && last.lead == nil {
				p.lead = last.Content.reach
				t.fields[len(t.fields)-1] = p
				continue
			}
			return nil, &PositionError{p.At, fmt.Sprintf("%s follows %s with nothing between: nobody could tell where one ends", p.Name, last.Name)}
		}
		if len(t.fields) == maxFields {
			return nil, &PositionError{p.At, fmt.Sprintf("more than %d variables", maxFields)}
		}
		t.literals = append(t.literals, literal)
		t.fields = append(t.fields, p)
		literal = ""
	}
	if len(t.fields) == 0 {
		return nil, ErrNoFields
	}
	t.literals = append(t.literals, literal)
	for i := range t.fields {
		next := t.literals[i+1]
		if t.fields[i].Content.free && next != "" && !t.fields[i].Content.stops(next[0]) {
			t.open = true
		}
	}
	t.spans = make([]span, len(t.fields))
	t.mirrored = make([]span, len(t.fields))
	t.prepare()
	return t, nil
}
