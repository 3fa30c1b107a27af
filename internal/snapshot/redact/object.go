package redact

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// lastApplied repeats the whole object as it was applied, secrets included.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Object is the JSON form of an object without what may be secret, and without what only the API
// server reads. The object itself is not touched.
func Object(o metav1.Object) ([]byte, error) {
	data, err := snapshot.JSONOf(o)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("redact %s: %w", snapshot.RefOf(o), err)
	}
	kind := snapshot.KindOf(o)
	if meta, ok := fields["metadata"].(map[string]any); ok {
		delete(meta, "managedFields")
		annotations(meta)
	}
	switch kind {
	case snapshot.ConfigMaps:
		configMap(fields)
	case snapshot.Secrets:
		values(fields, "data")
		values(fields, "stringData")
	default:
		w := walker{byField: kind == snapshot.Other}
		for part, v := range fields { // custom resources keep what they say where they like: a KongPlugin has a config
			if !slices.Contains([]string{"apiVersion", "kind", "metadata"}, part) {
				fields[part] = w.value(part, v)
			}
		}
	}
	return json.Marshal(fields)
}

// annotations cleans the annotations of an object.
func annotations(meta map[string]any) {
	all, ok := meta["annotations"].(map[string]any)
	if !ok {
		return
	}
	delete(all, lastApplied)
	for name, v := range all {
		text, ok := v.(string)
		if !ok {
			continue
		}
		_, base, found := strings.Cut(name, "/")
		if !found {
			base = name
		}
		// nginx.ingress.kubernetes.io/auth-secret and its like name a Secret: "shop/basic-auth".
		if Secret(base) && !strings.HasSuffix(base, "-secret") {
			all[name] = Removed
			continue
		}
		all[name] = Line(text)
	}
	if len(all) == 0 {
		delete(meta, "annotations")
	}
}

// neededKeys are the keys of ConfigMaps that a diagnosis reads: CoreDNS's configuration, and how controllers have
// the lines of their logs written.
func neededKeys() []string {
	return []string{"Corefile", "log-format", "log-format-escaping", "log-format-upstream", "log-format-escape-json", "log-format-escape-none", "http-log-format"}
}

// configMap takes the values out and leaves the keys: whether a key is there is what pods fail on,
// and values hold anything.
func configMap(fields map[string]any) {
	if data, ok := fields["data"].(map[string]any); ok {
		for key, v := range data {
			if text, ok := v.(string); ok && slices.Contains(neededKeys(), key) {
				data[key] = Line(text)
				continue
			}
			data[key] = Removed
		}
	}
	values(fields, "binaryData")
}

// values empties a map of encoded values and leaves the keys.
func values(fields map[string]any, part string) {
	data, ok := fields[part].(map[string]any)
	if !ok {
		return
	}
	for key := range data {
		data[key] = ""
	}
}

// Value is a part of an object of Kubernetes, as encoding/json decodes it, without what may be secret. Maps and lists are
// changed in place.
func Value(v any) any { return walker{}.value("", v) }

// walker cleans the parts of an object.
type walker struct {
	// byField says that the names of fields are somebody's own and may announce a secret, as in the
	// objects of a custom resource. In those of Kubernetes they never do.
	byField bool
}

func (w walker) value(field string, v any) any {
	switch v := v.(type) {
	case string:
		if w.byField && Secret(field) {
			return Removed
		}
		return Line(v)
	case []any:
		w.list(field, v)
		return v
	case map[string]any:
		w.fields(v)
		return v
	default:
		return v
	}
}

// fields cleans a map. One that has a name and a value, as environment variables and headers have,
// is judged by its name.
func (w walker) fields(m map[string]any) {
	name, named := m["name"].(string)
	for field, v := range m {
		if _, isText := v.(string); isText && named && field == "value" && Secret(name) {
			m[field] = Removed
			continue
		}
		m[field] = w.value(field, v)
	}
}

// list cleans the list of a field. In a list of arguments the value of a flag may be the next item.
func (w walker) list(field string, items []any) {
	secretNext := false
	for i, v := range items {
		text, isText := v.(string)
		switch {
		case isText && secretNext && !strings.HasPrefix(text, "-"):
			items[i] = Removed
		case isText:
			items[i] = w.value(field, text)
		default:
			items[i] = w.value("", v)
		}
		flag := strings.TrimLeft(text, "-")
		secretNext = isText && flag != text && !strings.Contains(flag, "=") && Secret(flag)
	}
}
