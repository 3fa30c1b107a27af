package act

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
)

func TestUndoOn(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	undo := model.Change{Op: model.OpPatch, Fields: []model.FieldChange{
		{Path: "/metadata/annotations/a~1b", New: raw(`"1"`)},
		{Path: "/metadata/annotations/c", New: raw(`"2"`)},
		{Path: "/spec/selector/app", New: raw(`"cart"`)},
		{Path: "/spec/replicas", Old: raw(`3`), New: raw(`0`)},
	}}
	got, err := undoOn(raw(`{"metadata":{},"spec":{"selector":{"tier":"web"}}}`), undo)
	if err != nil {
		t.Fatal(err)
	}
	want := []model.FieldChange{
		{Path: "/metadata/annotations", New: raw(`{"a/b":"1"}`)},
		{Path: "/metadata/annotations/c", New: raw(`"2"`)},
		{Path: "/spec/selector/app", New: raw(`"cart"`)},
		{Path: "/spec/replicas", Old: raw(`3`), New: raw(`0`)},
	}
	if diff := cmp.Diff(want, got.Fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}
