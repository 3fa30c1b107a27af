package act

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// undoOn fits an undo to the object that the change left. Taking the last key out of a map takes
// the map with it, since the API server does not store empty ones; a patch cannot add a key to a
// map that is not there, so the map is added with it.
func undoOn(object json.RawMessage, undo model.Change) (model.Change, error) {
	added := map[string]bool{}
	for i, f := range undo.Fields {
		at := strings.LastIndexByte(f.Path, '/')
		if f.Old != nil || at <= 0 {
			continue
		}
		parent, key := f.Path[:at], model.PointerSteps(f.Path[at:])[0]
		if _, there := lookup(object, parent); there || added[parent] {
			continue
		}
		whole, err := json.Marshal(map[string]json.RawMessage{key: f.New})
		if err != nil {
			return model.Change{}, fmt.Errorf("encode undo: %w", err)
		}
		undo.Fields[i] = model.FieldChange{Path: parent, New: whole}
		added[parent] = true
	}
	return undo, nil
}
