package owner

import (
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// helmValues is what a chart made by 'helm create' takes for a change, empty where such a chart has no value
// for it (helm/helm: pkg/chartutil/create.go). Most charts have grown out of one; it is a hint, no promise.
func helmValues(c model.Change, after metav1.Object) (string, error) {
	data, err := snapshot.JSONOf(after)
	if err != nil {
		return "", err
	}
	var object any
	if err := json.Unmarshal(data, &object); err != nil {
		return "", fmt.Errorf("read %s: %w", c.Target, err)
	}
	values := map[string]any{}
	for _, f := range c.Fields {
		steps := model.PointerSteps(f.Path)
		name, rest := valueFor(c.Target.Kind, steps)
		if name == nil {
			return "", nil
		}
		v, _ := walk(object, steps) // what is taken away is null, which takes a chart's default away, too
		if name[0] == "image" {
			setImage(values, fmt.Sprint(v))
			continue
		}
		put(values, append(name, rest...), v)
	}
	return yamlText(values)
}

// valueFor names the value of a field, and which of its last steps go below that name.
func valueFor(kind string, steps []string) (name, rest []string) {
	path := strings.Join(steps, "/")
	inContainer := strings.HasPrefix(path, "spec/template/spec/containers/") && len(steps) > 5
	switch {
	case path == "spec/replicas":
		return []string{"replicaCount"}, nil
	case inContainer:
		switch field := steps[5]; field {
		case "resources", "livenessProbe", "readinessProbe":
			return []string{field}, steps[6:]
		case "image":
			return []string{"image"}, nil
		}
		return nil, nil
	case kind == "Service" && path == "spec/type":
		return []string{"service", "type"}, nil
	case kind == "Service" && len(steps) == 4 && steps[1] == "ports" && steps[3] == "port":
		return []string{"service", "port"}, nil
	case kind == "Ingress" && path == "spec/ingressClassName":
		return []string{"ingress", "className"}, nil
	case kind == "Ingress" && strings.HasPrefix(path, "metadata/annotations"):
		return []string{"ingress", "annotations"}, steps[2:]
	default:
		return nil, nil
	}
}

// setImage splits an image as the chart does: the tag stands behind the last colon that is no port's.
func setImage(values map[string]any, image string) {
	repository, tag := image, ""
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		repository, tag = image[:i], image[i+1:]
	}
	put(values, []string{"image", "repository"}, repository)
	put(values, []string{"image", "tag"}, tag)
}

// put sets a value in nested maps.
func put(m map[string]any, path []string, v any) {
	for _, step := range path[:len(path)-1] {
		next, ok := m[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[step] = next
		}
		m = next
	}
	m[path[len(path)-1]] = v
}

// walk goes down some steps.
func walk(v any, steps []string) (any, bool) {
	for _, s := range steps {
		switch at := v.(type) {
		case map[string]any:
			child, ok := at[s]
			if !ok {
				return nil, false
			}
			v = child
		case []any:
			i, ok := index(s, len(at))
			if !ok {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}
