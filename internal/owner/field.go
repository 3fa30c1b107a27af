package owner

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// OfField names the autoscaler that keeps a field of an object, whatever keeps the rest of it.
func OfField(s *snapshot.Snapshot, o metav1.Object, pointer string) (model.Owner, bool) {
	switch {
	case pointer == "/spec/replicas":
		return ofReplicas(s, o, pointer)
	case strings.HasPrefix(pointer, "/spec/template/spec/containers/") && strings.Contains(pointer, "/resources"):
		return ofResources(s, o, pointer)
	default:
		return model.Owner{}, false
	}
}

// ofReplicas is the HorizontalPodAutoscaler that names a workload, or the ScaledObject that keeps it.
func ofReplicas(s *snapshot.Snapshot, o metav1.Object, pointer string) (model.Owner, bool) {
	workload := snapshot.RefOf(o)
	for hpa := range s.HorizontalAutoscalers().In(o.GetNamespace()) {
		if t := hpa.Spec.ScaleTargetRef; t.Kind != workload.Kind || t.Name != workload.Name {
			continue
		}
		for _, r := range hpa.OwnerReferences {
			if r.Kind == "ScaledObject" && strings.HasPrefix(r.APIVersion, "keda.sh/") {
				return model.Owner{Tool: model.ToolKEDA, Name: r.Name, Object: workload, Field: pointer, Because: "it keeps " + snapshot.RefOf(hpa).String()}, true
			}
		}
		return model.Owner{Tool: model.ToolAutoscaler, Name: hpa.Name, Object: workload, Field: pointer, Because: snapshot.RefOf(hpa).String() + " sets the replicas"}, true
	}
	return model.Owner{}, false
}

// Manager is who wrote a field of an object last, by its managed fields (Kubernetes documentation,
// "Server-Side Apply", section "Field management"). ok is false where they do not say.
func Manager(o metav1.Object, pointer string) (manager model.FieldManager, ok bool) {
	data, err := snapshot.JSONOf(o)
	if err != nil {
		return model.FieldManager{}, false
	}
	var content any
	if json.Unmarshal(data, &content) != nil {
		return model.FieldManager{}, false
	}
	steps := model.PointerSteps(pointer)
	for _, m := range o.GetManagedFields() {
		var fields map[string]any
		if m.FieldsV1 == nil || m.Subresource == "status" || json.Unmarshal(m.FieldsV1.GetRawBytes(), &fields) != nil || !owns(fields, content, steps) {
			continue
		}
		found := model.FieldManager{Object: snapshot.RefOf(o), Field: pointer, Manager: m.Manager}
		if m.Time != nil {
			found.At = m.Time.UTC()
		}
		if !ok || found.At.After(manager.At) {
			manager, ok = found, true
		}
	}
	return manager, ok
}

// owns reports whether a set of managed fields has the field below some steps. An entry without entries of
// its own stands for all that is below it: atomic lists and maps are owned as a whole.
func owns(fields map[string]any, value any, steps []string) bool {
	if len(steps) == 0 {
		return true
	}
	key, child := "f:"+steps[0], any(nil)
	switch v := value.(type) {
	case map[string]any:
		child = v[steps[0]]
	case []any:
		i, ok := index(steps[0], len(v))
		if !ok {
			return false
		}
		child = v[i]
		key = itemKey(fields, child)
	}
	below, ok := fields[key].(map[string]any)
	return ok && (len(below) == 0 || owns(below, child, steps[1:]))
}

// itemKey finds the entry of a list's item among managed fields: by the keys that identify it, or by its
// value.
func itemKey(fields map[string]any, item any) string {
	for key := range fields {
		kind, text, _ := strings.Cut(key, ":")
		var want any
		if (kind != "k" && kind != "v") || json.Unmarshal([]byte(text), &want) != nil {
			continue
		}
		if kind == "v" && reflect.DeepEqual(want, item) || kind == "k" && includes(item, want) {
			return key
		}
	}
	return ""
}

// includes reports whether an object has all fields of another one.
func includes(item, want any) bool {
	has, ok := item.(map[string]any)
	keys, alsoOK := want.(map[string]any)
	if !ok || !alsoOK {
		return false
	}
	for k, v := range keys {
		if !reflect.DeepEqual(has[k], v) {
			return false
		}
	}
	return true
}

// index reads a step into a list of some length.
func index(step string, length int) (int, bool) {
	i, err := strconv.Atoi(step)
	return i, err == nil && i >= 0 && i < length
}
