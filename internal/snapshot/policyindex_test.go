package snapshot_test

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// What is left out cannot select the pod, the others are in the order of their names, and a change is heeded.
func TestPoliciesFor(t *testing.T) {
	policy := func(name string, match map[string]string) *networkingv1.NetworkPolicy {
		return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"}, Spec: networkingv1.NetworkPolicySpec{PodSelector: metav1.LabelSelector{MatchLabels: match}}}
	}
	exists := policy("e-exists", nil)
	exists.Spec.PodSelector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpExists}}
	elsewhere := policy("a-elsewhere", nil)
	elsewhere.Namespace = "other"
	s := build(t, nil,
		policy("d-cart", map[string]string{"app": "cart", "tier": "web"}),
		policy("b-pay", map[string]string{"app": "pay", "tier": "web"}),
		policy("a-all", nil),
		policy("c-tier", map[string]string{"tier": "web"}),
		exists, elsewhere)
	cart := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "cart-1", Namespace: "shop", Labels: map[string]string{"app": "cart", "tier": "web"}}}
	check := func(s *snapshot.Snapshot, want ...string) {
		t.Helper()
		var got []string
		for _, p := range s.PoliciesFor(cart) {
			got = append(got, p.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("policies %v, want %v", got, want)
		}
	}
	for range 3 { // nothing that was shared has been sorted or written over
		check(s, "a-all", "c-tier", "d-cart", "e-exists")
	}
	next := s.WithObjects([]metav1.Object{policy("b-pay", map[string]string{"app": "cart"})}, []model.Ref{snapshot.RefOf(exists)})
	check(next, "a-all", "b-pay", "c-tier", "d-cart")
	check(s, "a-all", "c-tier", "d-cart", "e-exists")
	if got := fmt.Sprint(s.PoliciesFor(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "none"}})); got != "[]" {
		t.Errorf("in a namespace without policies: %s", got)
	}
}
