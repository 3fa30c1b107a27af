package act

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/gatemend/gatemend/internal/model"
)

// stale finds out whether a refused change was refused because the object is not as it was planned
// on; nil if it is. The API server answers 422 both for a failed test of a patch and for a value
// that is not valid, with words that differ between versions, so the object itself is asked.
func (a *Actor) stale(ctx context.Context, c model.Change, s metav1.Status, api dynamic.ResourceInterface) *StaleError {
	e := &StaleError{Object: c.Target, Planned: planned(c)}
	now, err := api.Get(ctx, c.Target.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && c.Op == model.OpCreate:
		return nil // as it was planned
	case apierrors.IsNotFound(err):
		e.Because = "it does not exist any more"
		return e
	case err != nil:
		// It cannot be asked; a conflict is certain, an invalid value is only likely.
		if s.Reason == metav1.StatusReasonConflict {
			e.Because = s.Message
			return e
		}
		return nil
	}
	if e.Found = now.GetResourceVersion(); c.Op == model.OpCreate {
		e.Because = existsAgain
		return e
	}
	e.Because = moved(c, now)
	if e.Because == "" && s.Reason == metav1.StatusReasonConflict {
		e.Because = s.Message
	}
	if e.Because == "" {
		return nil
	}
	return e
}

// existsAgain is what has moved when an object that was to be created is there.
const existsAgain = "it exists again"

// moved says in what an object differs from what a change expects, empty if in nothing.
func moved(c model.Change, now *unstructured.Unstructured) string {
	if c.UID != "" && c.UID != string(now.GetUID()) {
		return "it was deleted and created anew"
	}
	data, err := now.MarshalJSON()
	if err != nil {
		return ""
	}
	for _, f := range c.Fields {
		if f.Old == nil {
			continue
		}
		if found, same := compare(data, f); !same {
			return fmt.Sprintf("%s was %s and is now %s", f.Path, f.Old, found)
		}
	}
	if c.ResourceVersion != "" && c.ResourceVersion != now.GetResourceVersion() {
		return fmt.Sprintf("planned on version %s, found version %s", c.ResourceVersion, now.GetResourceVersion())
	}
	return ""
}

// compare looks a field up and compares it with its former value.
func compare(object []byte, f model.FieldChange) (found string, same bool) {
	value, ok := lookup(object, f.Path)
	if !ok {
		return "absent", false
	}
	return string(value), jsonpatch.Equal(value, f.Old)
}

// lookup finds the value at a JSON pointer.
func lookup(object []byte, pointer string) (json.RawMessage, bool) {
	value := json.RawMessage(object)
	if pointer == "" {
		return value, true
	}
	for _, part := range model.PointerSteps(pointer) {
		var fields map[string]json.RawMessage
		if json.Unmarshal(value, &fields) == nil {
			next, ok := fields[part]
			if !ok {
				return nil, false
			}
			value = next
			continue
		}
		var items []json.RawMessage
		i, err := strconv.Atoi(part)
		if json.Unmarshal(value, &items) != nil || err != nil || i < 0 || i >= len(items) {
			return nil, false
		}
		value = items[i]
	}
	return value, true
}

// budget is the name of the PodDisruptionBudget that forbids an eviction. The API server tells it
// only in a sentence: "The disruption budget NAME needs 2 healthy pods and has 2 currently".
func budget(s metav1.Status) string {
	if s.Details == nil {
		return ""
	}
	for _, cause := range s.Details.Causes {
		if cause.Type != policyv1.DisruptionBudgetCause {
			continue
		}
		if _, rest, ok := strings.Cut(cause.Message, "disruption budget "); ok {
			name, _, _ := strings.Cut(rest, " ")
			return name
		}
	}
	return ""
}
