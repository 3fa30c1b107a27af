package diagnose

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// TestFieldsMayBeMissing takes away, one after the other, each field of the objects of each cause's first
// positive case: whatever objects lack, there is a diagnosis.
func TestFieldsMayBeMissing(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	whole := base(t)
	lessEach(t, "base.yaml", whole, len(whole), nil)
	if testing.Short() {
		return
	}
	for _, name := range files {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range casesOf(archive) {
			var patch, seen []byte
			for _, f := range archive.Files {
				switch f.Name {
				case c + "/patch.yaml":
					patch = f.Data
				case c + "/signals.yaml":
					seen = f.Data
				}
			}
			if patch == nil || !strings.HasPrefix(c, "positive") {
				continue
			}
			objects := patched(t, whole, patch)
			changed := slices.DeleteFunc(slices.Clone(objects), func(o []byte) bool {
				return slices.ContainsFunc(whole, func(w []byte) bool { return bytes.Equal(o, w) })
			})
			rest := slices.DeleteFunc(objects, func(o []byte) bool {
				return slices.ContainsFunc(changed, func(x []byte) bool { return bytes.Equal(o, x) })
			})
			lessEach(t, filepath.Base(name)+" "+c, append(changed, rest...), len(changed), signals(t, seen))
			break // one case of a cause is enough: there are thousands of fields
		}
	}
}

// lessEach diagnoses with each of the first n objects less one of its fields.
func lessEach(t *testing.T, name string, objects [][]byte, n int, seen []model.Signal) {
	t.Helper()
	for i := range n {
		for _, at := range places(t, objects[i]) {
			less := slices.Clone(objects)
			less[i] = without(t, objects[i], at)
			func() {
				defer func() {
					if r := recover(); r != nil {
						t.Errorf("%s: without %s of %s: %v", name, strings.Join(at, "."), headOf(t, objects[i]).Metadata.Name, r)
					}
				}()
				diagnoseAny(less, seen)
			}()
		}
	}
}

// diagnoseAny asks everything of objects that may be nonsense; those that cannot be decoded are left out.
func diagnoseAny(objects [][]byte, seen []model.Signal) model.Diagnosis {
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	for _, data := range objects {
		if o, err := snapshot.Decode(data); err == nil {
			_ = b.Add(o) // an object that does not fit is left out
		}
	}
	s := b.Seal(now)
	d := Diagnose(Input{Snapshot: s, Signals: seen})
	WantsLogs(d, s)
	return d
}

// each lists the objects of a JSON list, or the one object that is none.
func each(data []byte) [][]byte {
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		return [][]byte{data}
	}
	var out [][]byte
	for _, o := range list {
		out = append(out, o)
	}
	return out
}

// places lists the path of each field and item of an object, but for those that say what it is.
func places(t *testing.T, data []byte) [][]string {
	t.Helper()
	var o any
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	var out [][]string
	var walk func(v any, at []string)
	walk = func(v any, at []string) {
		if len(at) > 0 && at[0] != "kind" && at[0] != "apiVersion" {
			out = append(out, slices.Clone(at))
		}
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(x, append(at, k))
			}
		case []any:
			for i, x := range v {
				walk(x, append(at, strconv.Itoa(i)))
			}
		}
	}
	walk(o, nil)
	sort.Slice(out, func(i, j int) bool { return slices.Compare(out[i], out[j]) < 0 })
	return out
}

// without is an object less the field or item at a path.
func without(t *testing.T, data []byte, at []string) []byte {
	t.Helper()
	var o any
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	var drop func(v any, at []string) any
	drop = func(v any, at []string) any {
		switch v := v.(type) {
		case map[string]any:
			if len(at) == 1 {
				delete(v, at[0])
			} else {
				v[at[0]] = drop(v[at[0]], at[1:])
			}
			return v
		case []any:
			i, err := strconv.Atoi(at[0])
			if err != nil {
				t.Fatal(err)
			}
			if len(at) == 1 {
				return slices.Delete(v, i, i+1)
			}
			v[i] = drop(v[i], at[1:])
			return v
		default:
			return v
		}
	}
	out, err := json.Marshal(drop(o, at))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzDiagnose diagnoses a snapshot of any JSON objects beside those of the base, with requests that
// fail: it must neither panic nor answer differently the second time.
func FuzzDiagnose(f *testing.F) {
	data, err := os.ReadFile(filepath.Join("testdata", "base.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	var list struct{ Items []json.RawMessage }
	if err := yaml.Unmarshal(data, &list); err != nil {
		f.Fatal(err)
	}
	var whole [][]byte
	for _, o := range list.Items {
		whole = append(whole, o)
		f.Add([]byte(o))
	}
	for _, o := range odd() {
		f.Add([]byte(o))
	}
	seen := []model.Signal{
		{At: now, Proxy: "nginx", Request: model.Request{Host: "shop.example", Path: "/cart"}, Status: 502, Failure: model.Refused, Tries: []model.Try{{Address: "10.0.0.11:8080"}}},
		{At: now, Proxy: "envoy", Service: "shop-cart-80", Status: 503, Failure: model.NoEndpoints},
		{Proxy: "haproxy", RouteName: "shop"},
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		objects := append(slices.Clone(whole), each(data)...)
		if a, b := show(diagnoseAny(objects, seen)), show(diagnoseAny(objects, seen)); a != b {
			t.Errorf("two answers:\n%s\n%s", a, b)
		}
	})
}
