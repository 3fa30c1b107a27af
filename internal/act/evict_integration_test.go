//go:build integration

package act_test

import (
	"errors"
	"testing"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

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
