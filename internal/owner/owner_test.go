package owner

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/testkit"
)

// cluster reads objects, one YAML document each; the first is the one that is changed.
func cluster(t *testing.T, text string) (*snapshot.Snapshot, metav1.Object) {
	t.Helper()
	b := snapshot.NewBuilder()
	var first metav1.Object
	for doc := range strings.SplitSeq(text, "\n---\n") {
		data, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		o, err := snapshot.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = o
		}
		if err := b.Add(o); err != nil {
			t.Fatal(err)
		}
	}
	return b.Seal(time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)), first
}

// TestOwners goes through testdata: objects as they are in a cluster, a change of the first one, and what is said
// of its owners.
func TestOwners(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d files, error %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range a.Files {
				parts[f.Name] = string(f.Data)
			}
			s, o := cluster(t, parts["objects.yaml"])
			var fields []model.FieldChange
			if err := yaml.Unmarshal([]byte(parts["fields.yaml"]), &fields); err != nil {
				t.Fatal(err)
			}
			c := model.Change{Op: model.OpPatch, Target: snapshot.RefOf(o), Fields: fields}
			if _, err := s.With(c); err != nil {
				t.Fatalf("the change does not fit the object: %v", err)
			}
			testkit.Golden(t, strings.TrimSuffix(file, ".txtar")+".golden", describe(t, s, o, c, strings.TrimSpace(parts["action"])))
		})
	}
}

// describe writes all that the package says of a change.
func describe(t *testing.T, s *snapshot.Snapshot, o metav1.Object, c model.Change, action string) string {
	t.Helper()
	var b strings.Builder
	var owners []model.Owner
	if whole, ok := Of(o); ok {
		owners = append(owners, whole)
	}
	for _, f := range c.Fields {
		if by, ok := OfField(s, o, f.Path); ok {
			owners = append(owners, by)
		}
		if m, ok := Manager(o, f.Path); ok {
			b.WriteString("written: " + m.Field + " by " + m.Manager + " at " + m.At.Format(time.RFC3339) + "\n")
		}
	}
	for _, by := range owners {
		p, err := Propose(s, by, c, action)
		if err != nil {
			t.Fatal(err)
		}
		if p.Kustomization != "" {
			if got, want := kustomized(t, o, p.Kustomization), changed(t, s, c); got != want {
				t.Errorf("kustomize makes of it\n%s\nwant\n%s", got, want)
			}
		}
		b.WriteString("owner: " + by.String() + " " + by.Field + " by " + by.Because + "\n")
		for _, d := range p.Do {
			b.WriteString("do: " + d + "\n")
		}
		for _, part := range []struct{ title, text string }{
			{"strategic merge patch", p.StrategicMerge}, {"kustomization.yaml", p.Kustomization}, {"values.yaml", p.HelmValues},
		} {
			if part.text != "" {
				b.WriteString("-- " + part.title + "\n" + part.text)
			}
		}
	}
	if len(owners) == 0 {
		b.WriteString("nobody\n")
	}
	return b.String()
}

// kustomized is what kustomize makes of an object's spec with a patch.
func kustomized(t *testing.T, o metav1.Object, kustomization string) string {
	t.Helper()
	files := filesys.MakeFsInMemory()
	object, err := snapshot.JSONOf(o)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"object.yaml": string(object), "kustomization.yaml": "resources: [object.yaml]\n" + kustomization} {
		if err := files.WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, ".")
	if err != nil {
		t.Fatalf("%v\n%s", err, kustomization)
	}
	text, err := made.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return spec(t, text)
}

// changed is the object's spec after the change, as the model has it.
func changed(t *testing.T, s *snapshot.Snapshot, c model.Change) string {
	t.Helper()
	after, err := s.With(c)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := after.Lookup(c.Target)
	data, err := snapshot.JSONOf(o)
	if err != nil {
		t.Fatal(err)
	}
	return spec(t, data)
}

func spec(t *testing.T, data []byte) string {
	t.Helper()
	var v map[string]any
	if err := yaml.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	out, err := yaml.Marshal(v["spec"])
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// What Kubernetes itself made is nobody's.
func TestBuiltInControllersOwnNothing(t *testing.T) {
	yes := true
	for apiVersion, want := range map[string]bool{"apps/v1": false, "v1": false, "batch/v1": false, "gateway.networking.k8s.io/v1": false, "argoproj.io/v1alpha1": true} {
		var o metav1.ObjectMeta
		o.OwnerReferences = []metav1.OwnerReference{{APIVersion: apiVersion, Kind: "X", Name: "x", Controller: &yes}}
		o.Labels = map[string]string{"argocd.argoproj.io/instance": "shop"} // from the template
		if by, got := Of(&o); got != want {
			t.Errorf("%s: got %v, %s", apiVersion, got, by)
		}
	}
}

// FuzzManager: managed fields come from a cluster or a file, and no pointer into them breaks anything.
func FuzzManager(f *testing.F) {
	f.Add(`{"f:spec":{"f:ports":{"k:{\"port\":80}":{"f:targetPort":{}}}}}`, "/spec/ports/0/targetPort")
	f.Add(`{"f:metadata":{"f:finalizers":{"v:\"a\"":{}}}}`, "/metadata/finalizers/0")
	f.Add(`{"f:spec":null}`, "/spec")
	f.Add(`[]`, "//~1")
	f.Fuzz(func(t *testing.T, fields, pointer string) {
		if !json.Valid([]byte(fields)) {
			return
		}
		_, o := cluster(t, "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop, finalizers: [a]}\nspec: {ports: [{port: 80, targetPort: 8080}]}")
		o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "m", FieldsV1: metav1.NewFieldsV1(fields)}})
		if m, ok := Manager(o, pointer); ok && m.Manager != "m" {
			t.Errorf("got %+v", m)
		}
	})
}
