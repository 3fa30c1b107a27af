package owner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// descend finds the node at some steps below a document's root, nil if there is none. Lists of a manifest are
// shorter than those in the cluster, where controllers add to them: their items are found by what identifies
// them in the live object.
func descend(n *yaml.Node, live any, steps []string) *yaml.Node {
	for _, step := range steps {
		var child *yaml.Node
		child, live = stepDown(n, live, step)
		if child == nil {
			return nil
		}
		n = child
	}
	return n
}

// stepDown goes one step down, in the manifest and in the live object.
func stepDown(n *yaml.Node, live any, step string) (*yaml.Node, any) {
	switch n.Kind {
	case yaml.MappingNode:
		fields, _ := live.(map[string]any)
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i+1], fields[step]
			}
		}
		return nil, fields[step]
	case yaml.SequenceNode:
		items, _ := live.([]any)
		i, ok := index(step, len(items))
		if !ok {
			return nil, nil
		}
		return itemOf(n, items, i), items[i]
	default:
		return nil, nil
	}
}

// itemOf finds in a list of a manifest the item that is item i in the cluster: by a field that names it, or by its
// place in lists of one length.
func itemOf(list *yaml.Node, items []any, i int) *yaml.Node {
	item, _ := items[i].(map[string]any)
	for _, key := range []string{"name", "containerPort", "port", "host", "path", "key"} {
		want, ok := item[key]
		if !ok {
			continue
		}
		var found []*yaml.Node
		for _, n := range list.Content {
			if v := descend(n, nil, []string{key}); v != nil && v.Kind == yaml.ScalarNode && v.Value == fmt.Sprint(want) {
				found = append(found, n)
			}
		}
		if len(found) == 1 {
			return found[0]
		}
	}
	if len(list.Content) == len(items) {
		return list.Content[i]
	}
	return nil
}

// equal compares a node with JSON.
func equal(n *yaml.Node, value json.RawMessage) bool {
	var have, want any
	if n.Decode(&have) != nil || json.Unmarshal(value, &want) != nil {
		return false
	}
	data, err := json.Marshal(have)
	var again any
	return err == nil && json.Unmarshal(data, &again) == nil && reflect.DeepEqual(again, want)
}

// replaceBelow sets or removes what is not a scalar for a scalar. Maps on the way that do not exist are made.
func replaceBelow(root *yaml.Node, live any, steps []string, value json.RawMessage) error {
	n := root
	for i, step := range steps {
		last := i == len(steps)-1
		child, below := stepDown(n, live, step)
		switch {
		case child != nil && !last:
		case last && value == nil:
			remove(n, child)
			return nil
		case last && child != nil:
			return assign(child, value)
		case n.Kind != yaml.MappingNode:
			return notInSource("line %d has no item that is item %s in the cluster", n.Line, step)
		default:
			child = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			if last {
				if err := assign(child, value); err != nil {
					return err
				}
			}
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: step}, child)
			if last {
				return nil
			}
		}
		n, live = child, below
	}
	return nil
}

// assign gives a node a value.
func assign(n *yaml.Node, value json.RawMessage) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(value, &doc); err != nil || len(doc.Content) != 1 {
		return notInSource("the value %s cannot be written", value)
	}
	plainStyle(doc.Content[0])
	comments := *n
	*n = *doc.Content[0]
	n.HeadComment, n.LineComment, n.FootComment = comments.HeadComment, comments.LineComment, comments.FootComment
	return nil
}

// plainStyle takes JSON's braces and quotes away.
func plainStyle(n *yaml.Node) {
	n.Style &^= yaml.FlowStyle | yaml.DoubleQuotedStyle
	for _, c := range n.Content {
		plainStyle(c)
	}
}

// remove takes a child out of its parent.
func remove(parent, child *yaml.Node) {
	i := slices.Index(parent.Content, child)
	switch {
	case i < 0:
	case parent.Kind == yaml.MappingNode:
		parent.Content = slices.Delete(parent.Content, i-1, i+1)
	default:
		parent.Content = slices.Delete(parent.Content, i, i+1)
	}
}

// splice is an exchange of some bytes of a text.
type splice struct {
	from, to int
	text     string
}

// spliceOf is the exchange of a scalar on one line by another one; ok is false where the text is not as simple
// as that.
func spliceOf(text []byte, old, next *yaml.Node) (s splice, ok bool) {
	out, err := yaml.Marshal(next)
	if err != nil {
		return splice{}, false
	}
	from := offset(text, old.Line, old.Column)
	raw := old.Value
	switch old.Style &^ yaml.TaggedStyle {
	case yaml.DoubleQuotedStyle:
		raw = `"` + raw + `"`
	case yaml.SingleQuotedStyle:
		raw = "'" + strings.ReplaceAll(raw, "'", "''") + "'"
	case 0:
	default: // text over several lines
		return splice{}, false
	}
	if from < 0 || !bytes.HasPrefix(text[from:], []byte(raw)) || old.Style&yaml.TaggedStyle != 0 || strings.Contains(strings.TrimSpace(string(out)), "\n") {
		return splice{}, false
	}
	return splice{from, from + len(raw), strings.TrimSpace(string(out))}, true
}

// offset is where a line and column are in a text, both counted from 1 and columns in characters.
func offset(text []byte, line, column int) int {
	at := 0
	for range line - 1 {
		next := bytes.IndexByte(text[at:], '\n')
		if next < 0 {
			return -1
		}
		at += next + 1
	}
	for range column - 1 {
		if at >= len(text) {
			return -1
		}
		_, size := utf8.DecodeRune(text[at:])
		at += size
	}
	return at
}

// spliced makes exchanges, which do not overlap.
func spliced(text []byte, all []splice) []byte {
	slices.SortFunc(all, func(a, b splice) int { return a.from - b.from })
	var out []byte
	at := 0
	for _, s := range all {
		if s.from < at {
			return nil
		}
		out = append(append(out, text[at:s.from]...), s.text...)
		at = s.to
	}
	return append(out, text[at:]...)
}
