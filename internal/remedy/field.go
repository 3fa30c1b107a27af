package remedy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// tree is an object's JSON form. Numbers keep their digits.
func tree(o any) (any, error) {
	data, err := json.Marshal(o)
	if m, ok := o.(metav1.Object); ok {
		data, err = snapshot.JSONOf(m)
	}
	if err != nil {
		return nil, err
	}
	return decode(data)
}

func decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("read value: %w", err)
	}
	return v, nil
}

// encode is the JSON of a value that came from JSON; such a value always encodes.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil
	}
	return bytes.TrimSpace(b.Bytes())
}

// step goes one step down. ok is false when there is nothing, or null, which the API server writes
// as an absent field.
func step(v any, token string) (child any, ok bool) {
	switch v := v.(type) {
	case map[string]any:
		child = v[token]
	case []any:
		i, err := strconv.Atoi(token)
		if err != nil || i < 0 || i >= len(v) {
			return nil, false
		}
		child = v[i]
	}
	return child, child != nil
}

// lookup finds the value at a path.
func lookup(v any, path []string) (any, bool) {
	for _, t := range path {
		var ok bool
		if v, ok = step(v, t); !ok {
			return nil, false
		}
	}
	return v, true
}

// set is the change that gives the field at path a value; nil removes it. Where a map on the way
// does not exist the change adds it whole, since JSON Patch adds no parents (RFC 6902, section 4.1).
// ok is false when the field has that value already, or when a list on the way is too short.
func set(root any, path []string, value any) (change model.FieldChange, ok bool) {
	at := root
	for i, t := range path {
		child, there := step(at, t)
		if there && i < len(path)-1 {
			at = child
			continue
		}
		if there {
			if reflect.DeepEqual(child, value) {
				return model.FieldChange{}, false
			}
			change = model.FieldChange{Path: pointer(path), Old: encode(child)}
			if value != nil {
				change.New = encode(value)
			}
			return change, true
		}
		if _, list := at.([]any); list || value == nil {
			return model.FieldChange{}, false
		}
		for j := len(path) - 1; j > i; j-- {
			value = map[string]any{path[j]: value}
		}
		return model.FieldChange{Path: pointer(path[:i+1]), New: encode(value)}, true
	}
	return model.FieldChange{}, false
}

// compare lists the changes that make have, which stands at path at, into want: maps field by
// field, lists of one length item by item, everything else as a whole.
func compare(at []string, have, want any) []model.FieldChange {
	if reflect.DeepEqual(have, want) {
		return nil
	}
	switch h := have.(type) {
	case map[string]any:
		if w, ok := want.(map[string]any); ok {
			return compareMaps(at, h, w)
		}
	case []any:
		if w, ok := want.([]any); ok && len(w) == len(h) {
			var out []model.FieldChange
			for i := range h {
				out = append(out, compare(below(at, strconv.Itoa(i)), h[i], w[i])...)
			}
			return out
		}
	}
	c := model.FieldChange{Path: pointer(at)}
	if have != nil {
		c.Old = encode(have)
	}
	if want != nil {
		c.New = encode(want)
	}
	return []model.FieldChange{c}
}

func compareMaps(at []string, have, want map[string]any) []model.FieldChange {
	keys := map[string]bool{}
	for k := range have {
		keys[k] = true
	}
	for k := range want {
		keys[k] = true
	}
	var out []model.FieldChange
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		out = append(out, compare(below(at, k), have[k], want[k])...)
	}
	return out
}

// below is a path one step down, in memory of its own.
func below(at []string, token string) []string { return append(slices.Clip(slices.Clone(at)), token) }
