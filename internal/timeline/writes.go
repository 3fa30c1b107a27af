package timeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/redact"
)

// fewFields is how many fields a manager may own for its last write to be said field by field. Tools that
// patch own what they patched; those that apply whole objects own all of them, and which one they
// changed last is not recorded.
const fewFields = 4

// longValue is how much of a value is shown.
const longValue = 60

// Writes lists who wrote an object, and when, by its managed fields: each manager's last write, with the
// fields that it owns where they are few. What controllers write into status is left out. Of each
// entry of metadata.managedFields this needs manager, operation, subresource, time and fieldsV1; a source
// that takes one of them away takes the author of a change away.
func Writes(o metav1.Object) []model.Changed {
	var out []model.Changed
	var content map[string]any
	born := o.GetCreationTimestamp().Time
	for _, m := range o.GetManagedFields() {
		if m.Time == nil || m.Manager == "" || m.Subresource != "" && m.Subresource != "scale" || m.FieldsV1 == nil {
			continue
		}
		if content == nil {
			content = contentOf(o)
		}
		fields := owned(m.FieldsV1.GetRawBytes(), content)
		if len(fields) == 0 {
			continue
		}
		base := model.Changed{At: m.Time.Time, Object: snapshot.RefOf(o), Who: m.Manager}
		switch {
		case m.Time.Time.Sub(born).Abs() <= time.Second:
			base.What = "created it"
			out = append(out, base)
		case len(fields) > fewFields:
			base.Field = common(fields)
			base.What = strings.TrimSpace("wrote " + base.Field)
			if base.Field == "" {
				base.What = "wrote it"
			}
			out = append(out, base)
		default:
			for _, f := range fields {
				c := base
				c.Field, c.What, c.New = f.path, "changed "+f.path, f.value
				out = append(out, c)
			}
		}
	}
	return out
}

// field is a leaf that a manager owns.
type field struct{ path, value string }

// contentOf is what an object says, without what may be secret.
func contentOf(o metav1.Object) map[string]any {
	data, err := redact.Object(o)
	if err != nil {
		return nil // then values and list indexes are not shown
	}
	var content map[string]any
	if err := utiljson.Unmarshal(data, &content); err != nil { // it keeps whole numbers whole
		return nil
	}
	return content
}

// owned lists the leaves of a fieldsV1 that say what an object is for: not its status, nor the notes that
// controllers and kubectl keep on it.
func owned(raw []byte, content map[string]any) []field {
	var out []field
	walkFields(raw, content, "", 0, &out)
	return slices.DeleteFunc(out, func(f field) bool {
		return strings.HasPrefix(f.path, "status") ||
			strings.HasPrefix(f.path, "metadata") && !strings.HasPrefix(f.path, "metadata.labels") && !strings.HasPrefix(f.path, "metadata.annotations[") ||
			strings.Contains(f.path, "kubectl.kubernetes.io/") || strings.Contains(f.path, "deployment.kubernetes.io/")
	})
}

// deep bounds the nesting that is followed: no Kubernetes object is as deep.
const deep = 40

// walkFields follows fieldsV1 (kubernetes, structured-merge-diff: f: a field, k: an item by its keys, v: an
// item by its value, ".": the node itself) beside the object's content.
func walkFields(raw []byte, value any, path string, depth int, out *[]field) {
	var node map[string]json.RawMessage
	if depth > deep || json.Unmarshal(raw, &node) != nil {
		return
	}
	leaf := true
	for _, k := range slices.Sorted(maps.Keys(node)) {
		if k == "." {
			continue
		}
		next, below, ok := step(k, value, path)
		if !ok {
			continue
		}
		leaf = false
		walkFields(node[k], below, next, depth+1, out)
	}
	if leaf && path != "" {
		*out = append(*out, field{path, brief(value)})
	}
}

// step takes one key of fieldsV1 as kubectl explain writes it.
func step(key string, value any, path string) (next string, below any, ok bool) {
	kind, name, found := strings.Cut(key, ":")
	if !found {
		return "", nil, false
	}
	switch kind {
	case "f":
		if m, is := value.(map[string]any); is {
			below = m[name]
		}
		switch {
		case path == "":
			return name, below, true
		case strings.ContainsAny(name, "./") || path == "metadata.annotations":
			return fmt.Sprintf("%s['%s']", path, name), below, true
		}
		return path + "." + name, below, true
	case "k":
		list, _ := value.([]any)
		var keys map[string]any
		if json.Unmarshal([]byte(name), &keys) != nil {
			return "", nil, false
		}
		for i, item := range list {
			if m, is := item.(map[string]any); is && holds(m, keys) {
				return fmt.Sprintf("%s[%d]", path, i), item, true
			}
		}
		return path + "[]", nil, true
	default:
		return "", nil, false
	}
}

// holds reports whether an item has the keys by which a list knows it.
func holds(item, keys map[string]any) bool {
	for k, v := range keys {
		if fmt.Sprint(item[k]) != fmt.Sprint(v) {
			return false
		}
	}
	return true
}

// common is the longest path that all fields are below; empty if there is none.
func common(fields []field) string {
	parts := strings.Split(fields[0].path, ".")
	for _, f := range fields[1:] {
		other := strings.Split(f.path, ".")
		n := 0
		for n < min(len(parts), len(other)) && parts[n] == other[n] {
			n++
		}
		parts = parts[:n]
	}
	return strings.Join(parts, ".")
}

// brief is a value in one short line; of what is not a single value nothing.
func brief(v any) string {
	switch v.(type) {
	case nil, map[string]any, []any:
		return ""
	}
	text := strings.ReplaceAll(fmt.Sprint(v), "\n", " ")
	if len(text) > longValue {
		return text[:longValue] + "..."
	}
	return text
}
