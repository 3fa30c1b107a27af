package audit

import (
	"encoding/json"
	"maps"
	"strings"
)

// effect is what a write does to fields: the values before and after, by JSON pointer, as JSON; "" is no value. Maps
// are taken apart, so that a map that was added and keys that are taken out one by one meet.
type effect map[string]change

type change struct{ before, after string }

// whole stands for an object as a whole, gone for a pod that was evicted.
const (
	whole = ""
	gone  = "(evicted)"
)

// managed is where an object names the managers of its fields.
const managed = "/metadata/managedFields"

// Releases reports whether a write sets nothing but who manages the fields of an object.
func (e Entry) Releases() bool {
	effect, ok := effectOf(e)
	_, releases := effect[managed]
	return ok && releases && len(effect) == 1
}

// patchOp is an operation of a JSON Patch (RFC 6902).
type patchOp struct {
	Op    string          `json:"op"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// effectOf reads the effect of a write; ok is false where the log does not tell it.
func effectOf(e Entry) (effect, bool) {
	switch {
	case e.Verb == "create" && e.Subresource == "eviction":
		return effect{gone: {after: "true"}}, true
	case e.Verb == "create":
		return effect{whole: {after: "true"}}, true
	case e.Verb == "delete":
		return effect{whole: {before: "true"}}, true
	case e.Verb != "patch":
		return nil, false
	}
	var ops []patchOp
	if json.Unmarshal(e.Body, &ops) != nil {
		return nil, false // another form of patch, which says nothing of what was before
	}
	return effectOfPatch(ops)
}

func effectOfPatch(ops []patchOp) (effect, bool) {
	before, after := map[string]string{}, map[string]string{}
	for _, op := range ops {
		switch op.Op {
		case "test":
			leaves(op.Path, op.Value, before)
		case "add", "replace":
			leaves(op.Path, op.Value, after)
		case "remove":
			after[op.Path] = ""
		default:
			return nil, false
		}
	}
	out := effect{}
	for path, v := range after {
		if v != "" {
			out[path] = change{before: before[path], after: v}
			continue
		}
		for p, was := range before { // what was tested there is gone
			if p == path || strings.HasPrefix(p, path+"/") {
				out[p] = change{before: was}
			}
		}
	}
	for path, was := range before { // a map that was replaced by one that lacks a key
		if _, set := out[path]; !set && within(path, ops) {
			out[path] = change{before: was}
		}
	}
	maps.DeleteFunc(out, func(_ string, c change) bool { return c.before == c.after })
	return out, true
}

// within reports whether a path lies below one that is replaced.
func within(path string, ops []patchOp) bool {
	for _, op := range ops {
		if op.Op == "replace" && strings.HasPrefix(path, op.Path+"/") {
			return true
		}
	}
	return false
}

// leaves takes a value apart into the values that are no maps. Lists are whole, and so is an empty map.
func leaves(path string, value json.RawMessage, into map[string]string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) == nil && len(fields) > 0 {
		escape := strings.NewReplacer("~", "~0", "/", "~1")
		for k, v := range fields {
			leaves(path+"/"+escape.Replace(k), v, into)
		}
		return
	}
	into[path] = canonical(value)
}

// canonical writes a JSON value in the one form in which equal values are equal texts.
func canonical(value json.RawMessage) string {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return string(value)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(value)
	}
	return string(out)
}

// same reports whether two effects leave the same behind.
func (e effect) same(o effect) bool {
	return maps.EqualFunc(e, o, func(a, b change) bool { return a.after == b.after })
}

// undoes reports whether an effect takes another one back.
func (e effect) undoes(o effect) bool {
	return len(e) > 0 && maps.EqualFunc(e, o, func(a, b change) bool { return a.after == b.before })
}
