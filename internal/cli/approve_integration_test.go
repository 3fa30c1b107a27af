//go:build integration

package cli_test

import (
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

// Who may create approvals in the namespaces of a plan approves and rejects it at the prompt, under the own name; the plan
// that was looked at, and no other.
func TestApproveAndReject(t *testing.T) {
	api := apiserver.Start(t)
	api.InstallGatemend(t)
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(api.Admin, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	for _, ns := range []string{"shop", "pay"} {
		api.Namespace(t, ns)
	}
	i := &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-1"},
		Spec:       v1alpha1.IncidentSpec{Route: "shop.example.com/cart", Since: metav1.NowMicro()},
	}
	if err := admin.Create(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	const plan = "5f0c9a2b7d3e1148"
	set := func(phase v1alpha1.Phase, namespaces ...string) {
		t.Helper()
		i.Status.Phase, i.Status.Message = phase, "a person must decide"
		i.Status.Diagnosis = &v1alpha1.Diagnosis{Cause: "target-port-mismatch", ConfidencePercent: 97, Where: "Service shop/cart", Object: v1alpha1.ObjectReference{APIVersion: "v1", Kind: "Service", Name: "cart"}, Summary: "nobody listens on 9999"}
		i.Status.Plan = &v1alpha1.Plan{ID: plan, Action: "patch-service", Summary: "targetPort 9999 -> 8080", Risk: "low", Diff: "-9999\n+8080\n", ApprovalNamespaces: namespaces}
		if err := admin.Status().Update(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	rules := []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.Group}, Resources: []string{"remediationapprovals"}, Verbs: []string{"create"}},
		{APIGroups: []string{v1alpha1.Group}, Resources: []string{"incidents"}, Verbs: []string{"get"}},
	}
	api.Allow(t, "ann", "shop", rules...)
	api.Allow(t, "bob", "shop", rules[1])
	ann, bob := kubeconfig(t, api.User(t, "ann")), kubeconfig(t, api.User(t, "bob"))

	set(v1alpha1.PhaseAwaitingApproval, "shop", "pay")
	for _, c := range []struct {
		name string
		args []string
		exit cli.Exit
		says string
	}{
		{"nobody is there to be asked", []string{"approve", "cart-1", "-n", "shop", "--kubeconfig", ann}, cli.ExitUsage, "--plan " + plan},
		{"no such incident", []string{"approve", "none", "-n", "shop", "--kubeconfig", ann}, cli.ExitUsage, "kubectl get incidents"},
		{"no incident named", []string{"reject", "--kubeconfig", ann}, cli.ExitUsage, "which incident?"},
		{"another plan", []string{"approve", "shop/cart-1", "--plan", "0000000000000000", "--yes", "--kubeconfig", ann}, cli.ExitCouldNot, "the plan is " + plan + " by now"},
		{"no right", []string{"approve", "shop/cart-1", "--yes", "--kubeconfig", bob}, cli.ExitCouldNot, "gatemend-approver"},
		{"in one of two namespaces", []string{"approve", "shop/cart-1", "--yes", "--plan", plan, "--reason", "seen", "--kubeconfig", ann}, cli.ExitOK, "approved by ann in namespace shop\nyou may not in namespace pay"},
		{"a no", []string{"reject", "shop/cart-1", "--kubeconfig", ann}, cli.ExitOK, "rejected by ann in namespace shop\n"},
	} {
		exit, out, errOut := run(t, c.args...)
		if exit != c.exit || !strings.Contains(out+errOut, c.says) {
			t.Errorf("%s: exit %d\n%s\n%s", c.name, exit, out, errOut)
		}
		if exit == cli.ExitOK && !strings.Contains(out, "-9999\n+8080\n") {
			t.Errorf("%s: the plan is not shown\n%s", c.name, out)
		}
	}
	var made v1alpha1.RemediationApprovalList
	if err := admin.List(t.Context(), &made); err != nil {
		t.Fatal(err)
	}
	got := map[v1alpha1.Decision]string{}
	for _, a := range made.Items {
		got[a.Spec.Decision] += a.Namespace + " " + a.Spec.User + " " + a.Spec.Plan + " " + a.Spec.Reason + ";"
	}
	if got[v1alpha1.Approve] != "shop ann "+plan+" seen;" || got[v1alpha1.Reject] != "shop ann "+plan+" ;" || len(made.Items) != 2 {
		t.Errorf("approvals %v", got)
	}

	set(v1alpha1.PhaseMending, "shop")
	if exit, out, errOut := run(t, "approve", "shop/cart-1", "--yes", "--kubeconfig", ann); exit != cli.ExitCouldNot || !strings.Contains(out, "is Mending") {
		t.Errorf("too late: exit %d\n%s\n%s", exit, out, errOut)
	}
}
