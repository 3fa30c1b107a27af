//go:build integration

package mend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/kube"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

// server is a real API server on which the shop's own objects stand.
type server struct {
	t       *testing.T
	clients *kube.Clients
}

// TestEveryPlanOnARealAPIServer rehearses, makes and takes back every kind of plan that gatemend carries out,
// and compares the objects: what the API server adds to an object must not stand in the way of the undo.
func TestEveryPlanOnARealAPIServer(t *testing.T) {
	api := apiserver.Start(t)
	api.InstallGatewayAPI(t)
	api.InstallRollouts(t)
	api.InstallCustom(t, "chaos-mesh.org", "v1alpha1", "PodChaos", "podchaos")
	clients, err := kube.Connect(api.Admin)
	if err != nil {
		t.Fatal(err)
	}
	for _, ns := range []string{plantest.Namespace, "ingress-nginx", "front"} {
		if _, err := clients.Kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	// The API server only lets a pod be resized on a node that is there and has room.
	room := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("8Gi")}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}, Status: corev1.NodeStatus{Capacity: room, Allocatable: room}}
	if _, err := clients.Kube.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, f := range plantest.Faults() {
		shop := plantest.Shop("cart", "web")
		f.Break(shop)
		if planFor(t, f, shop).Remedy.Machine != model.MachineAdvise { // else a person does it
			t.Run(f.Name, func(t *testing.T) { server{t: t, clients: clients}.carryOut(f, shop) })
		}
	}
	shop := plantest.Shop("cart", "web")
	plantest.Unready(shop)
	plantest.Revision(shop, "/ready", "readinessProbe", "httpGet", "path")
	plantest.Revision(shop, "16Mi", "resources", "limits", "memory")
	probe := plantest.Fault{Name: "two-of-one-template", Finding: plantest.Finding("readiness-probe-misconfigured", "Deployment", "cart", plantest.Container+".readinessProbe.httpGet.path", `"/readyz"`)}
	memory := plantest.Finding("oom-killed", "Deployment", "cart", plantest.Container+".resources.limits.memory", "")
	t.Run(probe.Name, func(t *testing.T) { server{t: t, clients: clients}.carryOut(probe, shop, memory) })
}

// planFor is the plan for a fault in a shop, and for those behind it.
func planFor(t *testing.T, f plantest.Fault, shop *plantest.Cluster, behind ...model.Finding) model.Plan {
	t.Helper()
	d := model.Diagnosis{Causes: append([]model.Finding{f.Finding}, behind...), Observed: f.Observed}
	p, err := plan.Make(plan.Input{Diagnosis: d, Snapshot: shop.Snapshot(), Memory: plan.Memory{Deleted: f.Deleted}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s server) carryOut(f plantest.Fault, shop *plantest.Cluster, behind ...model.Finding) {
	t, actor := s.t, act.New(s.clients.Kube, s.clients.Dynamic, s.clients.Mapper)
	p := planFor(t, f, shop, behind...)
	if kind := p.Remedy.Change.Target.Kind; kind == "Deployment" || kind == "Rollout" { // what the server adds to a template is in its revisions too
		s.create(shop, "ReplicaSet/cart-1")
		s.create(shop, "ReplicaSet/cart-2")
	}
	done := map[model.Ref]bool{}
	for _, c := range p.Remedy.Changes {
		if c.Op != model.OpCreate && !done[c.Target] {
			s.create(shop, c.Target.Kind+"/"+c.Target.Name)
			done[c.Target] = true
		}
	}
	p = planFor(t, f, shop, behind...)
	target := p.Remedy.Change.Target
	before, managers := s.spec(target), s.managers(target)
	for _, c := range p.Remedy.Changes {
		if _, err := actor.DryRun(t.Context(), c); err != nil {
			t.Fatalf("dry run of %s: %v", p.Remedy.Summary, err)
		}
	}
	undo := p.Remedy.Undo
	if target.Kind != "Pod" && len(undo) > 0 && undo[0].Op == model.OpPatch && fieldsSetBefore(undo) && len(undo[len(undo)-1].Held) == 0 {
		t.Errorf("the plan names nobody who holds the fields of %s", target)
	}
	for _, c := range p.Remedy.Changes {
		receipt, err := actor.Apply(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", p.Remedy.Summary, err)
		}
		for i := range undo {
			if undo[i].Op == model.OpDelete && undo[i].Target == c.Target {
				undo[i].UID = receipt.UID
			}
		}
	}
	for _, c := range p.Remedy.Changes {
		if got := plan.IsCarried(s.snapshot(c.Target), c); got != plan.Made {
			t.Errorf("after the change IsCarried says %d, want %d", got, plan.Made)
		}
	}
	for _, c := range undo {
		if _, err := actor.Apply(t.Context(), c); err != nil {
			t.Fatalf("undo: %v", err)
		}
	}
	if d := cmp.Diff(before, s.spec(target)); d != "" {
		t.Errorf("after the undo (-want +got):\n%s", d)
	}
	for range 2 { // the second time is one after an interruption
		for _, c := range undo {
			if err := actor.Release(t.Context(), c); err != nil {
				t.Fatalf("give back: %v", err)
			}
		}
		got := s.managers(target)
		if target.Kind == "Pod" { // of pods, snapshots do not keep who holds what
			if slices.ContainsFunc(got, func(m string) bool { return strings.HasPrefix(m, act.FieldManager) }) {
				t.Errorf("gatemend still holds fields: %v", got)
			}
			continue
		}
		if d := cmp.Diff(managers, got); d != "" {
			t.Errorf("who manages the fields after they were given back (-want +got):\n%s", d)
		}
	}
	s.applied(shop, target)
}

// fieldsSetBefore reports whether any field of a change had a value before.
func fieldsSetBefore(undo []model.Change) bool {
	return slices.ContainsFunc(undo, func(c model.Change) bool {
		return slices.ContainsFunc(c.Fields, func(f model.FieldChange) bool { return f.New != nil })
	})
}

// managers lists who holds which fields of an object.
func (s server) managers(ref model.Ref) []string {
	o, err := s.api(ref).Get(s.t.Context(), ref.Name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	var out []string
	for _, m := range o.GetManagedFields() {
		if m.Subresource != "status" {
			out = append(out, fmt.Sprintf("%s %s %s %s", m.Manager, m.Operation, m.APIVersion, m.FieldsV1))
		}
	}
	slices.Sort(out)
	return out
}

// applied has the owner of an object apply it once more, as Argo CD and Helm 4 do: by server-side apply, forcing nothing.
func (s server) applied(shop *plantest.Cluster, ref model.Ref) {
	now, err := s.api(ref).Get(s.t.Context(), ref.Name, metav1.GetOptions{})
	if err != nil {
		return // it was created by the plan, and is gone
	}
	o := manifestOf(shop.Document(ref.Kind + "/" + ref.Name))
	if _, err := s.api(ref).Apply(s.t.Context(), ref.Name, o, metav1.ApplyOptions{FieldManager: ownerName}); err != nil {
		s.t.Errorf("the owner cannot apply %s any more (version %s): %v", ref, now.GetResourceVersion(), err)
	}
}

// ownerName is who keeps the objects of the shop: nobody whom a plan would leave the change to.
const ownerName = "release-script"

// manifestOf is what an object's owner has in its own source.
func manifestOf(doc map[string]any) *unstructured.Unstructured {
	o := (&unstructured.Unstructured{Object: doc}).DeepCopy()
	for _, field := range []string{"uid", "resourceVersion", "generation", "ownerReferences", "managedFields", "creationTimestamp"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(o.Object, "spec", "clusterIP")
	unstructured.RemoveNestedField(o.Object, "spec", "clusterIPs")
	delete(o.Object, "status")
	return o
}

// create puts an object of the shop on the server, and the server's form of it into the shop. Its status stays
// the shop's, since no controller runs here.
func (s server) create(shop *plantest.Cluster, name string) {
	doc := shop.Document(name)
	o := &unstructured.Unstructured{Object: doc}
	ref := model.Ref{APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
	uid, status, owners := o.GetUID(), doc["status"], o.GetOwnerReferences()
	api := s.api(ref)
	made, err := api.Apply(s.t.Context(), ref.Name, manifestOf(doc), metav1.ApplyOptions{FieldManager: ownerName})
	if err != nil {
		s.t.Fatalf("create %s: %v", name, err)
	}
	s.t.Cleanup(func() {
		now := int64(0)
		if err := api.Delete(context.Background(), ref.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil && !apierrors.IsNotFound(err) {
			s.t.Errorf("delete %s: %v", name, err)
		}
	})
	if status != nil {
		made.Object["status"] = status
	}
	made.SetOwnerReferences(owners)
	made.SetCreationTimestamp(o.GetCreationTimestamp()) // as old as the fault has it: a pod that has only begun is not replaced
	data, err := json.Marshal(made.Object)
	if err != nil {
		s.t.Fatal(err)
	}
	shop.Apply(string(data))
	shop.Reidentify(string(uid), string(made.GetUID()))
}

func (s server) api(ref model.Ref) dynamic.ResourceInterface {
	u := unstructured.Unstructured{}
	u.SetAPIVersion(ref.APIVersion)
	gv := u.GroupVersionKind().GroupVersion()
	m, err := s.clients.Mapper.RESTMapping(gv.WithKind(ref.Kind).GroupKind(), gv.Version)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.clients.Dynamic.Resource(m.Resource).Namespace(ref.Namespace)
}

// snapshot holds one object as it is on the server.
func (s server) snapshot(ref model.Ref) *snapshot.Snapshot {
	b := snapshot.NewBuilder()
	for _, k := range snapshot.Kinds() {
		b.Cover(k, snapshot.Complete, "", "")
	}
	if o, err := s.api(ref).Get(s.t.Context(), ref.Name, metav1.GetOptions{}); err == nil {
		data, err := o.MarshalJSON()
		if err != nil {
			s.t.Fatal(err)
		}
		typed, err := snapshot.Decode(data)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := b.Add(typed); err != nil {
			s.t.Fatal(err)
		}
	}
	return b.Seal(plantest.At())
}

// spec is what people write of an object; nil if it does not exist.
func (s server) spec(ref model.Ref) map[string]any {
	o, err := s.api(ref).Get(s.t.Context(), ref.Name, metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return map[string]any{"spec": o.Object["spec"], "annotations": o.GetAnnotations(), "labels": o.GetLabels()}
}
