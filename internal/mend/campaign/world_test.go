package campaign

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/testkit/simapi"
)

// world is the shop on a simulated API server, with controllers, kubelets, gateways and clients: all that lies outside
// of gatemend. What happens to a request is decided here, by the objects alone and without gatemend's model of it.
type world struct {
	t    *testing.T
	api  *simapi.Server
	apps []string
	ops  dynamic.Interface // people, and what works for them

	// jinxed applications fail for a reason that no object shows.
	jinxed map[string]bool
	// deleted are the objects that a watcher of the cluster remembers.
	deleted []metav1.Object
	onWrite func()
}

func newWorld(t *testing.T, apps ...string) *world {
	t.Helper()
	w := &world{t: t, api: simapi.New(time.Now), apps: apps, jinxed: map[string]bool{}}
	shop := plantest.Shop(apps...).Snapshot()
	w.api.Do(func() {
		for _, k := range snapshot.Kinds() {
			for o := range shop.AllOf(k) {
				if k != snapshot.Pods && k != snapshot.EndpointSlices {
					w.api.Put(toUnstructured(t, o))
				}
			}
		}
		for _, extra := range []string{
			`{"apiVersion":"v1","kind":"Node","metadata":{"name":"n2"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`,
			`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"gatemend"}}`,
			`{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"cart","namespace":"shop"},"spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"cart"}}}}`,
			// kinds of which there are none yet, for the mapper
			`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"some","namespace":"gatemend"}}`,
		} {
			o := &unstructured.Unstructured{}
			if err := o.UnmarshalJSON([]byte(extra)); err != nil {
				t.Fatal(err)
			}
			w.api.Put(o)
		}
		w.reconcile()
	})
	w.api.Changed = func() {
		if w.onWrite != nil {
			w.onWrite()
		}
		w.reconcile()
	}
	ops, err := dynamic.NewForConfig(w.api.Client("ops"))
	if err != nil {
		t.Fatal(err)
	}
	w.ops = ops
	return w
}

func toUnstructured(t *testing.T, o metav1.Object) *unstructured.Unstructured {
	t.Helper()
	data, err := snapshot.JSONOf(o)
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return u
}

// typed reads an object into a value of its type.
func typed[T any](t *testing.T, o *unstructured.Unstructured) *T {
	t.Helper()
	out := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// put stores a typed object as a controller does.
func (w *world) put(o runtime.Object, apiVersion, kind string) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		w.t.Error(err)
		return
	}
	u := &unstructured.Unstructured{Object: fields}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	w.api.Put(u)
}

func asText(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// share is how much of an application's requests fails at this moment. Call it with the server's lock held.
func (w *world) share(app string) float64 {
	const all = 1.0
	ing, svc := w.api.Get("Ingress", plantest.Namespace, app), w.api.Get("Service", plantest.Namespace, app)
	if w.jinxed[app] || ing == nil || svc == nil {
		return all
	}
	backend, _, err := unstructured.NestedSlice(ing.Object, "spec", "rules")
	if err != nil || len(backend) == 0 {
		return all
	}
	s := typed[corev1.Service](w.t, svc)
	to := asText(backend[0])
	if !strings.Contains(to, fmt.Sprintf(`"service":{"name":%q,"port":{"number":%d}}`, app, s.Spec.Ports[0].Port)) &&
		!strings.Contains(to, fmt.Sprintf(`"service":{"name":%q,"port":{"name":%q}}`, app, s.Spec.Ports[0].Name)) {
		return all
	}
	ready, well := 0, 0
	for _, o := range w.api.All("Pod") {
		p := typed[corev1.Pod](w.t, o)
		if !simapi.Ready(o) || !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(p.Labels)) {
			continue
		}
		ready++
		if target(s, p) == 8080 && p.Annotations["bad"] == "" {
			well++
		}
	}
	if ready == 0 {
		return all
	}
	return 1 - float64(well)/float64(ready)
}

// edit changes an object as a person does: with a request.
func (w *world) edit(kind, name string, change func(fields map[string]any)) {
	var before *unstructured.Unstructured
	w.api.Do(func() {
		for _, o := range w.api.All(kind) {
			if o.GetName() == name {
				before = o.DeepCopy()
			}
		}
	})
	if before == nil {
		return // somebody else was faster
	}
	after := before.DeepCopy()
	change(after.Object)
	a, err1 := before.MarshalJSON()
	b, err2 := after.MarshalJSON()
	patch, err3 := jsonpatch.CreateMergePatch(a, b)
	if err1 != nil || err2 != nil || err3 != nil {
		w.t.Error(err1, err2, err3)
		return
	}
	_, err := w.resource(before).Patch(w.t.Context(), name, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil && !gone(err) {
		w.t.Errorf("edit %s %s: %v", kind, name, err)
	}
}

func (w *world) resource(o *unstructured.Unstructured) dynamic.ResourceInterface {
	plural, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
	if o.GetNamespace() == "" {
		return w.ops.Resource(plural)
	}
	return w.ops.Resource(plural).Namespace(o.GetNamespace())
}

// erase deletes an object; whoever watches the cluster remembers it.
func (w *world) erase(kind, name string) {
	var o *unstructured.Unstructured
	w.api.Do(func() {
		for _, x := range w.api.All(kind) {
			if x.GetName() == name {
				o = x.DeepCopy()
			}
		}
	})
	if o == nil {
		return
	}
	if err := w.resource(o).Delete(w.t.Context(), name, metav1.DeleteOptions{}); err != nil && !gone(err) {
		w.t.Errorf("delete %s %s: %v", kind, name, err)
	}
	data, err := o.MarshalJSON()
	if err != nil {
		w.t.Error(err)
		return
	}
	typed, err := snapshot.Decode(data)
	if err != nil {
		w.t.Error(err)
		return
	}
	w.api.Do(func() { w.deleted = append(w.deleted, typed) })
}

// snapshot is the cluster as a watcher has it. Call it with the server's lock held.
func (w *world) snapshot() *snapshot.Snapshot {
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	for _, o := range w.api.All("") {
		data, err := o.MarshalJSON()
		if err != nil {
			w.t.Error(err)
			continue
		}
		typed, err := snapshot.Decode(data)
		if err == nil {
			err = b.Add(typed)
		}
		if err != nil {
			w.t.Error(err)
		}
	}
	return b.Seal(time.Now())
}

// current is the ReplicaSet of an application's last revision whose pods came up.
func (w *world) current(app string) model.Ref {
	newest, ref := 0, model.Ref{}
	w.api.Do(func() {
		for _, o := range w.api.All("ReplicaSet") {
			if rs := typed[appsv1.ReplicaSet](w.t, o); revision(rs) > newest && strings.HasPrefix(rs.Name, app+"-") && healthy(&rs.Spec.Template.Spec) {
				newest, ref = revision(rs), plantest.Ref("ReplicaSet", rs.Name)
			}
		}
	})
	return ref
}
