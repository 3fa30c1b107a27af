package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/remedy"
)

const hpa = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: cart, namespace: shop}
spec: {minReplicas: 3, maxReplicas: 5, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: cart}}
`

// TestGuards gives each guard something to object to, and the same without it.
func TestGuards(t *testing.T) {
	at := plantest.At()
	wrongPort := faults()[0]
	rollback := rollbackFault(t).input
	edited := func(edit func(*plantest.Cluster)) Input {
		f := wrongPort
		f.Break = func(c *plantest.Cluster) { wrongPort.Break(c); edit(c) }
		return f.input()
	}
	for _, tc := range []struct {
		guard    string
		absolute bool
		input    func() Input
	}{
		{"confidence", true, func() Input { in := wrongPort.input(); in.Diagnosis.Causes[0].Confidence = 0.7; return in }},
		{"machine", false, func() Input { in := wrongPort.input(); in.Diagnosis.Causes[0].ID = "traffic-policy-local"; return in }},
		{"advice-only", true, named(t, "node-lost").input},
		{"owner", true, func() Input {
			return edited(func(c *plantest.Cluster) {
				c.Edit("Service/cart", "shop:/Service:shop/cart", "metadata", "annotations", "argocd.argoproj.io/tracking-id")
			})
		}},
		{"owner", true, func() Input {
			return edited(func(c *plantest.Cluster) {
				c.Edit("Service/cart", []any{map[string]any{"apiVersion": "shop.example.com/v1", "kind": "Shop", "name": "s", "uid": "x", "controller": true}}, "metadata", "ownerReferences")
			})
		}},
		{"protected-namespace", true, func() Input { in := wrongPort.input(); in.Policy.Protected = []string{"shop"}; return in }},
		{"rate-limit", true, func() Input {
			in := wrongPort.input()
			in.Policy.MaxChanges, in.Memory.Changed = 2, []time.Time{at.Add(-time.Minute), at.Add(-2 * time.Minute)}
			return in
		}},
		{"lossy-rollout", false, named(t, "termination-race").input},
		{"recreate", false, func() Input {
			f := rollbackFault(t)
			breaks := f.Break
			f.Break = func(c *plantest.Cluster) {
				breaks(c)
				c.Edit("Deployment/cart", map[string]any{"type": "Recreate"}, "spec", "strategy")
				c.Edit("Deployment/cart", 1, "status", "readyReplicas")
			}
			return f.input()
		}},
		{"rollback-once", true, func() Input {
			in := rollback()
			in.Memory.Attempts = []Attempt{{At: at.Add(-time.Hour), Action: "rollback", Target: plantest.Ref("Deployment", "cart"), Helped: true}}
			return in
		}},
	} {
		t.Run(tc.guard, func(t *testing.T) {
			p, err := Make(tc.input())
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(p.Guards, func(g model.GuardResult) bool { return g.Guard == tc.guard })
			if i < 0 || p.Guards[i].Absolute != tc.absolute || len(p.Guards) != 1 {
				t.Errorf("got guards %+v, want %s alone, absolute=%v", p.Guards, tc.guard, tc.absolute)
			}
		})
	}
	for _, in := range []Input{wrongPort.input(), rollback()} {
		if p, err := Make(in); err != nil || len(p.Guards) > 0 {
			t.Errorf("got guards %+v and error %v, want none", p.Guards, err)
		}
	}
}

func rollbackFault(t *testing.T) fault { return named(t, "crash-loop") }

func named(t *testing.T, name string) fault {
	t.Helper()
	for _, f := range faults() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no fault %s", name)
	return fault{}
}

// TestOnlyAPersonOpensWhatIsShut: neither a policy nor a grant is written without a person, whatever the
// catalogue says of the cause.
func TestOnlyAPersonOpensWhatIsShut(t *testing.T) {
	for _, name := range []string{"policy-ingress", "policy-both-ends", "refgrant"} {
		p, err := Make(named(t, name).input())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(p.Guards, func(g model.GuardResult) bool { return g.Guard == "access" })
		if i < 0 || blocked(p.Guards) {
			t.Errorf("%s: got guards %+v, want access, which a person's yes lifts", name, p.Guards)
		}
	}
}

// TestAGatewaysRollbackNeedsAPerson: what all routes go through is not replaced by a machine alone, as an application is.
func TestAGatewaysRollbackNeedsAPerson(t *testing.T) {
	for id, want := range map[model.CauseID]model.Machine{"container-crashloop": model.MachineFix, "proxy-not-running": model.MachinePropose} {
		in := rollbackFault(t).input()
		f := in.Diagnosis.Causes[0]
		f.ID = id
		all := candidates(remedy.Case{Finding: f, Snapshot: in.Snapshot})
		i := slices.IndexFunc(all, func(r model.Remedy) bool { return r.Action == "rollback" })
		if i < 0 || all[i].Machine != want {
			t.Errorf("%s: got %+v, want a rollback for which a machine may do %q", id, all, want)
		}
	}
}

// TestAGatewayBehindAGatewayIsOne: it is a backend too, of which a fault bears a backend's name.
func TestAGatewayBehindAGatewayIsOne(t *testing.T) {
	f := rollbackFault(t)
	breaks := f.Break
	f.Break = func(c *plantest.Cluster) {
		breaks(c)
		const image = "registry.k8s.io/ingress-nginx/controller:v1.13.2"
		c.Edit("Deployment/cart", image, "spec", "template", "spec", "containers", 0, "image")
		for _, pod := range []string{"Pod/cart-2-0", "Pod/cart-2-1"} {
			c.Edit(pod, image, "spec", "containers", 0, "image")
		}
	}
	in := f.input()
	all := candidates(remedy.Case{Finding: in.Diagnosis.Causes[0], Snapshot: in.Snapshot})
	i := slices.IndexFunc(all, func(r model.Remedy) bool { return r.Action == "rollback" })
	if i < 0 || all[i].Machine != model.MachinePropose {
		t.Errorf("got %+v, want a rollback that a person must agree to", all)
	}
}

// TestFreshPodsCureWhatIsInTheProcess: a gateway whose pods are replaced with another template works if that differs in what is
// to blame.
func TestFreshPodsCureWhatIsInTheProcess(t *testing.T) {
	s := plantest.Shop("cart").Snapshot()
	old, _ := s.Deployments().Get(plantest.Namespace, "cart")
	image := func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "shop:other" }
	for name, c := range map[string]struct {
		field string
		edit  func(*appsv1.Deployment)
		want  bool
	}{
		"restarted": {"spec.template.spec.volumes[0]", func(d *appsv1.Deployment) {
			d.Spec.Template.Annotations = map[string]string{remedy.RestartedAt: "2026-05-04T03:00:00Z"}
		}, true},
		"another image, and what it needs is as absent as before": {"spec.template.spec.volumes[0]", image, false},
		"another image, which is to blame":                        {"spec.template.spec.containers[0].image", image, true},
	} {
		d := old.DeepCopy()
		c.edit(d)
		was := old.DeepCopy()
		was.Status.ReadyReplicas = 0
		if _, _, got := turnOver(s, plantest.Finding("proxy-not-running", "Deployment", "cart", c.field, ""), nil, was, d); got != c.want {
			t.Errorf("%s: ready %v, want %v", name, got, c.want)
		}
	}
}

// TestARolloutWithoutTrafficLosesNothing: where no pod serves, none is missed.
func TestARolloutWithoutTrafficLosesNothing(t *testing.T) {
	f := named(t, "termination-race")
	breaks := f.Break
	f.Break = func(c *plantest.Cluster) { breaks(c); plantest.Unready(c) }
	if why := losesRequests(proposal{in: f.input(), remedy: model.Remedy{Action: "patch-lifecycle", Change: model.Change{Target: plantest.Ref("Deployment", "cart")}}}); why != "" {
		t.Errorf("got %q, want no objection", why)
	}
}

// TestTheBudgetHoldsForAQuarantineToo: a pod that is taken out of its Service is as good as evicted.
func TestTheBudgetHoldsForAQuarantineToo(t *testing.T) {
	f := named(t, "one-bad-pod")
	f.Break = func(c *plantest.Cluster) { c.Apply(pdb) }
	p, err := Make(f.input())
	if err != nil || !slices.ContainsFunc(p.Guards, func(g model.GuardResult) bool { return g.Guard == "disruption-budget" && g.Absolute }) {
		t.Errorf("got guards %+v, error %v; want disruption-budget", p.Guards, err)
	}
}

const pdb = "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: cart, namespace: shop}\n" +
	"spec: {minAvailable: 2, selector: {matchLabels: {app: cart}}, unhealthyPodEvictionPolicy: IfHealthyBudget}\n" +
	"status: {disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 2, expectedPods: 2}\n"

func TestAnOldChangeDoesNotCountForTheRate(t *testing.T) {
	in := faults()[0].input()
	in.Policy.MaxChanges, in.Policy.Window = 1, time.Minute
	in.Memory.Changed = []time.Time{plantest.At().Add(-2 * time.Minute)}
	if p, err := Make(in); err != nil || len(p.Guards) > 0 {
		t.Errorf("got guards %+v and error %v, want none", p.Guards, err)
	}
}

func TestRestart(t *testing.T) {
	pods := func(unready int, more string) Input {
		c := plantest.Shop("cart", "web")
		for n, name := range []string{"Pod/cart-2-0", "Pod/cart-2-1"} {
			if n < unready {
				c.Edit(name, "False", "status", "conditions", 0, "status")
				c.Edit("EndpointSlice/cart-x", false, "endpoints", n, "conditions", "ready")
			}
		}
		c.Apply(more)
		f := plantest.Finding("app-workers-exhausted", "Deployment", "cart", "", "")
		return Input{Diagnosis: model.Diagnosis{Causes: []model.Finding{f}}, Snapshot: c.Snapshot()}
	}
	guarded := func(p model.Plan, name string) bool {
		return slices.ContainsFunc(p.Guards, func(g model.GuardResult) bool { return g.Guard == name && g.Absolute })
	}
	p, err := Make(pods(1, ""))
	if err != nil || blocked(p.Guards) || len(p.Remedy.Changes) != 1 || p.Remedy.Changes[0].Target.Name != "cart-2-0" {
		t.Errorf("one of two pods unready: got %+v, guards %+v, error %v; want the unready one evicted", p.Remedy.Changes, p.Guards, err)
	}
	if p, err = Make(pods(2, "")); err != nil || !guarded(p, "all-replicas") {
		t.Errorf("all pods unready: got guards %+v, error %v; want all-replicas", p.Guards, err)
	}
	if p, err = Make(pods(1, pdb)); err != nil || p.Remedy.Action == "restart" ||
		!slices.ContainsFunc(p.Refused, func(r model.Refusal) bool { return r.Action == "restart" && strings.Contains(r.Because, "cart") }) {
		t.Errorf("with a budget: got %s, refused %+v, error %v; want no restart because of the budget", p.Remedy.Action, p.Refused, err)
	}
}

func TestScaleThroughTheAutoscaler(t *testing.T) {
	f := fault{Finding: plantest.Finding("no-replicas", "Deployment", "cart", "spec.replicas", "2"), Break: func(c *plantest.Cluster) {
		c.Edit("Deployment/cart", 0, "spec", "replicas")
		c.Delete("Pod/cart-2-0")
		c.Delete("Pod/cart-2-1")
		c.Edit("EndpointSlice/cart-x", []any{}, "endpoints")
		c.Apply(hpa)
	}}
	p, err := Make(f.input())
	if err != nil || len(p.Guards) > 0 || string(p.Remedy.Change.Fields[0].New) != "3" {
		t.Errorf("got %+v, guards %+v, error %v; want the autoscaler's minimum of 3", p.Remedy.Change.Fields, p.Guards, err)
	}
}

func TestWhatDidNotHelpIsNotTriedAgain(t *testing.T) {
	in := faults()[0].input()
	f := in.Diagnosis.Causes[0]
	in.Memory.Attempts = []Attempt{{Cause: f.ID, Object: f.Object, Action: "patch-service", Target: f.Object.Ref}}
	if p, err := Make(in); err == nil {
		t.Errorf("got plan %q, want a refusal", p.Remedy.Summary)
	}
	in.Memory.Attempts[0].Helped = true
	if _, err := Make(in); err != nil {
		t.Errorf("what helped before is refused: %v", err)
	}
}

// Guards are documented by what the catalogue says of them.
func TestTheCatalogueListsEveryGuard(t *testing.T) {
	got, want := map[string]string{}, map[string]string{"unconfirmed": "approve"} // that one is asked about saved plans alone
	for _, r := range catalogue.Rules() {
		if r.Asked == catalogue.StageGuard {
			got[r.ID] = r.Makes
		}
	}
	for _, g := range allGuards() {
		if want[g.name] = "approve"; g.absolute {
			want[g.name] = "propose"
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the catalogue's guards (-want +got):\n%s", d)
	}
}
