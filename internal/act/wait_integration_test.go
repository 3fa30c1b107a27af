//go:build integration

package act_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/source/kube"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

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

// testWaitResize plays the kubelet, which says in the pod's status what it has given it, or that it never can.
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
