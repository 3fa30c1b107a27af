package remedy

import (
	"testing"

	"github.com/gatemend/gatemend/internal/model"
)

func TestKubectlTestsWhatItReplaces(t *testing.T) {
	read, file := "7", ""
	for name, tc := range map[string]struct {
		version string
		field   model.FieldChange
		want    string
	}{
		"another value": {file, model.FieldChange{Path: "/spec/a", Old: []byte(`1`), New: []byte(`2`)},
			`[{"op":"test","path":"/spec/a","value":1},{"op":"replace","path":"/spec/a","value":2}]`},
		"a field goes": {file, model.FieldChange{Path: "/spec/a", Old: []byte(`{"b":1}`)},
			`[{"op":"test","path":"/spec/a","value":{"b":1}},{"op":"remove","path":"/spec/a"}]`},
		"a field comes": {read, model.FieldChange{Path: "/spec/a", New: []byte(`2`)},
			`[{"op":"test","path":"/spec/a","value":null},{"op":"add","path":"/spec/a","value":2}]`},
		"a field that a file leaves out may have its default": {file, model.FieldChange{Path: "/spec/a", New: []byte(`2`)},
			`[{"op":"add","path":"/spec/a","value":2}]`},
		"an element comes into a list": {read, model.FieldChange{Path: "/spec/a/1", New: []byte(`2`)},
			`[{"op":"add","path":"/spec/a/1","value":2}]`},
		"an element comes to the end of a list": {read, model.FieldChange{Path: "/spec/a/-", New: []byte(`2`)},
			`[{"op":"add","path":"/spec/a/-","value":2}]`},
	} {
		c := model.Change{Op: model.OpPatch, Target: model.Ref{Kind: "Service", Namespace: "shop", Name: "cart"}, ResourceVersion: tc.version, Fields: []model.FieldChange{tc.field}}
		want := "kubectl patch service/cart -n shop --type=json -p='" + tc.want + "'"
		if got := Kubectl([]model.Change{c}); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
