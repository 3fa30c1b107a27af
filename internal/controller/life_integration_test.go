//go:build integration

package controller_test

import (
	"context"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/controller"
	"github.com/gatemend/gatemend/internal/guardrail"
)

func allAuto(name string, rules ...v1alpha1.Rule) *v1alpha1.RemediationPolicy {
	if len(rules) == 0 {
		rules = []v1alpha1.Rule{{Name: "all", Mode: v1alpha1.ModeAuto}}
	}
	none := int32(1000)
	return &v1alpha1.RemediationPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.RemediationPolicySpec{Rules: rules, Limits: v1alpha1.Limits{
			Cooldown: &metav1.Duration{Duration: 0}, ActionsPerHour: v1alpha1.ActionsPerHour{Object: &none, Namespace: &none, Cluster: &none},
		}},
	}
}

// In mode auto a policy's rule lets a fault be mended without anybody; the incident tells all of it.
func TestAutoMendsWithinPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := clientFor(t, w.api.Admin).Create(t.Context(), allAuto("all")); err != nil {
		t.Fatal(err)
	}
	p := w.start("a", controller.Auto, nil)
	w.setPort(badPort)
	i := w.awaitPhase(v1alpha1.PhaseResolved)
	if w.port() != goodPort || len(p.changes()) != 1 {
		t.Errorf("port %d after %d changes\n%s", w.port(), len(p.changes()), told(i))
	}
	s := i.Status
	if got, want := kinds(i), "planned rehearsed answered applying applied waited judged closed"; got != want {
		t.Errorf("journal %q, want %q", got, want)
	}
	if s.Diagnosis == nil || s.Diagnosis.Cause != "target-port-mismatch" || s.Diagnosis.Where != "Service shop/cart" {
		t.Errorf("diagnosis %+v", s.Diagnosis)
	}
	if len(s.Actions) != 1 || s.Actions[0].Result != "Applied" || s.Actions[0].Fields[0].Before != "9999" || s.Actions[0].Fields[0].After != "8080" {
		t.Errorf("actions %+v", s.Actions)
	}
	if len(s.Decisions) != 1 || s.Decisions[0].Verdict != "allow" || !strings.Contains(s.Decisions[0].Because, "all/all") {
		t.Errorf("decisions %+v", s.Decisions)
	}
	for _, c := range []string{v1alpha1.ConditionDiagnosed, v1alpha1.ConditionApproved, v1alpha1.ConditionMended, v1alpha1.ConditionResolved} {
		if !meta.IsStatusConditionTrue(s.Conditions, c) {
			t.Errorf("condition %s: %+v", c, meta.FindStatusCondition(s.Conditions, c))
		}
	}
	if s.Observed == nil || s.Observed.Errors == 0 || i.Spec.Object == nil || i.Spec.Object.Name != "shop" || i.Namespace != "shop" {
		t.Errorf("observed %+v, object %+v", s.Observed, i.Spec.Object)
	}
	await(t, "people are told on the Service", func() (bool, string) {
		events, err := w.api.Kube(t).EventsV1().Events("shop").List(t.Context(), metav1.ListOptions{})
		var got []string
		for _, e := range events.Items {
			got = append(got, e.Regarding.Kind+" "+e.Reason)
		}
		all := strings.Join(got, ", ")
		return err == nil && strings.Contains(all, "Service Mended") && strings.Contains(all, "Service Changed"), all
	})
}

// In mode propose a plan is shown, and in mode observe not even that; nothing is touched.
func TestProposeAndObserveTouchNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := clientFor(t, w.api.Admin).Create(t.Context(), allAuto("all")); err != nil {
		t.Fatal(err)
	}
	p := w.start("proposes", controller.Propose, nil)
	w.setPort(badPort)
	i := w.awaitPhase(v1alpha1.PhaseProposed)
	if i.Status.Plan == nil || i.Status.Plan.Action != "patch-service" || !strings.Contains(i.Status.Plan.Kubectl, "kubectl") {
		t.Errorf("plan %+v", i.Status.Plan)
	}
	w.setPort(goodPort) // a person carries it out
	w.awaitPhase(v1alpha1.PhaseResolved)
	p.end()

	o := w.start("observes", controller.Observe, nil)
	w.setPort(badPort)
	i = w.awaitPhase(v1alpha1.PhaseDiagnosed)
	if i.Status.Plan != nil || len(i.Status.Journal) != 0 {
		t.Errorf("plan %+v", i.Status.Plan)
	}
	if n := len(p.changes()) + len(o.changes()); n != 0 {
		t.Errorf("%d changes", n)
	}
	for _, c := range append(p.all, o.all...) {
		if c.method == "PATCH" && strings.Contains(c.path, "/services/") {
			t.Errorf("%+v: not even a dry run is needed", c)
		}
	}
}

// What a controller of another mode held back is asked about anew by the next one, at once: also where no policy of the
// cluster changes and has everything looked at.
func TestAnotherModeAsksAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rules, err := guardrail.Compile(*allAuto("all"))
	if err != nil {
		t.Fatal(err)
	}
	w.rules = &rules
	p := w.start("proposes", controller.Propose, nil)
	w.setPort(badPort)
	w.awaitPhase(v1alpha1.PhaseProposed)
	p.end()
	w.start("mends", controller.Auto, nil)
	w.awaitPhase(v1alpha1.PhaseResolved)
	if w.port() != goodPort {
		t.Errorf("port %d", w.port())
	}
}

// Without a policy a person decides: who may create approvals in the namespace, by name.
func TestAPersonApproves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start("a", controller.Auto, nil)
	w.setPort(badPort)
	i := w.awaitPhase(v1alpha1.PhaseAwaitingApproval)
	w.api.Allow(t, "ann", "shop", rbacv1.PolicyRule{APIGroups: []string{v1alpha1.Group}, Resources: []string{"remediationapprovals"}, Verbs: []string{"create"}})
	decide := func(user, plan string, d v1alpha1.Decision) error {
		a := approvalBy("", user)
		a.GenerateName, a.Spec.Incident.Name, a.Spec.Plan, a.Spec.Decision, a.Spec.Reason = "a-", i.Name, plan, d, "seen"
		return clientFor(t, w.api.User(t, user)).Create(t.Context(), a)
	}
	if err := decide("bob", i.Status.Plan.ID, v1alpha1.Approve); !apierrors.IsForbidden(err) {
		t.Errorf("bob may not approve: %v", err)
	}
	// What was approved before the API server vouched for it, and what is about another plan, does not count.
	if err := decide("ann", "00000000deadbeef", v1alpha1.Approve); err != nil {
		t.Fatal(err)
	}
	w.awaitVouched()
	if w.port() != badPort || len(p.changes()) != 0 {
		t.Fatalf("a plan was carried out that nobody approved: %+v", p.changes())
	}
	if err := decide("ann", i.Status.Plan.ID, v1alpha1.Approve); err != nil {
		t.Fatal(err)
	}
	i = w.awaitPhase(v1alpha1.PhaseResolved)
	if w.port() != goodPort || len(p.changes()) != 1 {
		t.Errorf("port %d after %d changes", w.port(), len(p.changes()))
	}
	last := i.Status.Decisions[len(i.Status.Decisions)-1]
	if last.User != "ann" || last.Verdict != "Approve" || last.Because != "seen" || last.Plan != i.Status.Plan.ID {
		t.Errorf("decisions %+v", i.Status.Decisions)
	}
}

// Of a policy that does not compile the last version that did holds, and its status says where it is wrong.
func TestABrokenPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := clientFor(t, w.api.Admin)
	policy := allAuto("all")
	if err := admin.Create(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	w.start("a", controller.Auto, nil)
	ready := func(name string) *metav1.Condition {
		var p v1alpha1.RemediationPolicy
		if err := admin.Get(context.Background(), client.ObjectKey{Name: name}, &p); err != nil {
			t.Fatal(err)
		}
		return meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	}
	await(t, "the policy is ready", func() (bool, string) {
		c := ready("all")
		return c != nil && c.Status == metav1.ConditionTrue, "not ready"
	})
	if err := admin.Get(t.Context(), client.ObjectKeyFromObject(policy), policy); err != nil {
		t.Fatal(err)
	}
	policy.Spec.Rules[0].Match.Expression = "risk = 'low'"
	if err := admin.Update(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	await(t, "its status says what is wrong", func() (bool, string) {
		c := ready("all")
		return c.Status == metav1.ConditionFalse && strings.Contains(c.Message, "spec.rules[0].match.expression") && strings.Contains(c.Message, "generation 1 holds"), c.Message
	})
	w.setPort(badPort)
	w.awaitPhase(v1alpha1.PhaseResolved) // generation 1 lets it be

	// What a policy forbids of which no version can be read is not known.
	if err := admin.Create(t.Context(), allAuto("new", v1alpha1.Rule{Name: "x", Mode: v1alpha1.ModeOff, Match: v1alpha1.Match{Causes: []string{"no-such-cause"}}})); err != nil {
		t.Fatal(err)
	}
	await(t, "the new policy is refused", func() (bool, string) {
		c := ready("new")
		return c != nil && c.Status == metav1.ConditionFalse, "no condition"
	})
	w.setPort(badPort)
	i := w.awaitPhase(v1alpha1.PhaseProposed)
	if !strings.Contains(i.Status.Message, "RemediationPolicy new") {
		t.Errorf("message %q", i.Status.Message)
	}
}
