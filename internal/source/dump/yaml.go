package dump

import (
	"bytes"
	"strings"

	"sigs.k8s.io/yaml"
)

// yaml reads YAML: documents, and lists whose items are handed on one by one. Lists are cut by their
// indentation, without parsing them as a whole: a parser needs ten times the memory of a file of 100 MB
// and finds nothing in one that is cut off in the middle, whereas most of its items are whole.
func (r *reader) yaml() {
	doc := newDocument(r.sink, 1)
	for {
		line := r.w.line
		text := r.w.lineText()
		switch {
		case len(text) == 0:
			doc.end()
			return
		case isSection(text):
			doc.end()
			r.section()
			doc = newDocument(r.sink, r.w.line)
		case separates(text):
			doc.end()
			doc = newDocument(r.sink, line)
			doc.line(line, text[3:]) // what stands behind the dashes is of the next document
		default:
			doc.line(line, text)
		}
	}
}

// separates reports whether a line ends a document.
func separates(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("---")) && !bytes.HasPrefix(line, []byte("...")) {
		return false
	}
	return len(line) == 3 || strings.IndexByte(" \t\r\n", line[3]) >= 0
}

// yamlDocument is a YAML document that is being read, line by line.
type yamlDocument struct {
	sink  sink
	begin int    // its first line
	text  []byte // what has been read and not been handed on
	head  []byte // the lines that are not of items
	long  bool   // too long to be kept

	found, inside bool // there are items; the last line was of one
	column        int  // of their dashes
	items         []span
	open          int // the begin of the item that is being read, -1 if none is
	openLine      int
	streams       bool // items are handed on as soon as they end
	l             list
}

// span is an item in the text of its document.
type span struct{ from, to, line int }

func newDocument(s sink, line int) *yamlDocument {
	return &yamlDocument{sink: s, begin: line, open: -1, column: -1}
}

// line adds a line. The list of items is cut at the lines that begin with a dash in the column of the
// first one. Whatever belongs to an item stands further to the right, block scalars included: YAML wants it so.
func (d *yamlDocument) line(number int, whole []byte) {
	text := bytes.TrimRight(whole, " \t\r\n")
	indent := len(text) - len(bytes.TrimLeft(text, " "))
	switch {
	case len(text) == 0 || text[indent] == '#' && indent == 0:
		// Of whatever is around it.
	case !d.inside && isItems(text):
		d.inside, d.found, d.column = true, true, -1
		d.add(whole)
		return
	case d.inside && (d.column < 0 || indent == d.column) && isDash(text[indent:]):
		d.close()
		d.column, d.open, d.openLine = indent, len(d.text), number
	case d.inside && indent == 0:
		d.close()
		d.inside = false
	}
	if !d.inside {
		d.head = append(d.head, whole...)
	}
	d.add(whole)
}

// add keeps a line; of what is too long nothing.
func (d *yamlDocument) add(line []byte) {
	if d.long || len(d.text)+len(line) > mostObject {
		d.long, d.text, d.items, d.open = true, nil, nil, -1
		return
	}
	d.text = append(d.text, line...)
}

// close ends an item.
func (d *yamlDocument) close() {
	if d.long && d.streams {
		d.sink.fault(fault{line: d.openLine, why: errTooLong.Error()})
		d.long = false
	}
	if d.open < 0 {
		return
	}
	d.items = append(d.items, span{d.open, len(d.text), d.openLine})
	d.open = -1
	if !d.streams {
		d.streams = d.tells(d.text[d.items[0].from:d.items[0].to])
	}
	if d.streams {
		d.hand(&d.l)
		d.text = d.text[:0]
	}
}

// tells reports whether it is clear that the items are those of a list: the kind has been read, or the
// item says itself what it is.
func (d *yamlDocument) tells(item []byte) bool {
	if isListKind(d.top().kind) {
		d.l = d.top()
		return true
	}
	kind, version := false, false
	for line := range bytes.Lines(item) {
		if len(line) > d.column+2 {
			kind = kind || bytes.HasPrefix(line[d.column+2:], []byte("kind: "))
			version = version || bytes.HasPrefix(line[d.column+2:], []byte("apiVersion: "))
		}
	}
	return kind && version
}

// top reads the list's own fields.
func (d *yamlDocument) top() list {
	l, err := d.parseTop()
	if err != nil {
		return list{}
	}
	return l
}

func (d *yamlDocument) parseTop() (list, error) {
	var top struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Continue string `json:"continue"`
		} `json:"metadata"`
	}
	err := yaml.Unmarshal(d.head, &top)
	return list{top.APIVersion, top.Kind, top.Metadata.Continue != ""}, err
}

// hand hands on the items that have been read.
func (d *yamlDocument) hand(l *list) {
	for _, i := range d.items {
		text := d.text[i.from:i.to]
		text[d.column] = ' ' // the dash: an item is then a document of its own
		d.sink.piece(l, i.line, text, false)
	}
	d.items = d.items[:0]
}

// end ends the document: hands on what is left of it.
func (d *yamlDocument) end() {
	d.close()
	switch {
	case d.long:
		d.sink.fault(fault{line: d.begin, why: errTooLong.Error()})
		return
	case !d.found:
		if !blank(d.text) {
			d.sink.piece(nil, d.begin, d.text, false)
		}
		return
	}
	top, err := d.parseTop()
	switch {
	case err != nil:
		top.cut = true
		d.hand(&top)
		d.sink.list(&top)
		d.sink.fault(fault{line: d.begin, why: "the fields of the list cannot be read: " + yamlWords(err)})
	case strings.HasPrefix("List", top.kind) && top.kind != "List":
		// kubectl sorts the fields, so that a list's kind is behind its items.
		top.kind = ""
		d.hand(&top)
		d.sink.fault(fault{line: d.begin, why: "the list has no kind, which stands at its end: the rest of the file is missing"})
	case isListKind(top.kind):
		d.hand(&top)
		d.sink.list(&top)
	case !d.streams:
		d.sink.piece(nil, d.begin, d.text, false) // an object that happens to have a field "items"
	}
}

// blank reports whether there are only comments.
func blank(doc []byte) bool {
	for line := range bytes.Lines(doc) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// isItems reports whether a line begins a list of items in block style. One in flow style, "items:
// []", is left to the parser.
func isItems(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("items:"))
	rest = bytes.TrimSpace(rest)
	return ok && (len(rest) == 0 || rest[0] == '#')
}

func isDash(text []byte) bool {
	return text[0] == '-' && (len(text) == 1 || text[1] == ' ')
}

func isListKind(kind string) bool { return strings.HasSuffix(kind, "List") }
