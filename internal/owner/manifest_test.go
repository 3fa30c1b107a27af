package owner

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
)

const liveService = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"cart","namespace":"shop"},
"spec":{"selector":{"app":"cart"},"ports":[{"name":"metrics","port":9090,"protocol":"TCP","targetPort":9090},{"name":"http","port":80,"protocol":"TCP","targetPort":9999}]}}`

const serviceFile = `# The cart.
apiVersion: v1
kind: Service
metadata: {name: cart}   # one line
spec:
    selector:
        app: 'cart'   # quoted
    ports:
    # The order differs from the cluster.
    - name: http
      port: 80
      targetPort: 9999  # was 8080
`

func change(fields ...model.FieldChange) model.Change {
	return model.Change{Op: model.OpPatch, Target: model.Ref{APIVersion: "v1", Kind: "Service", Namespace: "shop", Name: "cart"}, Fields: fields}
}

func set(path, before, after string) model.FieldChange {
	f := model.FieldChange{Path: path}
	if before != "" {
		f.Old = json.RawMessage(before)
	}
	if after != "" {
		f.New = json.RawMessage(after)
	}
	return f
}

// TestEditSource: each case says which lines of the file are other ones afterwards, or why nothing is changed.
func TestEditSource(t *testing.T) {
	port := set("/spec/ports/1/targetPort", "9999", "8080")
	argo := model.Owner{Tool: model.ToolArgoCD, Name: "shop"}
	for name, tc := range map[string]struct {
		files  map[string]string
		owner  model.Owner
		change model.Change
		file   string
		want   string // lines taken away and put in
		fails  string
	}{
		"a number": {map[string]string{"a/service.yaml": serviceFile}, argo, change(port), "a/service.yaml",
			"-      targetPort: 9999  # was 8080\n+      targetPort: 8080  # was 8080\n", ""},
		"a text in quotes": {map[string]string{"s.yaml": serviceFile}, argo, change(set("/spec/selector/app", `"cart"`, `"it's"`)), "s.yaml",
			"-        app: 'cart'   # quoted\n+        app: 'it''s'   # quoted\n", ""},
		"a text that must be quoted": {map[string]string{"s.yaml": strings.ReplaceAll(serviceFile, "'cart'", "cart")}, argo, change(set("/spec/selector/app", `"cart"`, `"true"`)), "s.yaml",
			"-        app: cart   # quoted\n+        app: \"true\"   # quoted\n", ""},
		"a name for a number": {map[string]string{"s.yaml": serviceFile}, argo, change(set("/spec/ports/1/targetPort", "9999", `"http"`)), "s.yaml",
			"-      targetPort: 9999  # was 8080\n+      targetPort: http  # was 8080\n", ""},
		"two fields": {map[string]string{"s.yaml": serviceFile}, argo, change(port, set("/spec/selector/app", `"cart"`, `"x"`)), "s.yaml",
			"-        app: 'cart'   # quoted\n-      targetPort: 9999  # was 8080\n+        app: 'x'   # quoted\n+      targetPort: 8080  # was 8080\n", ""},
		"in the second document": {map[string]string{"s.yaml": "# ä\na: b\n---\n" + serviceFile}, argo, change(port), "s.yaml",
			"-      targetPort: 9999  # was 8080\n+      targetPort: 8080  # was 8080\n", ""},
		"the source has it already": {map[string]string{"s.yaml": strings.ReplaceAll(serviceFile, "9999", "8080")}, argo, change(port), "", "", "s.yaml says so already"},
		"the two have parted":       {map[string]string{"s.yaml": strings.ReplaceAll(serviceFile, "9999", "7777")}, argo, change(port), "", "", "s.yaml: line 12 does not have the value that the cluster has, 9999"},
		"of two, which":             {map[string]string{"a.yaml": serviceFile, "b.yaml": serviceFile}, argo, change(port), "", "", "a.yaml, b.yaml: a person must choose"},
		"the object says which": {map[string]string{"a.yaml": serviceFile, "b.yaml": serviceFile}, model.Owner{Tool: model.ToolKustomize, Source: "b.yaml"}, change(port), "b.yaml",
			"-      targetPort: 9999  # was 8080\n+      targetPort: 8080  # was 8080\n", ""},
		"another namespace": {map[string]string{"s.yaml": strings.ReplaceAll(serviceFile, "{name: cart}", "{name: cart, namespace: pay}")}, argo, change(port), "", "", "no manifest of Service shop/cart"},
		"another name":      {map[string]string{"s.yaml": strings.ReplaceAll(serviceFile, "{name: cart}", "{name: cart2}")}, argo, change(port), "", "", "no manifest"},
		"a template":        {map[string]string{"s.yaml": "{{- if .Values.x }}\n" + serviceFile + "{{ end }}\n"}, argo, change(port), "", "", "no manifest"},
		"values of a chart": {map[string]string{"chart/values.yaml": "# how many\nreplicaCount: 0\n", "chart/templates/d.yaml": "kind: {{ x }}"}, model.Owner{Tool: model.ToolHelm},
			model.Change{Target: model.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "cart"}, Fields: []model.FieldChange{set("/spec/replicas", "0", "2")}},
			"chart/values.yaml", "-replicaCount: 0\n+replicaCount: 2\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var files []File
			for _, path := range []string{"a.yaml", "b.yaml", "s.yaml", "a/service.yaml", "chart/values.yaml", "chart/templates/d.yaml"} {
				if text, ok := tc.files[path]; ok {
					files = append(files, File{path, []byte(text)})
				}
			}
			got, err := EditSource(files, tc.owner, []byte(liveService), tc.change)
			if tc.fails != "" {
				if !errors.Is(err, ErrNotInSource) || !strings.Contains(err.Error(), tc.fails) {
					t.Errorf("got %v\n%s", err, got.Text)
				}
				return
			}
			if err != nil || got.Path != tc.file {
				t.Fatalf("got %s, error %v", got.Path, err)
			}
			if d := lineDiff(tc.files[tc.file], string(got.Text)); d != tc.want {
				t.Errorf("changed\n%swant\n%s", d, tc.want)
			}
		})
	}
}

// Where fields are added or taken away the document is written anew, and keeps its comments.
func TestEditSourceWithNewFields(t *testing.T) {
	for name, tc := range map[string]struct {
		change model.Change
		want   string
	}{
		"added":       {change(set("/spec/ports/1/appProtocol", "", `"kubernetes.io/h2c"`)), "appProtocol: kubernetes.io/h2c"},
		"a map added": {change(set("/metadata/annotations", "", `{"a.b/c":"d"}`)), "a.b/c: d"},
		"removed":     {change(set("/spec/selector/app", `"cart"`, "")), ""},
	} {
		got, err := EditSource([]File{{"s.yaml", []byte(serviceFile)}}, model.Owner{}, []byte(liveService), tc.change)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if text := string(got.Text); !strings.Contains(text, tc.want) || !strings.Contains(text, "# The cart.") || !strings.Contains(text, "# was 8080") {
			t.Errorf("%s: got\n%s", name, text)
		}
		if name == "removed" && strings.Contains(string(got.Text), "app:") {
			t.Errorf("still there:\n%s", got.Text)
		}
	}
}

// lineDiff lists the lines that only one text has.
func lineDiff(before, after string) string {
	var out strings.Builder
	for _, side := range []struct{ sign, these, others string }{{"-", before, after}, {"+", after, before}} {
		for line := range strings.Lines(side.these) {
			if !strings.Contains("\n"+side.others, "\n"+line) {
				out.WriteString(side.sign + line)
			}
		}
	}
	return out.String()
}

// FuzzEditSource: whatever is in a file, what comes out is YAML that has the new value, or nothing.
func FuzzEditSource(f *testing.F) {
	f.Add([]byte(serviceFile))
	f.Add([]byte("a: &a [1, *a]"))
	f.Add([]byte("- {apiVersion: v1}\n---\n"))
	f.Add([]byte("apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec: {ports: [{port: 80, targetPort: 9999}, {port: 81}]}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := EditSource([]File{{"s.yaml", text}}, model.Owner{}, []byte(liveService), change(set("/spec/ports/1/targetPort", "9999", "8080")))
		if err != nil {
			return
		}
		if !strings.Contains(string(got.Text), "8080") {
			t.Errorf("the value is not in\n%s", got.Text)
		}
		for doc := range strings.SplitSeq(string(got.Text), "\n---\n") {
			var v any
			if err := yaml.Unmarshal([]byte(doc), &v); err != nil && yaml.Unmarshal(text, &v) == nil {
				t.Errorf("%v in\n%s", err, got.Text)
			}
		}
	})
}
