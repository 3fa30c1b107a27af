package remedy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"pgregory.net/rapid"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func TestSetAddsMissingParents(t *testing.T) {
	root, err := decode([]byte(`{"metadata":{"name":"x","labels":null},"spec":{"ports":[{"port":80}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		path  []string
		value any
		want  string // empty: no change
	}{
		{"a map that is not there", []string{"metadata", "annotations", "a/b"}, "1", `{"path":"/metadata/annotations","new":{"a/b":"1"}}`},
		{"a map that is null", []string{"metadata", "labels", "a"}, "1", `{"path":"/metadata/labels","new":{"a":"1"}}`},
		{"several levels", []string{"spec", "a", "b", "c"}, true, `{"path":"/spec/a","new":{"b":{"c":true}}}`},
		{"a field that is there", []string{"spec", "ports", "0", "port"}, json.Number("81"), `{"path":"/spec/ports/0/port","old":80,"new":81}`},
		{"a field of an item", []string{"spec", "ports", "0", "name"}, "http", `{"path":"/spec/ports/0/name","new":"http"}`},
		{"removal", []string{"metadata", "name"}, nil, `{"path":"/metadata/name","old":"x"}`},
		{"the same value", []string{"metadata", "name"}, "x", ""},
		{"an item that is not there", []string{"spec", "ports", "1", "port"}, json.Number("81"), ""},
		{"removal of what is not there", []string{"spec", "x"}, nil, ""},
	} {
		got, ok := set(root, tc.path, tc.value)
		if data, _ := json.Marshal(got); ok != (tc.want != "") || ok && string(data) != tc.want {
			t.Errorf("%s: got %s, %v; want %s", tc.name, data, ok, tc.want)
		}
	}
}

// TestCompareMakesOneOfTheOther: the difference of two values, applied to the one, gives the other,
// and its inverse gives the first back.
func TestCompareMakesOneOfTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := object3(t, 3, "a"), object3(t, 3, "b")
		change := model.Change{Op: model.OpPatch, Fields: compare(nil, any(a), any(b))}
		if len(change.Fields) == 1 && change.Fields[0].Path == "" {
			return // roots of different kinds
		}
		there := patched(t, encode(a), change)
		if string(there) != string(encode(b)) {
			t.Fatalf("%s with %+v is %s, want %s", encode(a), change.Fields, there, encode(b))
		}
		inverse, ok := change.Inverse()
		if !ok {
			t.Fatal("a patch without an inverse")
		}
		if back := patched(t, there, inverse); string(back) != string(encode(a)) {
			t.Fatalf("back is %s, want %s", back, encode(a))
		}
	})
}

func patched(t *rapid.T, doc []byte, c model.Change) []byte {
	if len(c.Fields) == 0 {
		return doc
	}
	ops, err := snapshot.JSONPatch(c)
	if err != nil {
		t.Fatal(err)
	}
	p, err := jsonpatch.DecodePatch(ops)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Apply(doc)
	if err != nil {
		t.Fatalf("apply %s to %s: %v", ops, doc, err)
	}
	v, err := decode(out)
	if err != nil {
		t.Fatal(err)
	}
	return encode(v)
}

// object3 draws a JSON object as API objects are: without null.
func object3(t *rapid.T, depth int, label string) map[string]any {
	keys := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b/c", "d~e", "f"}), 0, 4, rapid.ID[string]).Draw(t, label)
	out := map[string]any{}
	for _, k := range keys {
		out[k] = value(t, depth-1, label+k)
	}
	return out
}

func value(t *rapid.T, depth int, label string) any {
	kind := rapid.IntRange(0, 4).Draw(t, label)
	switch {
	case kind == 0 && depth > 0:
		return object3(t, depth, label)
	case kind == 1 && depth > 0:
		var list []any
		for range rapid.IntRange(1, 3).Draw(t, label) {
			list = append(list, value(t, depth-1, label))
		}
		return list
	case kind == 2:
		return rapid.Bool().Draw(t, label)
	case kind == 3:
		return json.Number("1")
	default:
		return rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, label)
	}
}

func TestUndoLeavesOthersAnnotationsAlone(t *testing.T) {
	added := model.Change{Op: model.OpPatch, Fields: []model.FieldChange{{Path: "/metadata/annotations", New: []byte(`{"a/b":"1"}`)}}}
	undo := Undo([]model.Change{added})
	p, err := snapshot.JSONPatch(undo[0])
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := patch.Apply([]byte(`{"metadata":{"annotations":{"a/b":"1","other":"2"}}}`))
	if err != nil || string(got) != `{"metadata":{"annotations":{"other":"2"}}}` {
		t.Errorf("got %s, %v; want the other annotation left", got, err)
	}
}

func TestActions(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range All() {
		if a.Name == "" || seen[a.Name] || a.Doc == "" || a.Doc[len(a.Doc)-1] != '.' || a.When == "" || a.Reach == "" || a.Back == "" || a.Risk == "" || a.Candidates == nil {
			t.Errorf("action %q is not complete, or listed twice", a.Name)
		}
		seen[a.Name] = true
	}
	used := map[string]bool{}
	for _, c := range catalogue.Causes() {
		for _, name := range c.Actions {
			if !seen[name] {
				t.Errorf("%s names the action %s, which there is not", c.ID, name)
			}
			used[name] = true
		}
	}
	for name := range seen {
		if !used[name] {
			t.Errorf("no cause leads to %s", name)
		}
	}
}

// TestEveryCauseLeadsSomewhere: either gatemend has a repair, or the cause's page says what a person does.
func TestEveryCauseLeadsSomewhere(t *testing.T) {
	for _, c := range catalogue.Causes() {
		hands := !slices.ContainsFunc(c.Actions, func(name string) bool { a, _ := Named(name); return !a.ByHand })
		if hands && len(strings.Fields(c.Fix())) < 3 {
			t.Errorf("%s: no machine mends it, and its page does not say what a person should do: %q", c.ID, c.Fix())
		}
		if hands && c.Machine == model.MachineFix {
			t.Errorf("%s: the catalogue says that a machine may fix it, and none can", c.ID)
		}
	}
}

func TestQuote(t *testing.T) {
	if got, want := quote("it's"), `'it'\''s'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
