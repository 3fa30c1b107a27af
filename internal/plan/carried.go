package plan

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Carried says whether a change is in the cluster.
type Carried uint8

// The answers of [IsCarried].
const (
	Unclear Carried = iota // the object is neither as before nor as after the change
	Made                   // it is as after the change
	NotMade                // it is as before the change
)

// IsCarried tells from a later snapshot whether a change was made, for a run that was interrupted
// between announcing a change and recording it.
func IsCarried(s *snapshot.Snapshot, c model.Change) Carried {
	o, presence := s.Lookup(c.Target)
	if presence == snapshot.Unknown {
		return Unclear
	}
	there := presence == snapshot.Present && (c.UID == "" || c.Op == model.OpPatch || string(o.GetUID()) == c.UID)
	switch c.Op {
	case model.OpCreate:
		// One that somebody else has made meanwhile is theirs: taking it back would delete it.
		if presence == snapshot.Present && !written(o) {
			return Unclear
		}
		return either(presence == snapshot.Present)
	case model.OpDelete, model.OpEvict:
		if there && o.GetDeletionTimestamp() != nil {
			return Made
		}
		return either(!there)
	case model.OpPatch:
		if !there {
			return Unclear
		}
		return fieldsCarried(o, c.Fields)
	default:
		return Unclear
	}
}

// written reports whether gatemend has written an object, as the API server keeps the book: whoever creates one is the manager
// of its fields (Kubernetes documentation, "Server-Side Apply", section "Field management").
func written(o metav1.Object) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool {
		return m.Manager == model.OwnManager && m.Operation == metav1.ManagedFieldsOperationUpdate && m.Subresource == ""
	})
}

func either(made bool) Carried {
	if made {
		return Made
	}
	return NotMade
}

// fieldsCarried compares every field with its former and its new value.
func fieldsCarried(o any, fields []model.FieldChange) Carried {
	tree, ok := asJSON(o)
	if !ok {
		return Unclear
	}
	made, not := 0, 0
	for _, f := range fields {
		have := pointed(tree, model.PointerSteps(f.Path))
		if same(have, f.New) {
			made++
		} else if same(have, f.Old) {
			not++
		}
	}
	switch len(fields) {
	case 0:
		return Unclear
	case made:
		return Made
	case not:
		return NotMade
	default:
		return Unclear
	}
}

// pointed is the value at the steps of a JSON pointer, nil where there is none.
func pointed(v any, steps []string) any {
	for _, s := range steps {
		switch t := v.(type) {
		case map[string]any:
			v = t[s]
		case []any:
			i, err := strconv.Atoi(s)
			if err != nil || i < 0 || i >= len(t) {
				return nil
			}
			v = t[i]
		default:
			return nil
		}
	}
	return v
}

// same compares a value with JSON; absent is nil. The API server stores no empty map of labels or annotations,
// so that one is as good as none.
func same(have any, want json.RawMessage) bool {
	var w any
	if want != nil && json.Unmarshal(want, &w) != nil {
		return false
	}
	if m, ok := have.(map[string]any); ok && len(m) == 0 && w == nil {
		return true
	}
	return reflect.DeepEqual(have, w)
}

// Fit checks a change against a newer snapshot and gives it that snapshot's resource version. An
// error says that the world has moved on.
func Fit(s *snapshot.Snapshot, c model.Change) (model.Change, error) {
	planned := c.ResourceVersion
	c.ResourceVersion = ""
	if _, err := s.With(c); err != nil {
		return c, fmt.Errorf("the cluster has changed since the plan was made: %w", err)
	}
	if o, presence := s.Lookup(c.Target); planned != "" && presence == snapshot.Present {
		c.ResourceVersion = o.GetResourceVersion()
	}
	return c, nil
}
