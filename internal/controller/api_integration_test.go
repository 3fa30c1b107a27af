//go:build integration

package controller_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

func clientFor(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func approvalBy(name, user string) *v1alpha1.RemediationApproval {
	return &v1alpha1.RemediationApproval{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec: v1alpha1.RemediationApprovalSpec{
			Incident: v1alpha1.IncidentReference{Name: "cart"}, Plan: "0123456789abcdef", Decision: v1alpha1.Approve, User: user,
		},
	}
}

// An approval says who made it, whatever that user writes, and only who was given the right makes one.
func TestApprovalsNameTheirRealUser(t *testing.T) {
	t.Parallel()
	api := apiserver.Start(t)
	api.InstallGatemend(t)
	api.Namespace(t, "shop")
	allowed := rbacv1.PolicyRule{APIGroups: []string{v1alpha1.Group}, Resources: []string{"remediationapprovals"}, Verbs: []string{"create", "update", "get"}}
	api.Allow(t, "ann", "shop", allowed)
	ann, bob := clientFor(t, api.User(t, "ann")), clientFor(t, api.User(t, "bob"))

	// The API server takes a moment until it knows a new policy.
	await(t, "a forged approval is refused", func() (bool, string) {
		a := approvalBy("", "bob")
		a.GenerateName = "forged-"
		err := ann.Create(t.Context(), a)
		return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "spec.user must be the name of who creates the approval: ann"), errorText(err)
	})
	if err := bob.Create(t.Context(), approvalBy("bobs", "bob")); !apierrors.IsForbidden(err) {
		t.Errorf("bob has no right to approve and got %v", err)
	}
	mine := approvalBy("anns", "ann")
	if err := ann.Create(t.Context(), mine); err != nil {
		t.Fatalf("ann approves: %v", err)
	}
	for _, change := range []func(*v1alpha1.RemediationApproval){
		func(a *v1alpha1.RemediationApproval) { a.Spec.User = "bob" },
		func(a *v1alpha1.RemediationApproval) { a.Spec.Decision = v1alpha1.Reject },
		func(a *v1alpha1.RemediationApproval) { a.Spec.Plan = "fedcba9876543210" },
	} {
		other := mine.DeepCopy()
		change(other)
		if err := ann.Update(t.Context(), other); err == nil || !strings.Contains(err.Error(), "a decision cannot be changed") {
			t.Errorf("a decision was changed to %+v: %v", other.Spec, err)
		}
	}
}

// The schemas refuse what the program would not understand.
func TestSchemasRefuseNonsense(t *testing.T) {
	t.Parallel()
	api := apiserver.Start(t)
	api.InstallGatemend(t)
	api.Namespace(t, "shop")
	admin := clientFor(t, api.Admin)

	for name, c := range map[string]struct{ object, want string }{
		"mode":        {`{rules: [{name: a, mode: automatic}]}`, "spec.rules[0].mode"},
		"same name":   {`{rules: [{name: a, mode: auto}, {name: a, mode: auto}]}`, "Duplicate value"},
		"no name":     {`{rules: [{name: "", mode: auto}]}`, "spec.rules[0].name"},
		"confidence":  {`{rules: [{name: a, mode: auto, minConfidencePercent: 50}]}`, "minConfidencePercent"},
		"owner":       {`{rules: [{name: a, mode: auto, allowOwners: [hlem]}]}`, "allowOwners"},
		"clock":       {`{windows: [{from: "8", to: "18:00"}]}`, "spec.windows[0].from"},
		"day":         {`{windows: [{days: [Monday], from: "08:00", to: "18:00"}]}`, "spec.windows[0].days[0]"},
		"freeze":      {`{freezes: [{from: "2026-12-20T00:00:00Z", to: "2026-12-19T00:00:00Z"}]}`, "a freeze must end after it begins"},
		"negative":    {`{limits: {actionsPerHour: {object: -1}}}`, "actionsPerHour.object"},
		"wrong type":  {`{limits: {storm: {incidents: many}}}`, "storm.incidents"},
		"opt-in":      {`{namespaceOptIn: Sometimes}`, "namespaceOptIn"},
		"is accepted": {`{rules: [{name: a, match: {expression: "risk == 'low'"}, mode: "off"}], limits: {cooldown: 30m}, windows: [{days: [Mon], from: "08:00", to: "24:00", timeZone: Europe/Berlin}]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var o map[string]any
			if err := yaml.Unmarshal([]byte("{apiVersion: gatemend.dev/v1alpha1, kind: RemediationPolicy, metadata: {generateName: p-}, spec: "+c.object+"}"), &o); err != nil {
				t.Fatal(err)
			}
			err := admin.Create(t.Context(), &unstructuredObject{Object: o})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}

	i := &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"},
		Spec:       v1alpha1.IncidentSpec{Route: "shop.example.com/cart", Since: metav1.NowMicro()},
	}
	if err := admin.Create(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	moved := i.DeepCopy()
	moved.Spec.Route = "other.example.com"
	if err := admin.Update(t.Context(), moved); err == nil || !strings.Contains(err.Error(), "a fact that does not change") {
		t.Errorf("an incident became another one: %v", err)
	}
	wrong := i.DeepCopy()
	wrong.Status.Phase = "Confused"
	if err := admin.Status().Update(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "status.phase") {
		t.Errorf("a phase that there is not: %v", err)
	}
}

// 'kubectl get incidents' shows what matters.
func TestIncidentsReadWell(t *testing.T) {
	t.Parallel()
	api := apiserver.Start(t)
	api.InstallGatemend(t)
	api.Namespace(t, "shop")
	admin := clientFor(t, api.Admin)
	i := &v1alpha1.Incident{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-x7k2p"},
		Spec:       v1alpha1.IncidentSpec{Route: "shop.example.com/cart", Since: metav1.NowMicro()},
	}
	if err := admin.Create(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	i.Status = v1alpha1.IncidentStatus{
		Phase:     v1alpha1.PhaseMending,
		Observed:  &v1alpha1.Observed{Requests: 230, Errors: 214},
		Diagnosis: &v1alpha1.Diagnosis{Cause: "target-port-mismatch", ConfidencePercent: 97, Where: "Service shop/cart", Summary: "s"},
	}
	meta.SetStatusCondition(&i.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionDiagnosed, Status: metav1.ConditionTrue, Reason: "CauseFound"})
	if err := admin.Status().Update(t.Context(), i); err != nil {
		t.Fatal(err)
	}
	table := api.Table(t, "/apis/gatemend.dev/v1alpha1/namespaces/shop/incidents")
	var head []string
	for _, c := range table.ColumnDefinitions {
		if c.Priority == 0 {
			head = append(head, c.Name)
		}
	}
	if got, want := strings.Join(head, " "), "Name Route Cause Object Phase Errors Age"; got != want {
		t.Errorf("columns %q, want %q", got, want)
	}
	if len(table.Rows) != 1 {
		t.Fatalf("%d rows, want 1", len(table.Rows))
	}
	var row bytes.Buffer
	for n, c := range table.ColumnDefinitions {
		if c.Priority == 0 && c.Name != "Age" {
			row.WriteString(text(table.Rows[0].Cells[n]) + " ")
		}
	}
	if got, want := row.String(), "cart-x7k2p shop.example.com/cart target-port-mismatch Service shop/cart Mending 214 "; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// await asks until the answer is yes.
func await(t *testing.T, what string, ask func() (ok bool, got string)) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var ok bool
		if ok, got = ask(); ok {
			return
		}
	}
	t.Fatalf("%s: it does not come to it; last: %s", what, got)
}
