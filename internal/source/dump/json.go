package dump

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// splitJSON cuts JSON into objects: one or several documents one after another, each an object or
// a list. What stands behind the first error of a file is lost.
func splitJSON(data []byte) ([]list, []fault) {
	var lists []list
	d := json.NewDecoder(bytes.NewReader(data))
	lines := lineCounter{data: data}
	for {
		start := int(d.InputOffset())
		l, err := documentJSON(d, data, &lines)
		if errors.Is(err, io.EOF) {
			return lists, nil
		}
		if l != nil {
			lists = append(lists, *l)
		}
		if err != nil {
			at := max(start, int(d.InputOffset()))
			if s, ok := errors.AsType[*json.SyntaxError](err); ok {
				at = max(at, min(int(s.Offset), len(data)))
			}
			if errors.Is(err, io.ErrUnexpectedEOF) {
				at, err = len(data), errors.New("the file ends in the middle of an object")
			}
			return lists, []fault{{line: lines.at(at), why: err.Error()}}
		}
	}
}

// documentJSON reads the next document. A list is read item by item, so that the items before an
// error are kept: with an error the list holds what came before it.
func documentJSON(d *json.Decoder, data []byte, lines *lineCounter) (*list, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	start := int(d.InputOffset()) - 1
	if token != json.Delim('{') {
		return nil, fmt.Errorf("not a Kubernetes object: it begins with %v", token)
	}
	l := &list{}
	var isList bool
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return partial(l, isList), unexpected(err)
		}
		switch key {
		case "items":
			isList = true
			err = itemsJSON(d, l, lines)
		case "apiVersion":
			err = d.Decode(&l.apiVersion)
		case "kind":
			err = d.Decode(&l.kind)
		case "metadata":
			var m struct{ Continue string }
			var raw json.RawMessage
			if err = d.Decode(&raw); err == nil {
				l.cut = json.Unmarshal(raw, &m) == nil && m.Continue != ""
			}
		default:
			var skip json.RawMessage
			err = d.Decode(&skip)
		}
		if err != nil {
			return partial(l, isList), unexpected(err)
		}
	}
	if _, err := d.Token(); err != nil {
		return partial(l, isList), unexpected(err)
	}
	if isList && isListKind(l.kind) {
		return l, nil
	}
	end := int(d.InputOffset())
	return &list{items: []piece{{line: lines.at(start), text: data[start:end], json: true}}}, nil
}

// itemsJSON reads the items of a list.
func itemsJSON(d *json.Decoder, l *list, lines *lineCounter) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token == nil {
		return nil // "items": null, as an empty typed list has it
	}
	if token != json.Delim('[') {
		return errors.New("items is not a list")
	}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		begin := int(d.InputOffset()) - len(raw)
		l.items = append(l.items, piece{line: lines.at(begin), text: raw, json: true})
	}
	_, err = d.Token()
	return err
}

// partial is what is known of a document that ended too early. A list's kind may stand behind its
// items, as kubectl writes it.
func partial(l *list, isList bool) *list {
	if !isList {
		return nil
	}
	return l
}

// unexpected is an error inside of a document, where the end of the file is never expected.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// lineCounter finds the lines of offsets that only grow, in one pass.
type lineCounter struct {
	data   []byte
	offset int
	line   int
}

func (c *lineCounter) at(offset int) int {
	offset = min(offset, len(c.data))
	if offset > c.offset {
		c.line += bytes.Count(c.data[c.offset:offset], []byte{'\n'})
		c.offset = offset
	}
	return c.line + 1
}
