package logformat

import "bytes"

// maxSteps bounds the search in one line: hostile lines could make it long.
const maxSteps = 1 << 14

// Split takes a line apart and puts each field into its slot; other slots stay as they are. It reports false for a line
// that is not of this form, or that could be read in two ways which differ in what the proxy itself wrote. Of fields of
// free text side by side the first is as short as it can be, and the others begin as far to the right as they can.
func (t *Template) Split(line []byte, slots [][]byte) bool {
	first, last := t.literals[0], t.literals[len(t.fields)]
	if len(line) < len(first)+len(last) || string(line[:len(first)]) != first || string(line[len(line)-len(last):]) != last {
		return false
	}
	t.line, t.steps = line, 0
	ok := t.forward(0, len(first))
	if ok && t.open {
		copy(t.mirrored, t.spans)
		ok = t.backward(len(t.fields)-1, len(line)-len(last)) && t.agree()
	}
	if ok {
		for i := range t.fields {
			t.fields[i].put(line[t.spans[i].from:t.spans[i].to], slots)
		}
	}
	t.line = nil
	return ok
}

// agree compares the reading from the right (spans) with that from the left (mirrored).
func (t *Template) agree() bool {
	for i := range t.fields {
		if t.spans[i] == t.mirrored[i] {
			continue
		}
		if !t.fields[i].Content.free {
			return false
		}
		if t.spans[i].from == t.mirrored[i].from {
			t.spans[i] = t.mirrored[i]
		}
	}
	return true
}

// forward reads the fields from the i-th on, which begins at from, each as short as it can be.
func (t *Template) forward(i, from int) bool {
	content := &t.fields[i].Content
	from = t.fields[i].from(t.line, from)
	if i == len(t.fields)-1 {
		to := len(t.line) - len(t.literals[i+1])
		if to < from || !content.takes(t.line, from, to) {
			return false
		}
		t.spans[i] = span{from, to}
		return true
	}
	next := t.literals[i+1]
	end := min(from+content.reach(t.line[from:])+len(next), len(t.line))
	for at := from; ; at++ {
		n := bytes.Index(t.line[at:end], []byte(next))
		if n < 0 {
			return false
		}
		if t.steps++; t.steps > maxSteps {
			return false
		}
		at += n
		if content.takes(t.line, from, at) && t.forward(i+1, at+len(next)) {
			t.spans[i] = span{from, at}
			return true
		}
	}
}

// backward reads the fields up to the i-th, which ends at to, each as short as it can be.
func (t *Template) backward(i, to int) bool {
	content := &t.fields[i].Content
	if i == 0 {
		from := t.fields[0].from(t.line, len(t.literals[0]))
		if to < from || !content.takes(t.line, from, to) {
			return false
		}
		t.spans[i] = span{from, to}
		return true
	}
	before := t.literals[i]
	for end := to; ; {
		n := bytes.LastIndex(t.line[:end], []byte(before))
		if n < 0 {
			return false
		}
		if t.steps++; t.steps > maxSteps {
			return false
		}
		from := t.fields[i].from(t.line, n+len(before))
		if from <= to && content.takes(t.line, from, to) && t.backward(i-1, n) {
			t.spans[i] = span{from, to}
			return true
		}
		if end = n + len(before) - 1; end < len(before) {
			return false
		}
	}
}
