package owner

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// service is a Service whose fields are managed as entries say, "MANAGER OPERATION FIELDS" each.
func service(t *testing.T, entries ...string) metav1.Object {
	t.Helper()
	o, err := snapshot.Decode([]byte(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"cart","namespace":"shop","annotations":{"a":"1"}},
		"spec":{"selector":{"app":"cart","tier":"back"},"ports":[{"port":80,"protocol":"TCP","targetPort":8080},{"port":81,"protocol":"TCP","targetPort":8081}],
		"externalIPs":["10.0.0.1","10.0.0.2"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	at := metav1.NewTime(time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC))
	var managed []metav1.ManagedFieldsEntry
	for _, e := range entries {
		p := strings.SplitN(e, " ", 3)
		manager, subresource, _ := strings.Cut(p[0], "/")
		managed = append(managed, metav1.ManagedFieldsEntry{
			Manager: manager, Operation: metav1.ManagedFieldsOperationType(p[1]), Subresource: subresource, APIVersion: "v1",
			Time: &at, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(p[2]),
		})
	}
	o.SetManagedFields(managed)
	return o
}

func fieldsOf(o metav1.Object) []string {
	return named(o.GetManagedFields())
}

func named(entries []metav1.ManagedFieldsEntry) []string {
	var out []string
	for _, m := range entries {
		manager := m.Manager
		if m.Subresource != "" {
			manager += "/" + m.Subresource
		}
		out = append(out, manager+" "+string(m.Operation)+" "+m.FieldsV1.String())
	}
	return out
}

const (
	first  = `k:{"port":80,"protocol":"TCP"}`
	second = `k:{"port":81,"protocol":"TCP"}`
)

// TestFieldsGoBack takes fields away from who holds them, as the API server does, and gives them back.
func TestFieldsGoBack(t *testing.T) {
	before := `argocd Apply {"f:spec":{"f:ports":{"` + strings.ReplaceAll(first, `"`, `\"`) + `":{".":{},"f:port":{},"f:targetPort":{}}},"f:selector":{"f:app":{}}}}`
	for name, tc := range map[string]struct {
		path       string
		before     []string // who holds what
		after      []string // when gatemend has set the field and set it back; nil: only gatemend holds it
		held, back []string
	}{
		"an item of a list by its keys": {
			path: "/spec/ports/0/targetPort", before: []string{before},
			after: []string{
				`argocd Apply {"f:spec":{"f:ports":{"` + strings.ReplaceAll(first, `"`, `\"`) + `":{".":{},"f:port":{}}},"f:selector":{"f:app":{}}}}`,
				`gatemend Update {"f:spec":{"f:ports":{"` + strings.ReplaceAll(first, `"`, `\"`) + `":{"f:targetPort":{}}}}}`,
			},
			held: []string{`argocd Apply {"f:spec":{"f:ports":{"` + strings.ReplaceAll(first, `"`, `\"`) + `":{"f:targetPort":{}}}}}`},
			back: []string{before},
		},
		"another item is not touched": {
			path: "/spec/ports/1/targetPort", before: []string{before}, held: nil,
			after: []string{before, `gatemend Update {"f:spec":{"f:ports":{"` + strings.ReplaceAll(second, `"`, `\"`) + `":{"f:targetPort":{}}}}}`},
			back:  []string{before},
		},
		"a list that is owned as a whole": {
			path: "/spec/externalIPs/0", before: []string{`helm Update {"f:spec":{"f:externalIPs":{}}}`},
			after: []string{`gatemend Update {"f:spec":{"f:externalIPs":{}}}`},
			held:  []string{`helm Update {"f:spec":{"f:externalIPs":{}}}`}, back: []string{`helm Update {"f:spec":{"f:externalIPs":{}}}`},
		},
		"an item of a list by its value": {
			path: "/spec/externalIPs/1", before: []string{`helm Update {"f:spec":{"f:externalIPs":{"v:\"10.0.0.1\"":{},"v:\"10.0.0.2\"":{}}}}`},
			after: []string{`helm Update {"f:spec":{"f:externalIPs":{"v:\"10.0.0.1\"":{}}}}`, `gatemend Update {"f:spec":{"f:externalIPs":{"v:\"10.0.0.2\"":{}}}}`},
			held:  []string{`helm Update {"f:spec":{"f:externalIPs":{"v:\"10.0.0.2\"":{}}}}`},
			back:  []string{`helm Update {"f:spec":{"f:externalIPs":{"v:\"10.0.0.1\"":{},"v:\"10.0.0.2\"":{}}}}`},
		},
		"several who agree": {
			path: "/spec/selector/app", before: []string{`argocd Apply {"f:spec":{"f:selector":{"f:app":{}}}}`, `kubectl Update {"f:spec":{"f:selector":{"f:app":{},"f:tier":{}}}}`},
			after: []string{`kubectl Update {"f:spec":{"f:selector":{"f:tier":{}}}}`, `gatemend Update {"f:spec":{"f:selector":{"f:app":{}}}}`},
			held:  []string{`argocd Apply {"f:spec":{"f:selector":{"f:app":{}}}}`, `kubectl Update {"f:spec":{"f:selector":{"f:app":{}}}}`},
			back:  []string{`kubectl Update {"f:spec":{"f:selector":{"f:app":{},"f:tier":{}}}}`, `argocd Apply {"f:spec":{"f:selector":{"f:app":{}}}}`},
		},
		"somebody has taken it meanwhile": {
			path: "/spec/selector/app", before: []string{`argocd Apply {"f:spec":{"f:selector":{"f:app":{}}}}`},
			after: []string{`oncall Update {"f:spec":{"f:selector":{"f:app":{}}}}`},
			held:  []string{`argocd Apply {"f:spec":{"f:selector":{"f:app":{}}}}`}, back: nil, // nothing is gatemend's to give
		},
		"gatemend keeps what an earlier repair set": {
			path: "/spec/selector/app", before: []string{`gatemend Update {"f:spec":{"f:selector":{"f:tier":{}}}}`},
			after: []string{`gatemend Update {"f:spec":{"f:selector":{"f:app":{},"f:tier":{}}}}`},
			held:  nil, back: []string{`gatemend Update {"f:spec":{"f:selector":{"f:tier":{}}}}`},
		},
		"also of the same field": {
			path: "/spec/selector/app", before: []string{`gatemend Update {"f:spec":{"f:selector":{"f:app":{}}}}`},
			after: []string{`gatemend Update {"f:spec":{"f:selector":{"f:app":{}}}}`},
			held:  []string{`gatemend Update {"f:spec":{"f:selector":{"f:app":{}}}}`}, back: []string{`gatemend Update {"f:spec":{"f:selector":{"f:app":{}}}}`},
		},
		"a map that was added with a key, and others write to": {
			path: "/metadata/annotations/b", before: nil,
			after: []string{`gatemend Update {"f:metadata":{"f:annotations":{}}}`, `ops Update {"f:metadata":{"f:annotations":{"f:a":{}}}}`},
			back:  []string{`ops Update {"f:metadata":{"f:annotations":{"f:a":{}}}}`},
		},
		"status and other subresources are another thing": {
			path: "/spec/selector/app", before: []string{`controller/status Update {"f:spec":{"f:selector":{"f:app":{}}}}`},
			after: []string{`gatemend/resize Update {"f:spec":{"f:selector":{"f:app":{}}}}`}, back: nil,
		},
		"nobody is named": {path: "/spec/selector/app", after: []string{`gatemend Update {"f:spec":{"f:selector":{"f:app":{}}}}`}, back: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			c := model.Change{Op: model.OpPatch, Fields: []model.FieldChange{{Path: tc.path, Old: json.RawMessage("1"), New: json.RawMessage("2")}}}
			c.Held = Held(service(t, tc.before...), c)
			var held []string
			for _, h := range c.Held {
				held = append(held, h.Manager+" "+h.Operation+" "+string(h.Fields))
			}
			if !slices.Equal(held, tc.held) {
				t.Errorf("held by\n%s\nwant\n%s", strings.Join(held, "\n"), strings.Join(tc.held, "\n"))
			}
			undo, _ := c.Inverse()
			entries, changed, err := GiveBack(service(t, tc.after...), "gatemend", undo)
			if err != nil {
				t.Fatal(err)
			}
			if changed != (tc.back != nil) {
				t.Fatalf("changed %v: %v", changed, named(entries))
			}
			if got := named(entries); changed && !slices.Equal(got, tc.back) {
				t.Errorf("after giving back\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.back, "\n"))
			}
			if !changed {
				return
			}
			again := service(t)
			again.SetManagedFields(entries)
			if slices.ContainsFunc(c.Held, func(h model.Holding) bool { return h.Manager == "gatemend" }) {
				return // it holds the field by right
			}
			if _, changed, err := GiveBack(again, "gatemend", undo); changed || err != nil {
				t.Errorf("to give back once more changes %v, %v: %v", changed, err, fieldsOf(again))
			}
		})
	}
}

func TestDamagedManagedFields(t *testing.T) {
	c := model.Change{Op: model.OpPatch, Fields: []model.FieldChange{{Path: "/spec/selector/app"}}}
	o := service(t, `argocd Apply {"f:spec":[]}`, `gatemend Update ["f:spec"]`)
	if held := Held(o, c); held != nil {
		t.Errorf("held by %v, want nobody", held)
	}
	if _, _, err := GiveBack(o, "gatemend", c); err == nil {
		t.Error("an entry that cannot be read must be an error: it would be dropped")
	}
}
