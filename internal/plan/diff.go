package plan

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// unified is the difference that changes make to the objects, as a unified diff of their YAML.
func unified(before *snapshot.Snapshot, changes []model.Change) (string, error) {
	var out strings.Builder
	at := before
	for _, c := range changes {
		next, err := at.With(c)
		if err != nil {
			return "", err
		}
		a, err := document(at, c.Target)
		if err != nil {
			return "", err
		}
		b, err := document(next, c.Target)
		if err != nil {
			return "", err
		}
		name := strings.ToLower(c.Target.Kind) + "/" + c.Target.Namespace + "/" + c.Target.Name
		out.WriteString(clean(string(diff.Diff(name, a, name, b))))
		at = next
	}
	return out.String(), nil
}

// clean drops the line "diff A B", which only programs read.
func clean(d string) string {
	if strings.HasPrefix(d, "diff ") {
		_, d, _ = strings.Cut(d, "\n")
	}
	return d
}

// document is an object's YAML without what no person writes. It is empty if the object does not exist.
func document(s *snapshot.Snapshot, ref model.Ref) ([]byte, error) {
	o, presence := s.Lookup(ref)
	if presence != snapshot.Present {
		return nil, nil
	}
	return yamlOf(o)
}

func yamlOf(o metav1.Object) ([]byte, error) {
	data, err := snapshot.JSONOf(o)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, fmt.Errorf("read %s: %w", snapshot.RefOf(o), err)
	}
	delete(fields, "status")
	if meta, ok := fields["metadata"].(map[string]any); ok {
		for _, k := range []string{"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp"} {
			delete(meta, k)
		}
		if a, ok := meta["annotations"].(map[string]any); ok {
			delete(a, "kubectl.kubernetes.io/last-applied-configuration")
			if len(a) == 0 { // the API server stores no empty map
				delete(meta, "annotations")
			}
		}
	}
	out, err := yaml.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", snapshot.RefOf(o), err)
	}
	return out, nil
}
