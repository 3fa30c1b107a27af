package diagnose

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// piece is an object of a kind without a table of its own, or a part of one. What is not there, or of
// another type than asked for, is empty.
type piece struct {
	ref    model.Ref
	object *unstructured.Unstructured // of the whole
	fields map[string]any
}

// all lists the objects of a kind whose API group ends in that name.
func (v *view) all(group, kind string) []piece {
	if v.kinds == nil {
		v.kinds = map[string][]piece{}
		for u := range v.s.Others().All() {
			v.kinds[u.GetKind()] = append(v.kinds[u.GetKind()], piece{ref: snapshot.RefOf(u), object: u, fields: u.Object})
		}
	}
	var out []piece
	for _, c := range v.kinds[kind] {
		if g, _, _ := strings.Cut(c.ref.APIVersion, "/"); strings.HasSuffix(g, group) {
			out = append(out, c)
		}
	}
	return out
}

// at gives the part of an object under field names.
func (c piece) at(names ...string) piece {
	for _, n := range names {
		next, ok := c.fields[n].(map[string]any)
		if !ok {
			return piece{ref: c.ref, object: c.object}
		}
		c.fields = next
	}
	return c
}

// text reads a string; numbers and truths in JSON's form are none.
func (c piece) text(names ...string) string {
	s, ok := c.at(names[:len(names)-1]...).fields[names[len(names)-1]].(string)
	if !ok {
		return ""
	}
	return s
}

// number reads a whole number, in any form in which decoders leave it.
func (c piece) number(name string) int64 {
	switch n := c.fields[name].(type) {
	case int64:
		return n
	case int:
		return int64(n)
	case float64:
		return int64(n)
	default:
		return 0
	}
}

// has reports whether a field is written, be it empty.
func (c piece) has(name string) bool { _, ok := c.fields[name]; return ok }

// list gives the objects in a list.
func (c piece) list(names ...string) []piece {
	items, ok := c.at(names[:len(names)-1]...).fields[names[len(names)-1]].([]any)
	if !ok {
		return nil
	}
	out := make([]piece, len(items))
	for i, item := range items {
		fields, ok := item.(map[string]any)
		if !ok {
			fields = nil
		}
		out[i] = piece{ref: c.ref, object: c.object, fields: fields}
	}
	return out
}

// texts gives the strings in a list.
func (c piece) texts(names ...string) []string {
	items, ok := c.at(names[:len(names)-1]...).fields[names[len(names)-1]].([]any)
	if !ok {
		return nil
	}
	var out []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// labels gives a map of strings.
func (c piece) labels(names ...string) map[string]string {
	out := map[string]string{}
	for k, v := range c.at(names...).fields {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	return out
}

// condition finds a condition in the object's status.
func (c piece) condition(kind string) (piece, bool) {
	for _, x := range c.list("status", "conditions") {
		if x.text("type") == kind {
			return x, true
		}
	}
	return piece{}, false
}
