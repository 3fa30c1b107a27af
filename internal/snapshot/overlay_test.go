package snapshot_test

import (
	"bytes"
	"encoding/json"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func cart() (*corev1.Service, model.Ref) {
	s := &corev1.Service{ObjectMeta: meta("cart"), Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "cart"}, Ports: []corev1.ServicePort{{Port: 80}}}}
	s.ResourceVersion = "7"
	return s, model.Ref{APIVersion: "v1", Kind: "Service", Namespace: "shop", Name: "cart"}
}

func raw(v string) json.RawMessage { return json.RawMessage(v) }

// Istio's Gateway bears the name of a kind with a table of its own; chaos experiments have none.
func TestWithChangesObjectsOfOtherKinds(t *testing.T) {
	istio := model.Ref{APIVersion: "networking.istio.io/v1", Kind: "Gateway", Namespace: "shop", Name: "edge"}
	chaos := model.Ref{APIVersion: "chaos-mesh.org/v1alpha1", Kind: "PodChaos", Namespace: "shop", Name: "edge"}
	object := func(ref model.Ref) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": ref.APIVersion, "kind": ref.Kind, "metadata": map[string]any{"namespace": ref.Namespace, "name": ref.Name}, "spec": map[string]any{"on": true},
		}}
	}
	s := build(t, map[snapshot.Kind]snapshot.Coverage{snapshot.Other: snapshot.Complete}, object(istio), object(chaos))
	for _, ref := range []model.Ref{istio, chaos} {
		next, err := s.With(
			model.Change{Op: model.OpPatch, Target: ref, Fields: []model.FieldChange{{Path: "/spec/on", Old: raw("true"), New: raw("false")}}},
			model.Change{Op: model.OpPatch, Target: ref, Fields: []model.FieldChange{{Path: "/spec/more", New: raw("1")}}},
		)
		if err != nil {
			t.Fatal(err)
		}
		o, presence := next.Lookup(ref)
		if presence != snapshot.Present {
			t.Fatalf("%s is gone", ref)
		}
		if data, _ := json.Marshal(o); !bytes.Contains(data, []byte(`"spec":{"more":1,"on":false}`)) {
			t.Errorf("got %s", data)
		}
		if next, err = next.With(model.Change{Op: model.OpDelete, Target: ref}); err != nil || next.Others().Len() != 1 {
			t.Errorf("after the deletion of %s: %d objects, error %v; want one", ref, next.Others().Len(), err)
		}
	}
}

func TestWith(t *testing.T) {
	svc, ref := cart()
	s := build(t, map[snapshot.Kind]snapshot.Coverage{snapshot.Services: snapshot.Complete, snapshot.Pods: snapshot.Complete},
		svc, &corev1.Pod{ObjectMeta: meta("cart-1")})
	patch := func(fields ...model.FieldChange) model.Change {
		return model.Change{Op: model.OpPatch, Target: ref, Fields: fields}
	}
	selector := model.FieldChange{Path: "/spec/selector/app", Old: raw(`"cart"`), New: raw(`"basket"`)}
	pinned := func(version string) model.Change {
		c := patch(selector)
		c.ResourceVersion = version
		return c
	}
	for name, tc := range map[string]struct {
		change model.Change
		check  func(*snapshot.Snapshot) bool // nil: the change must be refused
	}{
		"a field is set": {patch(selector), func(s *snapshot.Snapshot) bool {
			got, _ := s.Services().Get("shop", "cart")
			return got.Spec.Selector["app"] == "basket"
		}},
		"a field is added": {patch(model.FieldChange{Path: "/spec/selector/tier", New: raw(`"web"`)}), func(s *snapshot.Snapshot) bool {
			got, _ := s.Services().Get("shop", "cart")
			return len(got.Spec.Selector) == 2
		}},
		"a field is removed": {patch(model.FieldChange{Path: "/spec/selector/app", Old: raw(`"cart"`)}), func(s *snapshot.Snapshot) bool {
			got, _ := s.Services().Get("shop", "cart")
			return len(got.Spec.Selector) == 0
		}},
		"the planned version":        {pinned("7"), func(s *snapshot.Snapshot) bool { return s.Services().Len() == 1 }},
		"another version":            {pinned("6"), nil},
		"another object of its name": {model.Change{Op: model.OpPatch, Target: ref, UID: "another", Fields: []model.FieldChange{selector}}, nil},
		"another former value":       {patch(model.FieldChange{Path: "/spec/selector/app", Old: raw(`"x"`), New: raw(`"y"`)}), nil},
		"a value of the wrong type":  {patch(model.FieldChange{Path: "/spec/ports", Old: raw(`[{"port":80,"targetPort":0}]`), New: raw(`"x"`)}), nil},
		"a field of nothing":         {patch(model.FieldChange{Path: "/spec/nothing/here", New: raw(`1`)}), nil},
		"neither old nor new":        {patch(model.FieldChange{Path: "/spec/selector"}), nil},
		"an unknown object":          {model.Change{Op: model.OpPatch, Target: model.Ref{Kind: "Service", Namespace: "shop", Name: "basket"}, Fields: []model.FieldChange{selector}}, nil},
		"an unknown kind":            {model.Change{Op: model.OpPatch, Target: model.Ref{Kind: "Basket", Name: "x"}}, nil},
		"an unknown operation":       {model.Change{Op: "melt", Target: ref}, nil},
		"a pod is evicted": {model.Change{Op: model.OpEvict, Target: model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "cart-1"}}, func(s *snapshot.Snapshot) bool {
			_, p := s.Pods().Get("shop", "cart-1")
			return p == snapshot.Absent
		}},
		"a Service is created": {model.Change{Op: model.OpCreate, Target: model.Ref{Kind: "Service", Namespace: "shop", Name: "basket"}, Object: raw(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"basket","namespace":"shop"}}`)}, func(s *snapshot.Snapshot) bool {
			_, p := s.Services().Get("shop", "basket")
			return p == snapshot.Present
		}},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := snapshot.JSONOf(svc)
			if err != nil {
				t.Fatal(err)
			}
			next, err := s.With(tc.change)
			switch {
			case tc.check == nil && err == nil:
				t.Error("the change was not refused")
			case tc.check != nil && err != nil:
				t.Errorf("refused: %v", err)
			case tc.check != nil && !tc.check(next):
				t.Error("the change does not show")
			}
			after, err := snapshot.JSONOf(svc)
			if err != nil || !bytes.Equal(before, after) || s.Services().Len() != 1 || s.Pods().Len() != 1 {
				t.Errorf("the snapshot itself was changed: %s (%v)", after, err)
			}
		})
	}
}

// TestWithFindsOwnersAgain: indexes are made anew, so that lookups see the change.
func TestWithFindsOwnersAgain(t *testing.T) {
	yes := true
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart", UID: "d"}}
	rs := func(name, revision string) *appsv1.ReplicaSet {
		return &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name, Annotations: map[string]string{"deployment.kubernetes.io/revision": revision},
			OwnerReferences: []metav1.OwnerReference{{Kind: "Deployment", UID: "d", Controller: &yes}},
		}}
	}
	s := build(t, nil, d, rs("cart-a", "9"), rs("cart-b", "10"))
	if got := s.Revisions(d); len(got) != 2 || got[0].Name != "cart-b" {
		t.Fatalf("revisions %v, want cart-b first", got)
	}
	next := s.WithObjects([]metav1.Object{rs("cart-c", "11")}, []model.Ref{{Kind: "ReplicaSet", Namespace: "shop", Name: "cart-a"}})
	if got := next.Revisions(d); len(got) != 2 || got[0].Name != "cart-c" || got[1].Name != "cart-b" {
		t.Errorf("revisions %v, want cart-c and cart-b", got)
	}
	if len(s.Revisions(d)) != 2 || s.Revisions(d)[0].Name != "cart-b" {
		t.Error("the snapshot itself was changed")
	}
}

// TestInverseRestores: a change and then its inverse give the object back as it was, whatever fields
// are set, added or removed.
func TestInverseRestores(t *testing.T) {
	svc, ref := cart()
	svc.Labels = map[string]string{"a/b": "1", "c~d": "2"}
	s := build(t, nil, svc)
	before, err := snapshot.JSONOf(svc)
	if err != nil {
		t.Fatal(err)
	}
	text := rapid.Custom(func(t *rapid.T) json.RawMessage {
		data, err := json.Marshal(rapid.StringMatching(`[a-z0-9/~"\\]{0,8}`).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		return data
	})
	rapid.Check(t, func(t *rapid.T) {
		var fields []model.FieldChange
		if rapid.Bool().Draw(t, "set") {
			fields = append(fields, model.FieldChange{Path: "/spec/selector/app", Old: raw(`"cart"`), New: text.Draw(t, "app")})
		}
		if rapid.Bool().Draw(t, "add") {
			fields = append(fields, model.FieldChange{Path: "/metadata/labels/new", New: text.Draw(t, "label")})
		}
		if rapid.Bool().Draw(t, "remove") {
			fields = append(fields, model.FieldChange{Path: "/metadata/labels/a~1b", Old: raw(`"1"`)})
		}
		if rapid.Bool().Draw(t, "replace all") {
			fields = append(fields, model.FieldChange{Path: "/metadata/labels/c~0d", Old: raw(`"2"`), New: text.Draw(t, "other")})
		}
		change := model.Change{Op: model.OpPatch, Target: ref, ResourceVersion: "7", Fields: fields}
		undo, ok := change.Inverse()
		if !ok {
			t.Fatal("a patch has an inverse")
		}
		there, err := s.With(change)
		if err != nil {
			t.Fatal(err)
		}
		back, err := there.With(undo)
		if err != nil {
			t.Fatalf("undo: %v", err)
		}
		got, _ := back.Services().Get("shop", "cart")
		after, err := snapshot.JSONOf(got)
		if err != nil || !bytes.Equal(before, after) {
			t.Fatalf("got  %s\nwant %s (%v)", after, before, err)
		}
	})
}
