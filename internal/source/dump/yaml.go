package dump

import (
	"bytes"
	"strings"

	"sigs.k8s.io/yaml"
)

// splitYAML cuts YAML into objects. Lists are cut by their indentation, without parsing them as a
// whole: a parser needs ten times the memory of a file of 100 MB and finds nothing in one that is
// cut off in the middle, whereas most of its items are whole.
func splitYAML(data []byte) ([]list, []fault) {
	var lists []list
	var faults []fault
	for doc := range documents(data) {
		if blank(doc.text) {
			continue
		}
		if rest := bytes.TrimLeft(doc.text, " \t\r\n"); rest[0] == '{' {
			ls, fs := splitJSON(doc.text)
			for i := range ls {
				for j := range ls[i].items {
					ls[i].items[j].line += doc.line - 1
				}
			}
			for i := range fs {
				fs[i].line += doc.line - 1
			}
			lists, faults = append(lists, ls...), append(faults, fs...)
			continue
		}
		l, f := documentYAML(doc)
		if l != nil {
			lists = append(lists, *l)
		}
		if f != nil {
			faults = append(faults, *f)
		}
	}
	return lists, faults
}

// documents yields the documents of a YAML stream with their first lines.
func documents(data []byte) func(yield func(piece) bool) {
	return func(yield func(piece) bool) {
		start, startLine, line := 0, 1, 0
		for at := 0; at < len(data); {
			line++
			next := nextLine(data, at)
			text := data[at:next]
			if separates(text) {
				if !yield(piece{line: startLine, text: data[start:at]}) {
					return
				}
				start, startLine = at+3, line // what stands behind the dashes is of the next document
			}
			at = next
		}
		yield(piece{line: startLine, text: data[start:]})
	}
}

func nextLine(data []byte, at int) int {
	if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(data)
}

// separates reports whether a line ends a document.
func separates(line []byte) bool {
	if !bytes.HasPrefix(line, []byte("---")) && !bytes.HasPrefix(line, []byte("...")) {
		return false
	}
	return len(line) == 3 || strings.IndexByte(" \t\r\n", line[3]) >= 0
}

// blank reports whether there are only comments.
func blank(doc []byte) bool {
	for at := 0; at < len(doc); {
		next := nextLine(doc, at)
		line := bytes.TrimSpace(doc[at:next])
		if len(line) > 0 && line[0] != '#' {
			return false
		}
		at = next
	}
	return true
}

// documentYAML cuts a document: the items of a list, or the one object.
func documentYAML(doc piece) (*list, *fault) {
	head, items, found := cutItems(doc)
	if !found {
		return &list{items: []piece{doc}}, nil
	}
	var top struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Continue string `json:"continue"`
		} `json:"metadata"`
	}
	if err := yaml.Unmarshal(head, &top); err != nil {
		return &list{items: items}, &fault{line: doc.line, why: "the fields of the list cannot be read: " + yamlWords(err)}
	}
	if strings.HasPrefix("List", top.Kind) && top.Kind != "List" {
		// kubectl sorts the fields, so that a list's kind is behind its items.
		return &list{apiVersion: top.APIVersion, items: items}, &fault{line: doc.line, why: "the list has no kind, which stands at its end: the rest of the file is missing"}
	}
	if !isListKind(top.Kind) {
		return &list{items: []piece{doc}}, nil // an object that happens to have a field "items"
	}
	return &list{apiVersion: top.APIVersion, kind: top.Kind, cut: top.Metadata.Continue != "", items: items}, nil
}

// cutItems cuts a document's list of items at the lines that begin with a dash in the column of the
// first one. Whatever belongs to an item stands further to the right, block scalars included: YAML
// wants it so. head is the document without the items.
func cutItems(doc piece) (head []byte, items []piece, found bool) {
	data := doc.text
	column := -1
	inside := false
	begin, beginLine := -1, 0
	flush := func(end int) {
		if begin < 0 {
			return
		}
		text := bytes.Clone(data[begin:end])
		text[column] = ' ' // the dash: an item is then a document of its own
		items = append(items, piece{line: beginLine, text: text})
		begin = -1
	}
	line := doc.line - 1
	for at := 0; at < len(data); {
		line++
		next := nextLine(data, at)
		text := bytes.TrimRight(data[at:next], " \t\r\n")
		indent := len(text) - len(bytes.TrimLeft(text, " "))
		switch {
		case len(text) == 0 || text[indent] == '#' && indent == 0:
			// Of whatever is around it.
		case !inside && isItems(text):
			inside, found, column = true, true, -1
			at = next
			continue
		case inside && (column < 0 || indent == column) && isDash(text[indent:]):
			flush(at)
			column, begin, beginLine = indent, at, line
		case inside && indent == 0:
			flush(at)
			inside = false
		}
		if !inside {
			head = append(head, data[at:next]...)
		}
		at = next
	}
	flush(len(data))
	return head, items, found
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
