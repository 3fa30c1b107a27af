package kube

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// replica is the i-th pod of a controller, as it comes from the API server.
func replica(controller types.UID, i int, image string) *corev1.Pod {
	yes := true
	token := fmt.Sprintf("kube-api-access-%05d", i)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: fmt.Sprintf("cart-%d", i), Labels: map[string]string{"app": "cart"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "cart", UID: controller, Controller: &yes}},
		},
		Spec: corev1.PodSpec{
			NodeName:   fmt.Sprintf("node-%d", i),
			Containers: []corev1.Container{{Name: "app", Image: image, VolumeMounts: []corev1.VolumeMount{{Name: token, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"}}}},
			Volumes:    []corev1.Volume{{Name: token, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}}},
		},
	}
}

func TestPodsOfOneControllerShare(t *testing.T) {
	s := newSharer()
	first, second, other, changed := replica("a", 1, "cart:1"), replica("a", 2, "cart:1"), replica("b", 3, "cart:1"), replica("a", 4, "cart:2")
	changed.Labels["app"] = "basket"
	for _, p := range []*corev1.Pod{first, second, other, changed} {
		want := p.DeepCopy()
		want.Spec.Volumes[0].Name, want.Spec.Containers[0].VolumeMounts[0].Name = "kube-api-access-xxxxx", "kube-api-access-xxxxx"
		s.pod(p)
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("%s is another pod now:\n%s", p.Name, diff)
		}
	}
	if &first.Spec.Containers[0] != &second.Spec.Containers[0] || &first.OwnerReferences[0] != &second.OwnerReferences[0] {
		t.Error("two pods of one controller do not share their containers")
	}
	if &first.Spec.Containers[0] == &other.Spec.Containers[0] {
		t.Error("pods of two controllers share")
	}
	if &first.Spec.Containers[0] == &changed.Spec.Containers[0] {
		t.Error("pods with different containers share them")
	}
	runtime.KeepAlive(first)
}

func TestConditionsThatTellNothingGo(t *testing.T) {
	condition := func(of corev1.PodConditionType, s corev1.ConditionStatus) corev1.PodCondition {
		return corev1.PodCondition{Type: of, Status: s}
	}
	const yes, no = corev1.ConditionTrue, corev1.ConditionFalse
	for name, tc := range map[string]struct{ all, want []corev1.PodCondition }{
		"of a pod that is ready": {
			[]corev1.PodCondition{condition(corev1.PodScheduled, yes), condition("example.com/gate", yes), condition(corev1.PodReady, yes), condition(corev1.ContainersReady, yes)},
			[]corev1.PodCondition{condition("example.com/gate", yes), condition(corev1.PodReady, yes)},
		},
		"not of one that is not": {
			[]corev1.PodCondition{condition(corev1.PodScheduled, yes), condition(corev1.PodReady, no), condition(corev1.ContainersReady, yes)},
			[]corev1.PodCondition{condition(corev1.PodScheduled, yes), condition(corev1.PodReady, no), condition(corev1.ContainersReady, yes)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &corev1.Pod{Status: corev1.PodStatus{Conditions: tc.all}}
			newSharer().pod(p)
			if diff := cmp.Diff(tc.want, p.Status.Conditions); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A volume that only looks like the token's keeps its name.
func TestOtherVolumesKeepTheirNames(t *testing.T) {
	p := &corev1.Pod{Spec: corev1.PodSpec{Volumes: []corev1.Volume{
		{Name: "kube-api-access-of-ours", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}},
		{Name: "kube-api-access-12345"},
	}}}
	want := p.DeepCopy()
	newSharer().pod(p)
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
}

// Controllers whose pods are all gone are forgotten.
func TestSharerForgets(t *testing.T) {
	s := newSharer()
	const controllers = 10_000
	for i := range controllers {
		s.pod(replica(types.UID(fmt.Sprint(i)), i, "cart:1"))
		if i%1000 == 0 {
			runtime.GC()
		}
	}
	if n := len(s.siblings); n > controllers/2 {
		t.Errorf("%d of %d controllers are remembered, none of which has a pod", n, controllers)
	}
}

func TestSlicesShare(t *testing.T) {
	s := newSharer()
	end := func() discoveryv1.Endpoint {
		yes, no, node, zone := true, false, "node-1", "zone-1"
		return discoveryv1.Endpoint{
			Addresses: []string{"10.0.0.1"}, NodeName: &node, Zone: &zone,
			Conditions: discoveryv1.EndpointConditions{Ready: &yes, Terminating: &no},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: "cart-1"},
		}
	}
	es := &discoveryv1.EndpointSlice{Endpoints: []discoveryv1.Endpoint{end(), end()}}
	want := es.DeepCopy()
	s.slice(es)
	if diff := cmp.Diff(want, es); diff != "" {
		t.Errorf("the slice is another one now:\n%s", diff)
	}
	a, b := es.Endpoints[0], es.Endpoints[1]
	if a.NodeName != b.NodeName || a.Zone != b.Zone || a.Conditions.Ready != b.Conditions.Ready {
		t.Error("endpoints do not share")
	}
}
