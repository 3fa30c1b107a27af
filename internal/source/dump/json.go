package dump

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gatemend/gatemend/internal/source/dump/typed"
)

// json reads JSON: one or several documents one after another, or parted as YAML parts them, each an object, a list
// of Kubernetes or a bare array; and what kubectl cluster-info dump prints, where logs stand between them. Where something
// cannot be read, reading goes on at the next line that can begin a document.
func (r *reader) json() {
	for {
		line := r.w.line
		var err error
		switch c := r.w.peek(); {
		case c == 0:
			return
		case c == '{':
			err = r.document()
		case c == '[':
			err = r.items(arrayOf(r.file))
		case isSection(r.w.buffer[r.w.at:]) || c == '=' && r.w.more() && isSection(r.w.buffer[r.w.at:]):
			r.section()
		case r.broken && (c == ',' || c == ']' || c == '}'):
			r.w.advance(1) // of the list whose beginning could not be read
		default:
			var begin []byte
			if begin, err = r.w.literal(); err == nil && !separates(begin) {
				line, err = r.w.line, fmt.Errorf("not a Kubernetes object: it begins with %s", brief(begin))
			}
		}
		if err == nil {
			continue
		}
		if errors.Is(err, errCut) || line == 0 {
			line = r.w.line
		}
		r.sink.fault(fault{line: max(line, 1), why: err.Error()})
		r.resume()
	}
}

// resume goes to the next line that can begin a document.
func (r *reader) resume() {
	r.w.keep, r.broken = -1, true
	for {
		if text := r.w.lineText(); len(text) == 0 {
			return
		}
		if r.w.at == len(r.w.buffer) && !r.w.more() {
			return
		}
		if c := r.w.buffer[r.w.at]; c == '{' || c == '[' || c == '=' {
			return
		}
	}
}

// document reads an object. If it is a list, its items are handed on one by one.
func (r *reader) document() error {
	l, line, listed := &list{}, r.w.line, false
	r.w.keep = r.w.at
	r.w.advance(1)
	for {
		switch c := r.w.peek(); c {
		case '}':
			r.w.advance(1)
			if listed {
				r.sink.list(l)
			} else {
				from := r.w.keep
				r.w.keep = -1
				r.sink.piece(nil, line, r.w.buffer[from:r.w.at], true)
			}
			return nil
		case ',':
			r.w.advance(1)
			continue
		case '"':
		case 0:
			r.cut(l, listed)
			return errCut
		default:
			r.cut(l, listed)
			return fmt.Errorf("%q is not expected here", c)
		}
		items, err := r.member(l)
		listed = listed || items
		if err != nil {
			r.cut(l, listed)
			return err
		}
	}
}

// cut tells of a list that ended too early.
func (r *reader) cut(l *list, listed bool) {
	r.w.keep = -1
	if listed {
		l.cut = true
		r.sink.list(l)
	}
}

// member reads a field of an object, and notes what it tells of a list. It reports whether the field were
// items that have been handed on.
func (r *reader) member(l *list) (items bool, err error) {
	raw, err := r.w.value()
	if err != nil {
		return false, err
	}
	key := string(raw)
	if c := r.w.peek(); c != ':' {
		if c == 0 {
			return false, errCut
		}
		return false, fmt.Errorf("%q instead of a colon", c)
	}
	r.w.advance(1)
	if key == `"items"` && r.w.peek() == '[' && r.lists(l) {
		r.w.keep = -1
		return true, r.items(l)
	}
	raw, err = r.w.value()
	if err != nil {
		return false, err
	}
	switch key {
	case `"apiVersion"`:
		_ = json.Unmarshal(raw, &l.apiVersion) // what is no string is found where the object is decoded
	case `"kind"`:
		_ = json.Unmarshal(raw, &l.kind)
	case `"metadata"`:
		var m struct{ Continue string }
		l.cut = json.Unmarshal(raw, &m) == nil && m.Continue != ""
	}
	return false, nil
}

// lists reports whether the items that come next are those of a list. kubectl writes the list's kind
// behind them: then they tell by what they say of themselves. If they say nothing, the document is read as
// a whole, so that its kind is known when its items are looked at.
func (r *reader) lists(l *list) bool {
	if l.kind != "" || r.w.keep < 0 {
		return isListKind(l.kind)
	}
	back, line := r.w.at-r.w.keep, r.w.line
	r.w.advance(1)
	apiVersion, kind := "", ""
	if r.w.peek() == '{' {
		if raw, err := r.w.value(); err == nil {
			apiVersion, kind = typed.Head(raw)
		}
	}
	if r.w.keep >= 0 { // else the item was too long to be kept
		r.w.at, r.w.line = r.w.keep+back, line
	}
	return kind != "" && apiVersion != ""
}

// items hands on the items of a list.
func (r *reader) items(l *list) error {
	r.w.advance(1)
	for {
		switch r.w.peek() {
		case ']':
			r.w.advance(1)
			return nil
		case ',':
			r.w.advance(1)
			continue
		case 0:
			return errCut
		}
		line := r.w.line
		text, err := r.w.value()
		switch {
		case errors.Is(err, errTooLong) || errors.Is(err, errTooDeep):
			r.sink.fault(fault{line: line, why: err.Error()})
		case err != nil:
			return err
		default:
			r.sink.piece(l, line, text, true)
		}
	}
}

// brief is the beginning of a text that is shown.
func brief(text []byte) string {
	const most = 40
	if len(text) > most {
		return fmt.Sprintf("%.*q...", most, text)
	}
	return string(text)
}
