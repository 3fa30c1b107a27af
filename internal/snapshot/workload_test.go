package snapshot_test

import (
	"maps"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

func TestWorkloadOfWithoutReplicaSets(t *testing.T) {
	pod := func(owner, hash string) *corev1.Pod {
		yes := true
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: owner + "-x", Labels: map[string]string{"pod-template-hash": hash},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: owner, Controller: &yes}},
		}}
	}
	deployment := &appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}, ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"}}
	b := snapshot.NewBuilder()
	if err := b.Add(deployment); err != nil {
		t.Fatal(err)
	}
	s := b.Seal(time.Time{})
	for name, test := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"of a Deployment":         {pod("cart-5d9", "5d9"), "Deployment/cart"},
		"of one that is not read": {pod("web-5d9", "5d9"), "Deployment/web"},
		"without the hash":        {pod("cart-5d9", ""), "ReplicaSet/cart-5d9"},
		"of another hash":         {pod("web-5d9", "5d8"), "ReplicaSet/web-5d9"},
	} {
		if got := s.WorkloadOf(test.pod); got.Kind+"/"+got.Name != test.want {
			t.Errorf("%s: %s/%s, want %s", name, got.Kind, got.Name, test.want)
		}
	}
}

func TestTemplateLabels(t *testing.T) {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{
		"app": "cart", "pod-template-hash": "5d9", "controller-revision-hash": "6c8", "pod-template-generation": "3",
		"statefulset.kubernetes.io/pod-name": "cart-0", "apps.kubernetes.io/pod-index": "0",
	}}}
	if got, want := snapshot.TemplateLabels(p), map[string]string{"app": "cart"}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if len(p.Labels) != 6 {
		t.Error("it changed the pod")
	}
	if got := snapshot.TemplateLabels(&corev1.Pod{}); len(got) > 0 {
		t.Errorf("%v of a pod without labels", got)
	}
}
