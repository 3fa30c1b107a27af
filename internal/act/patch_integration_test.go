//go:build integration

package act_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

func selectorChange(s *corev1.Service, to string) model.Change {
	return model.Change{
		Op:              model.OpPatch,
		Target:          model.Ref{APIVersion: "v1", Kind: "Service", Namespace: s.Namespace, Name: s.Name},
		ResourceVersion: s.ResourceVersion,
		Fields:          []model.FieldChange{{Path: "/spec/selector/app", Old: json.RawMessage(`"cart"`), New: json.RawMessage(`"` + to + `"`)}},
	}
}

func testPatch(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	before := newService(t, c, "patched")
	receipt, err := a.Apply(t.Context(), selectorChange(before, "shopping-cart"))
	if err != nil {
		t.Fatal(err)
	}
	after := getService(t, c, "patched")
	if got := after.Spec.Selector["app"]; got != "shopping-cart" {
		t.Errorf("selector app = %q, want shopping-cart", got)
	}
	if receipt.ResourceVersion != after.ResourceVersion || receipt.UID != string(after.UID) {
		t.Errorf("receipt says version %s of %s, the object is %s of %s", receipt.ResourceVersion, receipt.UID, after.ResourceVersion, after.UID)
	}
	var managers []string
	for _, m := range after.ManagedFields {
		managers = append(managers, m.Manager)
	}
	if !strings.Contains(strings.Join(managers, " "), act.FieldManager) {
		t.Errorf("field managers %v, want %s among them", managers, act.FieldManager)
	}
	if receipt.Undo == nil {
		t.Fatal("a patch must have an undo")
	}
	if _, err := a.Apply(t.Context(), *receipt.Undo); err != nil {
		t.Fatalf("undo: %v", err)
	}
	if got := getService(t, c, "patched").Spec.Selector["app"]; got != "cart" {
		t.Errorf("after the undo selector app = %q, want cart", got)
	}
}

// testRelease gives fields back that nobody but gatemend is known to hold, which leaves none, and of objects that are not
// there.
func testRelease(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	newService(t, c, "released")
	one := []byte(`[{"op":"replace","path":"/metadata/managedFields","value":[{"manager":"one","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:selector":{"f:app":{}}}}}]}]`)
	before, err := c.CoreV1().Services(ns).Patch(t.Context(), "released", types.JSONPatchType, one, metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := a.Apply(t.Context(), selectorChange(before, "shopping-cart"))
	if err != nil {
		t.Fatal(err)
	}
	undo := *receipt.Undo
	if _, err := a.Apply(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	managers := func() string {
		var out []string
		for _, m := range getService(t, c, "released").ManagedFields {
			out = append(out, m.Manager)
		}
		return strings.Join(out, " ")
	}
	other := undo
	other.UID = "00000000-0000-0000-0000-000000000000"
	gone := undo
	gone.Target.Name = "gone"
	for name, change := range map[string]model.Change{"another object": other, "no object": gone} {
		if err := a.Release(t.Context(), change); err != nil || managers() != act.FieldManager {
			t.Errorf("%s: %v, held by %q, want that nothing happens", name, err, managers())
		}
	}
	reader := actor(t, server.User(t, "nosy"))
	if _, ok := errors.AsType[*act.ForbiddenError](reader.Release(t.Context(), undo)); !ok {
		t.Error("a lacking right must be named")
	}
	if err := a.Release(t.Context(), undo); err != nil || managers() != "" {
		t.Errorf("%v, the fields are held by %q, want nobody", err, managers())
	}
}

// testLastKey takes the only annotations away, and with them, in the API server, their map.
func testLastKey(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	newService(t, c, "bare")
	receipt, err := a.Apply(t.Context(), model.Change{Op: model.OpPatch, Target: ref("Service", "bare"), Fields: []model.FieldChange{
		{Path: "/metadata/annotations/example.com~1owner", Old: json.RawMessage(`"shop"`)},
		{Path: "/spec/selector/app", Old: json.RawMessage(`"cart"`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := getService(t, c, "bare"); got.Annotations != nil || got.Spec.Selector != nil {
		t.Fatalf("annotations %v, selector %v; want none", got.Annotations, got.Spec.Selector)
	}
	if _, err := a.Apply(t.Context(), *receipt.Undo); err != nil {
		t.Fatalf("undo: %v", err)
	}
	if got := getService(t, c, "bare"); got.Annotations["example.com/owner"] != "shop" || got.Spec.Selector["app"] != "cart" {
		t.Errorf("after the undo: annotations %v, selector %v", got.Annotations, got.Spec.Selector)
	}
}

func testDryRun(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	before := newService(t, c, "rehearsed")
	receipt, err := a.DryRun(t.Context(), selectorChange(before, "shopping-cart"))
	if err != nil {
		t.Fatal(err)
	}
	if !receipt.DryRun || !strings.Contains(string(receipt.Object), "shopping-cart") {
		t.Errorf("the receipt should say that it is a rehearsal and show the result: %+v", receipt)
	}
	if after := getService(t, c, "rehearsed"); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the object moved from version %s to %s", before.ResourceVersion, after.ResourceVersion)
	}
	for _, change := range []model.Change{
		{Op: model.OpCreate, Target: ref("Service", "never"), Object: json.RawMessage(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"never","namespace":"default"},"spec":{"ports":[{"port":80}]}}`)},
		{Op: model.OpDelete, Target: ref("Service", "rehearsed"), UID: string(before.UID)},
	} {
		if _, err := a.DryRun(t.Context(), change); err != nil {
			t.Errorf("%s: %v", change.Op, err)
		}
	}
	getService(t, c, "rehearsed")
	if _, err := c.CoreV1().Services(ns).Get(t.Context(), "never", metav1.GetOptions{}); err == nil {
		t.Error("a dry run created a Service")
	}
}

func testStale(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	planned := newService(t, c, "moving")
	moved := planned.DeepCopy()
	moved.Labels["team"] = "other"
	if _, err := c.CoreV1().Services(ns).Update(t.Context(), moved, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	unpinned := selectorChange(planned, "shopping-cart")
	unpinned.ResourceVersion = ""
	unpinned.Fields[0].Old = json.RawMessage(`"basket"`)
	other := selectorChange(planned, "shopping-cart")
	other.ResourceVersion, other.UID = "", "00000000-0000-0000-0000-000000000000"
	gone := selectorChange(planned, "shopping-cart")
	gone.Target.Name = "gone"
	removed := selectorChange(planned, "shopping-cart")
	removed.ResourceVersion = ""
	removed.Fields[0].Path = "/spec/selector/tier"
	for name, tc := range map[string]struct {
		change model.Change
		want   string
	}{
		"another version":     {selectorChange(planned, "shopping-cart"), "planned on version"},
		"another value":       {unpinned, `/spec/selector/app was "basket" and is now "cart"`},
		"the field is absent": {removed, `/spec/selector/tier was "cart" and is now absent`},
		"another object":      {other, "created anew"},
		"no object":           {gone, "does not exist any more"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := a.Apply(t.Context(), tc.change)
			stale, ok := errors.AsType[*act.StaleError](err)
			if !ok {
				t.Fatalf("got %v (%T), want a StaleError", err, err)
			}
			if !strings.Contains(stale.Because, tc.want) {
				t.Errorf("because %q, want %q in it", stale.Because, tc.want)
			}
		})
	}
	if got := getService(t, c, "moving").Spec.Selector["app"]; got != "cart" {
		t.Errorf("a refused change was made: selector app = %q", got)
	}
}

func testRejected(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	s := newService(t, c, "refused")
	change := selectorChange(s, "not a label value!")
	_, err := a.Apply(t.Context(), change)
	if rejected, ok := errors.AsType[*act.RejectedError](err); !ok || !strings.Contains(rejected.Error(), "spec.selector") {
		t.Errorf("got %v (%T), want a RejectedError that names spec.selector", err, err)
	}
	change = selectorChange(s, "cart")
	change.Fields = append(change.Fields, model.FieldChange{Path: "/spec/selectorr", New: json.RawMessage(`{}`)})
	if _, err := a.Apply(t.Context(), change); err == nil {
		t.Error("a field that does not exist was dropped in silence")
	}
}

func testForbidden(t *testing.T, server *apiserver.Server) {
	c := server.Kube(t)
	s := newService(t, c, "guarded")
	pod := newPod(t, c, "guarded", nil)
	a := actor(t, server.User(t, "reader"))
	for name, tc := range map[string]struct {
		change model.Change
		rule   string
	}{
		"patch":  {selectorChange(s, "x"), `{apiGroups: [""], resources: ["services"], verbs: ["patch"]}`},
		"create": {model.Change{Op: model.OpCreate, Target: ref("Service", "new"), Object: json.RawMessage(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"new","namespace":"default"}}`)}, `{apiGroups: [""], resources: ["services"], verbs: ["create"]}`},
		"delete": {model.Change{Op: model.OpDelete, Target: ref("Service", "guarded"), UID: string(s.UID)}, `{apiGroups: [""], resources: ["services"], verbs: ["delete"]}`},
		"evict":  {model.Change{Op: model.OpEvict, Target: ref("Pod", "guarded"), UID: string(pod.UID)}, `{apiGroups: [""], resources: ["pods/eviction"], verbs: ["create"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := a.Apply(t.Context(), tc.change)
			forbidden, ok := errors.AsType[*act.ForbiddenError](err)
			if !ok {
				t.Fatalf("got %v (%T), want a ForbiddenError", err, err)
			}
			if forbidden.Rule() != tc.rule {
				t.Errorf("rule %s, want %s", forbidden.Rule(), tc.rule)
			}
			if !strings.Contains(err.Error(), `"reader"`) {
				t.Errorf("%v: should say who may not", err)
			}
		})
	}
	// The rule that the error names is the one that helps.
	server.Allow(t, "reader", ns, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"services"}, Verbs: []string{"patch"}})
	deadline, stop := context.WithTimeout(t.Context(), waitLong)
	defer stop()
	for {
		_, err := a.Apply(deadline, selectorChange(s, "x"))
		if err == nil {
			return
		}
		if _, ok := errors.AsType[*act.ForbiddenError](err); !ok || deadline.Err() != nil {
			t.Fatalf("with the rule: %v", err)
		}
	}
}

func testAnnotation(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	s := newService(t, c, "annotated")
	receipt, err := a.Apply(t.Context(), model.Change{
		Op: model.OpPatch, Target: ref("Service", "annotated"), ResourceVersion: s.ResourceVersion,
		Fields: []model.FieldChange{
			{Path: "/metadata/annotations/nginx.ingress.kubernetes.io~1proxy-buffer-size", New: json.RawMessage(`"16k"`)},
			{Path: "/metadata/annotations/example.com~1owner", Old: json.RawMessage(`"shop"`)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := getService(t, c, "annotated").Annotations
	if _, left := got["example.com/owner"]; left || got["nginx.ingress.kubernetes.io/proxy-buffer-size"] != "16k" {
		t.Errorf("annotations %v", got)
	}
	if _, err := a.Apply(t.Context(), *receipt.Undo); err != nil {
		t.Fatalf("undo: %v", err)
	}
	if got := getService(t, c, "annotated").Annotations; len(got) != 1 || got["example.com/owner"] != "shop" {
		t.Errorf("after the undo: annotations %v", got)
	}
}
