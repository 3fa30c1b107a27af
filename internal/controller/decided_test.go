package controller

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// planned is a shop with a wrong targetPort, and the plan for it.
func planned(t *testing.T) (*snapshot.Snapshot, model.Plan) {
	t.Helper()
	f, shop := plantest.Faults()[0], plantest.Shop("cart", "web")
	f.Break(shop)
	s := shop.Snapshot()
	p, err := plan.Make(plan.Input{Diagnosis: model.Diagnosis{Causes: []model.Finding{f.Finding}, Observed: f.Observed}, Snapshot: s})
	if err != nil {
		t.Fatal(err)
	}
	return s, p
}

// policies are those of a file, as they are in force.
func policies(t *testing.T, spec string) *guardrail.Set {
	t.Helper()
	set, err := guardrail.Parse("p.yaml", []byte("apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\nmetadata: {name: p}\nspec:\n"+spec))
	if err != nil {
		t.Fatal(err)
	}
	return &set
}

const allAutomatic = "  namespaceOptIn: NotRequired\n  rules: [{name: all, mode: auto}]\n"

// A repair that was begun goes on with its changes only where one might be begun now.
func TestWhatIsBegunIsHeldBack(t *testing.T) {
	freeze := func(from, to string) string {
		return allAutomatic + fmt.Sprintf("  freezes: [{from: '%s', to: '%s', reason: holidays}]\n", from, to)
	}
	for name, tc := range map[string]struct {
		mode   Mode
		policy string
		want   string
	}{
		"mode auto":                {Auto, allAutomatic, ""},
		"mode observe":             {Observe, allAutomatic, "mode observe: nothing is changed"},
		"mode propose":             {Propose, allAutomatic, "mode propose: nothing is changed"},
		"a freeze":                 {Auto, freeze("2026-05-04T00:00:00Z", "2026-05-05T00:00:00Z"), "holidays"},
		"a freeze that is over":    {Auto, freeze("2026-05-01T00:00:00Z", "2026-05-04T00:00:00Z"), ""},
		"a freeze of another team": {Auto, "  match: {namespaces: [pay]}\n" + freeze("2026-05-04T00:00:00Z", "2026-05-05T00:00:00Z"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, p := planned(t)
			i := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-1"}}
			l := newLedger(nil, nil)
			if err := l.put(i); err != nil {
				t.Fatal(err)
			}
			r := &incidentReconciler{ledger: l, mode: tc.mode, force: &inForce{}, now: func() time.Time { return begun }}
			r.force.hold(policies(t, tc.policy), "")
			got := r.options(client.ObjectKeyFromObject(i), plan.Policy{}).Hold(s, p)
			if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// That a policy has changed makes what would be tried again begin sooner, and nothing else begin: a person's no stays one.
func TestAPolicyEventHurriesOnlyWhatIsTriedAgain(t *testing.T) {
	for outcome, want := range map[plan.Outcome]bool{
		plan.Refused: true, plan.OnlyAdvice: true, plan.CouldNotAct: true, plan.Declined: false, plan.NotHelped: false, plan.UndoFailed: false,
	} {
		d := newDesk(t)
		i := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-1"}, Status: v1alpha1.IncidentStatus{Attempts: 1}}
		events := []plan.Event{{Kind: plan.EventPlanned, Plan: &model.Plan{}}, {Kind: plan.EventClosed, Outcome: outcome}}
		for n := range events {
			events[n].At, events[n].Incident = begun, attemptID("shop/cart-1", 1)
		}
		r := &incidentReconciler{mode: Auto, clerk: d.clerk, now: func() time.Time { return begun.Add(time.Second) }}
		if wait, again := r.again(i, events); again != want || again && wait <= 0 {
			t.Errorf("%s: again %t, after %s", outcome, again, wait)
		}
		d.hurry(client.ObjectKeyFromObject(i))
		if wait, again := r.again(i, events); again != want || wait != 0 {
			t.Errorf("%s, and a policy has changed: again %t, after %s, want %t, at once", outcome, again, wait, want)
		}
	}
}

// A person's no to a plan holds where a policy allows it by now; of another plan or incident it says nothing.
func TestANoOutweighsAPolicy(t *testing.T) {
	s, p := planned(t)
	no := v1alpha1.RemediationApproval{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "no"},
		Spec:       v1alpha1.RemediationApprovalSpec{Incident: v1alpha1.IncidentReference{Name: "cart-1"}, Plan: planID(p), Decision: v1alpha1.Reject, User: "ann", Reason: "we move it"},
	}
	for name, tc := range map[string]struct {
		edit func(*v1alpha1.RemediationApproval)
		yes  bool
	}{
		"a no":                {func(*v1alpha1.RemediationApproval) {}, false},
		"a yes":               {func(a *v1alpha1.RemediationApproval) { a.Spec.Decision = v1alpha1.Approve }, true},
		"of another plan":     {func(a *v1alpha1.RemediationApproval) { a.Spec.Plan = "0" }, true},
		"of another incident": {func(a *v1alpha1.RemediationApproval) { a.Spec.Incident.Name = "cart-2" }, true},
		"elsewhere":           {func(a *v1alpha1.RemediationApproval) { a.Namespace, a.Spec.Incident.Namespace = "pay", "shop" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			if err := authorizationv1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			i := &v1alpha1.Incident{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-1"}}
			said := no
			tc.edit(&said)
			store := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(i).WithObjects(i, &said).WithInterceptorFuncs(interceptor.Funcs{
				Create: func(_ context.Context, _ client.WithWatch, o client.Object, _ ...client.CreateOption) error {
					o.(*authorizationv1.SelfSubjectAccessReview).Status.Allowed = true //nolint:forcetypeassert // nothing else is created
					return nil
				},
			}).Build()
			l := newLedger(store, store)
			if err := l.load(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			mapper := meta.NewDefaultRESTMapper(nil)
			mapper.Add(schema.GroupVersionKind{Version: "v1", Kind: "Service"}, meta.RESTScopeNamespace)
			a := &asker{
				mode: Auto, rules: rules{set: policies(t, allAutomatic)}, ledger: l, key: client.ObjectKeyFromObject(i), cached: store, rights: rights{store, mapper},
				routes: func() *path.Map { return path.New(s) }, open: func() []string { return nil }, now: func() time.Time { return begun },
			}
			got, err := a.Ask(t.Context(), p)
			if err != nil || got.Yes != tc.yes || got.Refused || !tc.yes && got.Because != "rejected by ann: we move it" {
				t.Errorf("got %+v, %v, want yes: %t", got, err, tc.yes)
			}
		})
	}
}
