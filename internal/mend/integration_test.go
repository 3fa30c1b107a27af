//go:build integration

package mend_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
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

// TestEveryPlanOnARealAPIServer rehearses, makes and takes back every kind of plan, and compares the
// objects: what the API server adds to an object must not stand in the way of the undo.
func TestEveryPlanOnARealAPIServer(t *testing.T) {
	api := apiserver.Start(t)
	clients, err := kube.Connect(api.Admin)
	if err != nil {
		t.Fatal(err)
	}
	s := server{t: t, clients: clients}
	if _, err := clients.Kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: plantest.Namespace}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, f := range plantest.Faults() {
		t.Run(f.Name, func(t *testing.T) {
			s := server{t: t, clients: s.clients}
			s.carryOut(f)
		})
	}
}

func (s server) carryOut(f plantest.Fault) {
	t, actor := s.t, act.New(s.clients.Kube, s.clients.Dynamic, s.clients.Mapper)
	shop := plantest.Shop("cart", "web")
	f.Break(shop)
	for _, name := range []string{"Deployment/cart", "ReplicaSet/cart-1", "ReplicaSet/cart-2", "Service/cart", "Ingress/cart"} {
		s.create(shop, name)
	}
	snap := shop.Snapshot()
	p, err := plan.Make(plan.Input{Diagnosis: model.Diagnosis{Causes: []model.Finding{f.Finding}}, Snapshot: snap, Memory: plan.Memory{Deleted: f.Deleted}})
	if err != nil {
		t.Fatal(err)
	}
	target := p.Remedy.Change.Target
	before := s.spec(target)
	for _, c := range p.Remedy.Changes {
		if _, err := actor.DryRun(t.Context(), c); err != nil {
			t.Fatalf("dry run of %s: %v", p.Remedy.Summary, err)
		}
	}
	undo := p.Remedy.Undo
	for _, c := range p.Remedy.Changes {
		receipt, err := actor.Apply(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", p.Remedy.Summary, err)
		}
		for i := range undo {
			if undo[i].Op == model.OpDelete {
				undo[i].UID = receipt.UID
			}
		}
	}
	for _, c := range p.Remedy.Changes {
		if got := plan.IsCarried(s.snapshot(target), c); got != plan.Made {
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
}

// create puts an object of the shop on the server, and the server's form of it into the shop. Status
// and identity stay the shop's, since no controller runs here.
func (s server) create(shop *plantest.Cluster, name string) {
	doc := shop.Document(name)
	if doc == nil {
		return
	}
	o := &unstructured.Unstructured{Object: doc}
	ref := model.Ref{APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
	uid, status := doc["metadata"].(map[string]any)["uid"], doc["status"]
	for _, field := range []string{"uid", "resourceVersion", "generation", "ownerReferences"} {
		unstructured.RemoveNestedField(o.Object, "metadata", field)
	}
	owners := shop.Document(name)["metadata"].(map[string]any)["ownerReferences"]
	unstructured.RemoveNestedField(o.Object, "spec", "clusterIP")
	unstructured.RemoveNestedField(o.Object, "spec", "clusterIPs")
	api := s.api(ref)
	made, err := api.Create(s.t.Context(), o, metav1.CreateOptions{})
	if err != nil {
		s.t.Fatalf("create %s: %v", name, err)
	}
	s.t.Cleanup(func() {
		if err := api.Delete(context.Background(), ref.Name, metav1.DeleteOptions{}); err != nil {
			s.t.Errorf("delete %s: %v", name, err)
		}
	})
	made.Object["status"] = status
	made.Object["metadata"].(map[string]any)["uid"] = uid
	if owners != nil {
		made.Object["metadata"].(map[string]any)["ownerReferences"] = owners
	}
	data, err := json.Marshal(made.Object)
	if err != nil {
		s.t.Fatal(err)
	}
	shop.Apply(string(data))
}

func (s server) api(ref model.Ref) dynamic.ResourceInterface {
	resources := map[string]string{"Deployment": "deployments", "ReplicaSet": "replicasets", "Service": "services", "Ingress": "ingresses"}
	u := unstructured.Unstructured{}
	u.SetAPIVersion(ref.APIVersion)
	gvk := u.GroupVersionKind()
	return s.clients.Dynamic.Resource(gvk.GroupVersion().WithResource(resources[ref.Kind])).Namespace(ref.Namespace)
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
