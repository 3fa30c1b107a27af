//go:build integration

package controller_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/controller"
	"github.com/gatemend/gatemend/internal/guardrail"
)

// newShopAlone is a world in which gatemend has rights in namespace shop and nowhere else, as the chart's value namespaced gives
// them, and policies of a file.
func newShopAlone(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.alone = "shop"
	for _, role := range []string{"gatemend-reader", "gatemend-controller", "gatemend-mender"} {
		meta := metav1.ObjectMeta{Namespace: w.alone, Name: role}
		if err := w.admin.Delete(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: role}}); err != nil {
			t.Fatal(err)
		}
		w.create(&rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "gatemend"}},
		})
	}
	w.api.Allow(t, "gatemend", w.alone, rbacv1.PolicyRule{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"create", "get", "update"}})
	w.api.AwaitNoRight(t, "gatemend", "gatemend", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list"}})
	policy := allAuto("all")
	policy.Spec.NamespaceOptIn = v1alpha1.OptInNotRequired
	rules, err := guardrail.Compile(*policy)
	if err != nil {
		t.Fatal(err)
	}
	w.rules = &rules
	return w
}

// One that sees its own namespace alone mends there unattended, and the switch in that namespace stops it.
func TestOneNamespaceAloneIsStoppedThere(t *testing.T) {
	t.Parallel()
	w := newShopAlone(t)
	w.api.Create(t, filepath.Join("..", "..", "config", "rbac", "scoped.yaml"))
	w.create(&rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "gatemend-shop"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "gatemend-scoped"},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "gatemend"}},
	})
	w.api.AwaitRight(t, "gatemend", "", rbacv1.PolicyRule{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingressclasses"}, Verbs: []string{"list"}})
	stop := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.alone, Name: guardrail.StopName}, Data: map[string]string{"reason": "the storage moves"}}
	w.create(stop)
	p := w.start("a", controller.Auto, nil)
	w.setPort(badPort)
	i := w.awaitPhase(v1alpha1.PhaseProposed)
	if says := "gatemend was stopped in namespace shop (the storage moves); 'gatemend resume -n shop' lets it act again"; !strings.Contains(decisions(i), says) {
		t.Errorf("it does not say %q:\n%s", says, decisions(i))
	}
	p.end()
	if err := w.admin.Delete(t.Context(), stop); err != nil {
		t.Fatal(err)
	}
	q := w.start("b", controller.Auto, nil) // as the first one asks again in five minutes
	w.awaitPhase(v1alpha1.PhaseResolved)
	if w.port() != goodPort || len(p.changes()) != 0 || len(q.changes()) != 1 {
		t.Errorf("port %d; %d changes while stopped, %d afterwards", w.port(), len(p.changes()), len(q.changes()))
	}
}

// Where it may not look for the switch in its own namespace either, nothing is changed unattended; and without policies of its own,
// where the cluster's may not be read, it runs and proposes.
func TestOneNamespaceAloneThatCannotLook(t *testing.T) {
	t.Parallel()
	w := newShopAlone(t)
	var reader rbacv1.ClusterRole
	if err := w.admin.Get(t.Context(), types.NamespacedName{Name: "gatemend-reader"}, &reader); err != nil {
		t.Fatal(err)
	}
	for i, r := range reader.Rules {
		reader.Rules[i].Resources = slices.DeleteFunc(r.Resources, func(r string) bool { return r == "configmaps" })
	}
	if err := w.admin.Update(t.Context(), &reader); err != nil {
		t.Fatal(err)
	}
	w.api.AwaitNoRight(t, "gatemend", "shop", rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"list"}})
	p := w.start("a", controller.Auto, nil)
	w.setPort(badPort)
	i := w.awaitPhase(v1alpha1.PhaseAwaitingApproval)
	if says := "whether gatemend was stopped is not known: ConfigMap shop/gatemend-stop cannot be read"; !strings.Contains(decisions(i), says) {
		t.Errorf("it does not say %q:\n%s", says, decisions(i))
	}
	p.end()
	w.rules = nil
	p = w.start("b", controller.Auto, nil)
	i = w.awaitPhase(v1alpha1.PhaseProposed)
	if says := "RemediationPolicies belong to the whole cluster and may not be read"; !strings.Contains(decisions(i), says) {
		t.Errorf("it does not say %q:\n%s", says, decisions(i))
	}
	if len(p.changes()) != 0 || w.port() != badPort {
		t.Errorf("%d changes, port %d", len(p.changes()), w.port())
	}
}

// decisions are what was decided on an incident's plans, and why.
func decisions(i v1alpha1.Incident) string {
	var b strings.Builder
	for _, d := range i.Status.Decisions {
		b.WriteString(d.Verdict + ": " + d.Because + "\n")
	}
	return b.String()
}
