//go:build integration

package act_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/kube"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

const (
	ns       = "default"
	waitLong = 30 * time.Second
)

func actor(t *testing.T, config *rest.Config) *act.Actor {
	t.Helper()
	c, err := kube.Connect(config)
	if err != nil {
		t.Fatal(err)
	}
	return act.New(c.Kube, c.Dynamic, c.Mapper)
}

// TestRealAPIServer runs all of it against one kube-apiserver, each case with objects of its own.
func TestRealAPIServer(t *testing.T) {
	server := apiserver.Start(t)
	server.InstallRollouts(t)
	for name, run := range map[string]func(*testing.T, *apiserver.Server){
		"a patch is applied and taken back":                     testPatch,
		"fields are given back":                                 testRelease,
		"the last key of a map comes back":                      testLastKey,
		"a dry run changes nothing":                             testDryRun,
		"an object that moved is left alone":                    testStale,
		"a value that the API server refuses is no stale one":   testRejected,
		"a lacking right is named":                              testForbidden,
		"a deleted Service comes back as it was":                testCreate,
		"a Service whose address is taken gets another":         testCreateElsewhere,
		"a deletion takes only what was created":                testDelete,
		"a rollout is waited for":                               testWaitRollout,
		"an Argo Rollout is waited for":                         testWaitArgo,
		"a resize in place is waited for":                       testWaitResize,
		"an eviction takes the pod":                             testEvict,
		"an eviction respects a PodDisruptionBudget":            testEvictBlocked,
		"an eviction takes that very pod or none":               testEvictOther,
		"an annotation with a slash in its name can be changed": testAnnotation,
	} {
		t.Run(name, func(t *testing.T) { run(t, server) })
	}
}

func newService(t *testing.T, c kubernetes.Interface, name string) *corev1.Service {
	t.Helper()
	s, err := c.CoreV1().Services(ns).Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"team": "shop"}, Annotations: map[string]string{"example.com/owner": "shop"}},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": "cart"},
			Ports:    []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func getService(t *testing.T, c kubernetes.Interface, name string) *corev1.Service {
	t.Helper()
	s, err := c.CoreV1().Services(ns).Get(context.Background(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

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

func ref(kind, name string) model.Ref {
	return model.Ref{APIVersion: "v1", Kind: kind, Namespace: ns, Name: name}
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

func testCreate(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	old := newService(t, c, "lost")
	data, err := snapshot.JSONOf(old)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CoreV1().Services(ns).Delete(t.Context(), "lost", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	change := model.Change{Op: model.OpCreate, Target: ref("Service", "lost"), Object: data}
	receipt, err := a.Apply(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	got := getService(t, c, "lost")
	if got.UID == old.UID {
		t.Error("the new object should be another one")
	}
	if got.Spec.ClusterIP != old.Spec.ClusterIP || got.Labels["team"] != "shop" || got.Annotations["example.com/owner"] != "shop" {
		t.Errorf("got %+v, want address %s, labels and annotations of the old one", got, old.Spec.ClusterIP)
	}
	_, err = a.Apply(t.Context(), change)
	if stale, ok := errors.AsType[*act.StaleError](err); !ok || !strings.Contains(stale.Because, "exists again") {
		t.Errorf("a second time: got %v, want a StaleError", err)
	}
	if _, err := a.Apply(t.Context(), *receipt.Undo); err != nil {
		t.Fatalf("undo: %v", err)
	}
	if _, err := c.CoreV1().Services(ns).Get(t.Context(), "lost", metav1.GetOptions{}); err == nil {
		t.Error("the undo left the Service there")
	}
}

func testCreateElsewhere(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	holder := newService(t, c, "holder")
	lost := holder.DeepCopy()
	lost.Name = "homeless"
	data, err := snapshot.JSONOf(lost)
	if err != nil {
		t.Fatal(err)
	}
	change := model.Change{Op: model.OpCreate, Target: ref("Service", "homeless"), Object: data}
	if _, err := a.Apply(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	if got := getService(t, c, "homeless").Spec.ClusterIP; got == "" || got == holder.Spec.ClusterIP {
		t.Errorf("address %q, want another than %q", got, holder.Spec.ClusterIP)
	}
}

func testWaitRollout(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	labels := map[string]string{"app": "rolling"}
	d, err := c.AppsV1().Deployments(ns).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "rolling"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/app"}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	target := model.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: "rolling"}
	ctx, stop := context.WithTimeoutCause(t.Context(), waitLong, errors.New("the test took too long"))
	defer stop()
	// No controller runs here: what it would write is written as soon as the first look was reported.
	var told []act.Rollout
	err = a.WaitRollout(ctx, target, func(r act.Rollout) {
		if told = append(told, r); len(told) > 1 {
			return
		}
		d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1}
		if _, err := c.AppsV1().Deployments(ns).UpdateStatus(ctx, d, metav1.UpdateOptions{}); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || told[0].Done || told[0].Waiting == "" || !told[1].Done {
		t.Errorf("progress %+v, want one that waits and one that is done", told)
	}
	target.Name = "never-was"
	if err := a.WaitRollout(ctx, target, nil); !apierrors.IsNotFound(err) {
		t.Errorf("a Deployment that is not there: got %v", err)
	}
	target.Kind = "DaemonSet"
	if err := a.WaitRollout(ctx, target, nil); err == nil || ctx.Err() != nil {
		t.Errorf("a kind without rollouts: got %v", err)
	}
}

// testWaitResize plays the kubelet, which says in the pod's status what it has given it, or that it never can.
func testWaitArgo(t *testing.T, server *apiserver.Server) {
	clients, err := kube.Connect(server.Admin)
	if err != nil {
		t.Fatal(err)
	}
	template := map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"app": "argo"}},
		"spec":     map[string]any{"containers": []any{map[string]any{"name": "app", "image": "example.com/app"}}},
	}
	api := clients.Dynamic.Resource(schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "rollouts"}).Namespace(ns)
	ro, err := api.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": map[string]any{"name": "argo"},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"app": "argo"}}, "template": template,
			"strategy": map[string]any{"canary": map[string]any{}},
		},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeoutCause(t.Context(), waitLong, errors.New("the test took too long"))
	defer stop()
	// No controller runs here: what it would write is written as soon as the first look was reported.
	ro.Object["status"] = map[string]any{"observedGeneration": "0", "phase": "Healthy", "stableRS": "a", "currentPodHash": "a"}
	if ro, err = api.UpdateStatus(ctx, ro, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	var told []act.Rollout
	err = actor(t, server.Admin).WaitRollout(ctx, model.Ref{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Namespace: ns, Name: "argo"}, func(r act.Rollout) {
		if told = append(told, r); len(told) > 1 {
			return
		}
		if err := unstructured.SetNestedField(ro.Object, fmt.Sprint(ro.GetGeneration()), "status", "observedGeneration"); err != nil {
			t.Error(err)
		}
		if _, err := api.UpdateStatus(ctx, ro, metav1.UpdateOptions{}); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || told[0].Done || told[0].Waiting == "" || !told[1].Done {
		t.Errorf("progress %+v, want one that waits and one that is done", told)
	}
}

func testWaitResize(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	room := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("8Gi")}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "roomy"}, Status: corev1.NodeStatus{Capacity: room, Allocatable: room}}
	if _, err := c.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	limit := func(memory string) corev1.ResourceRequirements {
		return corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)}}
	}
	p, err := c.CoreV1().Pods(ns).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "growing"},
		Spec:       corev1.PodSpec{NodeName: node.Name, Containers: []corev1.Container{{Name: "app", Image: "example.com/app", Resources: limit("128Mi")}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	report := func(status corev1.PodStatus) {
		t.Helper()
		p, err := c.CoreV1().Pods(ns).Get(t.Context(), "growing", metav1.GetOptions{})
		if err == nil {
			p.Status.Conditions, p.Status.ContainerStatuses = status.Conditions, status.ContainerStatuses
			_, err = c.CoreV1().Pods(ns).UpdateStatus(t.Context(), p, metav1.UpdateOptions{})
		}
		if err != nil {
			t.Error(err)
		}
	}
	given := func(memory string) []corev1.ContainerStatus {
		has := limit(memory)
		return []corev1.ContainerStatus{{Name: "app", Resources: &has}}
	}
	report(corev1.PodStatus{ContainerStatuses: given("128Mi")})
	change := model.Change{
		Op: model.OpPatch, Target: ref("Pod", "growing"), UID: string(p.UID), Subresource: model.SubresourceResize,
		Fields: []model.FieldChange{{Path: "/spec/containers/0/resources/limits/memory", Old: json.RawMessage(`"128Mi"`), New: json.RawMessage(`"256Mi"`)}},
	}
	receipt, err := a.Apply(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeoutCause(t.Context(), waitLong, errors.New("the test took too long"))
	defer stop()
	var told []act.Rollout
	if err := a.WaitRollout(ctx, change.Target, func(r act.Rollout) {
		if told = append(told, r); len(told) == 1 {
			report(corev1.PodStatus{ContainerStatuses: given("256Mi")})
		}
	}); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || !strings.Contains(told[0].Waiting, "has 128Mi of memory, not yet 256Mi") || !told[1].Done {
		t.Errorf("progress %+v, want one that waits and one that is done", told)
	}
	if _, err := a.Apply(t.Context(), *receipt.Undo); err != nil {
		t.Fatalf("undo: %v", err)
	}
	report(corev1.PodStatus{
		ContainerStatuses: given("256Mi"),
		Conditions:        []corev1.PodCondition{{Type: corev1.PodResizePending, Status: corev1.ConditionTrue, Reason: corev1.PodReasonInfeasible, Message: "not on this node"}},
	})
	if _, stuck := errors.AsType[*act.StuckError](a.WaitRollout(ctx, change.Target, nil)); !stuck {
		t.Error("a resize that the kubelet cannot make is waited for")
	}
}

func testDelete(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	newService(t, c, "kept")
	_, err := a.Apply(t.Context(), model.Change{Op: model.OpDelete, Target: ref("Service", "kept")})
	if err == nil || !strings.Contains(err.Error(), "UID") {
		t.Errorf("without a UID: got %v, want a refusal", err)
	}
	_, err = a.Apply(t.Context(), model.Change{Op: model.OpDelete, Target: ref("Service", "kept"), UID: "another"})
	if _, ok := errors.AsType[*act.StaleError](err); !ok {
		t.Errorf("with another UID: got %v (%T), want a StaleError", err, err)
	}
	getService(t, c, "kept")
}

func newPod(t *testing.T, c kubernetes.Interface, name string, labels map[string]string) *corev1.Pod {
	t.Helper()
	p, err := c.CoreV1().Pods(ns).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/app"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.Status.Phase = corev1.PodRunning
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	p, err = c.CoreV1().Pods(ns).UpdateStatus(t.Context(), p, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testEvict(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	pod := newPod(t, c, "sick", nil)
	change := model.Change{Op: model.OpEvict, Target: ref("Pod", "sick"), UID: string(pod.UID)}
	if _, err := a.DryRun(t.Context(), change); err != nil {
		t.Fatalf("dry run: %v", err)
	}
	if _, err := c.CoreV1().Pods(ns).Get(t.Context(), "sick", metav1.GetOptions{}); err != nil {
		t.Fatalf("after the dry run: %v", err)
	}
	receipt, err := a.Apply(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Undo != nil {
		t.Error("an eviction has no undo")
	}
	left, err := c.CoreV1().Pods(ns).Get(t.Context(), "sick", metav1.GetOptions{})
	if err == nil && left.DeletionTimestamp == nil {
		t.Error("the pod is still there")
	}
}

func testEvictBlocked(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	labels := map[string]string{"app": "protected"}
	pod := newPod(t, c, "protected", labels)
	one := intstr.FromInt32(1)
	pdb, err := c.PolicyV1().PodDisruptionBudgets(ns).Create(t.Context(), &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "keep-one"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: &one, Selector: &metav1.LabelSelector{MatchLabels: labels}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// The disruption controller does not run here: its status is written by hand.
	pdb.Status = policyv1.PodDisruptionBudgetStatus{ObservedGeneration: pdb.Generation, CurrentHealthy: 1, DesiredHealthy: 1, ExpectedPods: 1}
	if _, err := c.PolicyV1().PodDisruptionBudgets(ns).UpdateStatus(t.Context(), pdb, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err = a.Apply(t.Context(), model.Change{Op: model.OpEvict, Target: ref("Pod", "protected"), UID: string(pod.UID)})
	blocked, ok := errors.AsType[*act.BlockedError](err)
	if !ok {
		t.Fatalf("got %v (%T), want a BlockedError", err, err)
	}
	if blocked.Budget != "keep-one" {
		t.Errorf("budget %q, want keep-one (%v)", blocked.Budget, blocked)
	}
	left, err := c.CoreV1().Pods(ns).Get(t.Context(), "protected", metav1.GetOptions{})
	if err != nil || left.DeletionTimestamp != nil {
		t.Errorf("the pod went all the same: %v", err)
	}
}

func testEvictOther(t *testing.T, server *apiserver.Server) {
	c, a := server.Kube(t), actor(t, server.Admin)
	newPod(t, c, "renewed", nil)
	_, err := a.Apply(t.Context(), model.Change{Op: model.OpEvict, Target: ref("Pod", "renewed"), UID: "former"})
	if _, ok := errors.AsType[*act.StaleError](err); !ok {
		t.Errorf("got %v (%T), want a StaleError", err, err)
	}
	_, err = a.Apply(t.Context(), model.Change{Op: model.OpEvict, Target: ref("Pod", "never-was"), UID: "former"})
	if _, ok := errors.AsType[*act.StaleError](err); !ok {
		t.Errorf("a pod that is not there: got %v (%T), want a StaleError", err, err)
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
