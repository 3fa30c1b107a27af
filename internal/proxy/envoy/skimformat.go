package envoy

import (
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/field"
)

// Skim implements proxy.Skimmer for the format of its user's own, of requests that were tried once at most.
func (f *Formatted) Skim(line []byte, k *proxy.Skim) bool {
	var in [inFields][]byte
	switch {
	case len(line) == 0 || line[len(line)-1] < ' ':
		return false
	case f.text != nil:
		if !f.text.Skim(line, in[:]) {
			return false
		}
	case !f.skimObject(line, &in):
		return false
	}
	return f.skimFields(&in, k)
}

// skimFields counts what formatted makes a success.
func (f *Formatted) skimFields(in *[inFields][]byte, k *proxy.Skim) bool {
	plain := func(b []byte, text string) bool { return b == nil || string(b) == text }
	if !plain(in[inFlags], "-") || !plain(in[inLongFlags], "-") || !plain(in[inDetails], "via_upstream") || in[inAttempted] != nil {
		return false
	}
	var ok bool
	if k.Status, ok = field.Served(in[inCode]); !ok {
		return false
	}
	if k.At, ok = f.skimClock(in); !ok {
		return false
	}
	took, ok := field.Millis(in[inDuration])
	if !ok && !field.Unset(in[inDuration]) {
		return false
	}
	k.Duration = int64(took)
	if !field.Unset(in[inCluster]) || !field.Unset(in[inRoute]) {
		k.Route, k.ByPath = append(k.Route[:0], in[inCluster], in[inRoute]), false
		return true
	}
	segment, ok := field.TargetSegment(in[inPath])
	if !ok {
		return false
	}
	var host []byte
	if !field.Unset(in[inAuthority]) {
		host = field.Host(in[inAuthority])
	}
	k.Route, k.ByPath = append(k.Route[:0], host, segment), true
	return true
}

// skimClock reads the time as formatted and signal do.
func (f *Formatted) skimClock(in *[inFields][]byte) (nanos int64, ok bool) {
	if in[inTime] != nil {
		return f.clock.ISO(in[inTime])
	}
	at, ok := f.when(in)
	return at.UnixNano(), ok && !at.IsZero()
}

// members says where the members of a JSON format belong among the values that are taken from a line: each value of
// the format has a place, and each object in it.
type members struct {
	of     map[int]map[string]placed // by the place of the object; 0 for the whole
	slot   func(within int, key []byte) (at int, form field.Form)
	values [][]byte // of the present line
}

type placed struct {
	at   int
	form field.Form
}

// newMembers gives the values of a format the places from 1 on.
func newMembers(values []valueFormat) members {
	m := members{of: map[int]map[string]placed{0: {}}}
	next := 1 + len(values)
	objects := map[string]int{"": 0}
	for i := range values {
		within, path := 0, ""
		for _, key := range values[i].path[:len(values[i].path)-1] {
			path += key + "\x00"
			at, known := objects[path]
			if !known {
				at = next
				next++
				objects[path] = at
				m.of[within][key] = placed{at, field.Object}
				m.of[at] = map[string]placed{}
			}
			within = at
		}
		form := field.Text
		if slot := values[i].slot; values[i].text == nil && (slot == inCode || slot == inDuration || slot == inServiceTime) {
			form = field.TextOrNumber
		}
		m.of[within][values[i].path[len(values[i].path)-1]] = placed{1 + i, form}
	}
	m.values = make([][]byte, next)
	of := m.of
	m.slot = func(within int, key []byte) (int, field.Form) {
		if p, ok := of[within][string(key)]; ok {
			return p.at, p.form
		}
		return -1, field.Text
	}
	return m
}

// skimObject reads a JSON line into the fields.
func (f *Formatted) skimObject(line []byte, in *[inFields][]byte) bool {
	values := f.members.values
	clear(values)
	if !field.Take(line, values, f.members.slot) {
		return false
	}
	for i := range f.values {
		vf, b := &f.values[i], values[1+i]
		switch {
		case field.Unset(b): // counts as not there
		case vf.text != nil:
			if !vf.text.Skim(b, in[:]) {
				return false
			}
		case in[vf.slot] != nil:
			return false // twice
		default:
			in[vf.slot] = b
		}
	}
	return true
}
