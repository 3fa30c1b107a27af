//go:build integration

package mend_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/kube"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
)

// partly is a cluster of which some objects stand on a real API server, and the rest is the shop's.
type partly struct {
	server
	shop    *snapshot.Snapshot
	fault   plantest.Fault
	behind  []model.Finding
	targets []model.Ref // on the server, or not there
}

func (p *partly) Snapshot(context.Context) (*snapshot.Snapshot, error) {
	s := p.shop
	for _, ref := range p.targets {
		o, presence := p.snapshot(ref).Lookup(ref)
		if presence == snapshot.Present {
			// Status, age and owners are the shop's: no controller runs here.
			if was, there := p.shop.Lookup(ref); there == snapshot.Present {
				o.SetOwnerReferences(was.GetOwnerReferences())
			}
			if pod, is := o.(*corev1.Pod); is {
				if was, there := p.shop.Pods().Get(ref.Namespace, ref.Name); there == snapshot.Present {
					pod.Status, pod.CreationTimestamp = was.Status, was.CreationTimestamp
				}
			}
			s = s.WithObjects([]metav1.Object{o}, nil)
		} else {
			s = s.WithObjects(nil, []model.Ref{ref})
		}
	}
	return s.AsOf(time.Now()), nil
}

func (p *partly) Diagnose(_ context.Context, s *snapshot.Snapshot, _ model.Target) (model.Diagnosis, error) {
	return model.Diagnosis{At: s.At(), Causes: append([]model.Finding{p.fault.Finding}, p.behind...), Observed: p.fault.Observed}, nil
}

func (p *partly) Silent() string  { return "" }
func (p *partly) Back() time.Time { return time.Time{} }

func (p *partly) Deleted() []metav1.Object { return p.fault.Deleted }

func (p *partly) Read(from uint64) ([]model.Signal, uint64) { return nil, from }

// asked is a person who agrees, after something has happened meanwhile.
type asked func()

func (a asked) Ask(context.Context, model.Plan) (mend.Answer, error) {
	if a != nil {
		a()
	}
	return mend.Answer{Yes: true, Person: true}, nil
}

// TestWhatTheAPIServerRefuses carries repairs out against an API server that says no, in each of its ways: the
// repair stops cleanly, says why, and leaves nothing half done.
func TestWhatTheAPIServerRefuses(t *testing.T) {
	api := apiserver.Start(t)
	clients, err := kube.Connect(api.Admin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clients.Kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: plantest.Namespace}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	faults := map[string]plantest.Fault{}
	for _, f := range plantest.Faults() {
		faults[f.Name] = f
	}
	// invalid names a time that the model takes for what it is, and the API server does not.
	invalid := faults["probe-port-declared"]
	invalid.Finding = plantest.Finding("readiness-probe-too-tight", "Deployment", "cart", plantest.Container+".readinessProbe.timeoutSeconds", "-5")
	row, behind := inARow(faults)
	stranger, err := kube.Connect(api.User(t, "stranger"))
	if err != nil {
		t.Fatal(err)
	}
	api.Allow(t, "stranger", plantest.Namespace, rbacv1.PolicyRule{APIGroups: []string{"", "apps"}, Resources: []string{"services", "deployments", "pods"}, Verbs: []string{"get", "list"}})

	for _, tc := range []struct {
		name    string
		fault   plantest.Fault
		behind  []model.Finding           // what shows once the fault is mended
		clients *kube.Clients             // nil: those of an administrator
		before  func(*testing.T, *partly) // sets the obstacle up
		asked   func(*testing.T, *partly) // happens between the plan and the act
		want    plan.Outcome              //
		because string                    // part of the reason
		after   func(*testing.T, *partly) // nil: every object is as before
	}{
		{name: "a value that is not valid", fault: invalid, want: plan.CouldNotAct, because: "must be greater than or equal to"},
		{name: "a right is lacking", fault: faults["target-port"], clients: stranger, want: plan.CouldNotAct, because: `verbs: ["patch"]`},
		{name: "a webhook denies", fault: faults["target-port"], before: webhook(func(admissionv1.AdmissionRequest) string { return "not on a Friday" }), want: plan.CouldNotAct, because: "whoever keeps that webhook"},
		{name: "a webhook denies what it let pass before", fault: faults["target-port"], want: plan.CouldNotAct, because: "not in earnest",
			before: webhook(func(r admissionv1.AdmissionRequest) string {
				if r.DryRun != nil && *r.DryRun {
					return ""
				}
				return "not in earnest"
			})},
		{name: "a webhook does not answer", fault: faults["target-port"], before: slowWebhook(func(admissionv1.AdmissionRequest) bool { return true }), want: plan.CouldNotAct, because: "mend the webhook"},
		{name: "a webhook does not answer when it matters", fault: faults["target-port"], want: plan.CouldNotAct, because: "failed calling webhook",
			before: slowWebhook(func(r admissionv1.AdmissionRequest) bool { return r.DryRun == nil || !*r.DryRun })},
		{name: "the second change is denied", fault: faults["recreate"], want: plan.NotHelped, because: "no restarts",
			before: webhook(func(r admissionv1.AdmissionRequest) string {
				if (r.DryRun == nil || !*r.DryRun) && strings.Contains(string(r.Object.Raw), `"kubectl.kubernetes.io/restartedAt"`) {
					return "no restarts"
				}
				return ""
			})},
		{name: "the second of two in a row is denied", fault: row, behind: behind, want: plan.NotHelped, because: "not this one",
			before: webhook(func(r admissionv1.AdmissionRequest) string {
				if (r.DryRun == nil || !*r.DryRun) && r.Name == "cart" {
					return "not this one"
				}
				return ""
			})},
		{name: "somebody else mends the second of two in a row otherwise", fault: row, behind: behind, want: plan.CouldNotAct, because: "targetPort",
			asked: setPort(9998),
			after: func(t *testing.T, p *partly) {
				portIs(t, p, 9998)
				if text := fmt.Sprint(p.spec(p.targets[0])); !strings.Contains(text, "8081") {
					t.Errorf("the first one's change stays: %s", text)
				}
			}},
		{name: "the object is made anew meanwhile", fault: faults["target-port"], want: plan.CouldNotAct, because: "deleted and created anew",
			asked: func(t *testing.T, p *partly) {
				api := p.clients.Kube.CoreV1().Services(plantest.Namespace)
				svc, err := api.Get(t.Context(), "cart", metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if err := api.Delete(t.Context(), "cart", metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
				svc.ObjectMeta = metav1.ObjectMeta{Name: "cart"}
				svc.Spec.ClusterIP, svc.Spec.ClusterIPs = "", nil
				if _, err := api.Create(t.Context(), svc, metav1.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
			},
			after: func(t *testing.T, p *partly) { portIs(t, p, 9999) }},
		{name: "the object is deleted meanwhile", fault: faults["target-port"], want: plan.CouldNotAct, because: "the object is not in the snapshot",
			asked: func(t *testing.T, p *partly) {
				if err := p.clients.Kube.CoreV1().Services(plantest.Namespace).Delete(t.Context(), "cart", metav1.DeleteOptions{}); err != nil {
					t.Error(err)
				}
			},
			after: func(t *testing.T, p *partly) {
				if p.spec(plantest.Ref("Service", "cart")) != nil {
					t.Error("the Service is there again")
				}
			}},
		{name: "the object is changed meanwhile", fault: faults["target-port"], want: plan.CouldNotAct, because: "targetPort",
			asked: setPort(9998),
			after: func(t *testing.T, p *partly) { portIs(t, p, 9998) }},
		{name: "a budget forbids the eviction", fault: faults["one-unready-pod"], before: budget, want: plan.CouldNotAct, because: "kubectl describe pdb keep -n shop",
			after: func(t *testing.T, p *partly) {
				pod, err := p.clients.Kube.CoreV1().Pods(plantest.Namespace).Get(t.Context(), "cart-2-0", metav1.GetOptions{})
				if err != nil || pod.DeletionTimestamp != nil {
					t.Errorf("the pod went all the same: %v", err)
				}
			}},
		{name: "the quota is full", fault: faults["service-deleted-remembered"], before: quota, want: plan.CouldNotAct, because: "kubectl describe quota -n shop"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shop := plantest.Shop("cart", "web")
			tc.fault.Break(shop)
			first := planFor(t, tc.fault, shop, tc.behind...)
			p := &partly{server: server{t: t, clients: clients}, fault: tc.fault, behind: tc.behind}
			for _, c := range first.Remedy.Changes {
				if slices.Contains(p.targets, c.Target) {
					continue
				}
				if c.Op != model.OpCreate {
					p.create(shop, c.Target.Kind+"/"+c.Target.Name)
				}
				p.targets = append(p.targets, c.Target)
			}
			p.shop = shop.Snapshot()
			if tc.before != nil {
				tc.before(t, p)
			}
			before := p.specs()
			as := clients
			if tc.clients != nil {
				as = tc.clients
			}
			var meanwhile asked
			if tc.asked != nil {
				meanwhile = func() { tc.asked(t, p) }
			}
			journal := &mend.MemoryJournal{}
			engine := &mend.Engine{
				Observer: p, Feed: p, Actor: act.New(as.Kube, as.Dynamic, as.Mapper), Asker: meanwhile, Journal: journal, Now: time.Now,
				Options: mend.Options{Limits: plan.Limits{MaxPlans: 1}, Settle: time.Second, Between: 10 * time.Millisecond, Rollout: time.Second, Call: 5 * time.Second},
			}
			got, err := engine.Run(t.Context(), mend.Incident{ID: "i1"})
			if err != nil {
				t.Fatal(err)
			}
			if got.Outcome != tc.want || !strings.Contains(got.Because, tc.because) {
				t.Errorf("got %s (%s), want %s because of %q", got.Outcome, got.Because, tc.want, tc.because)
			}
			if open, err := mend.Open(journal); err != nil || len(open) > 0 {
				t.Errorf("still open: %v, %v", open, err)
			}
			if tc.after != nil {
				tc.after(t, p)
			} else if d := cmp.Diff(before, p.specs()); d != "" {
				t.Errorf("left behind (-before +after):\n%s", d)
			}
		})
	}
}

// specs are those of all objects that are to be changed.
func (p *partly) specs() (all []any) {
	for _, ref := range p.targets {
		all = append(all, p.spec(ref))
	}
	return all
}

// inARow is a shop whose cart has a wrong port in its Ingress and in its Service.
func inARow(faults map[string]plantest.Fault) (plantest.Fault, []model.Finding) {
	first, second := faults["route-port"], faults["target-port"]
	first.Break = func(c *plantest.Cluster) {
		faults["route-port"].Break(c)
		second.Break(c)
	}
	return first, []model.Finding{second.Finding}
}

func setPort(port int32) func(*testing.T, *partly) {
	return func(t *testing.T, p *partly) {
		api := p.clients.Kube.CoreV1().Services(plantest.Namespace)
		svc, err := api.Get(t.Context(), "cart", metav1.GetOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		svc.Spec.Ports[0].TargetPort = intstr.FromInt32(port)
		if _, err := api.Update(t.Context(), svc, metav1.UpdateOptions{}); err != nil {
			t.Error(err)
		}
	}
}

func portIs(t *testing.T, p *partly, want int32) {
	t.Helper()
	svc, err := p.clients.Kube.CoreV1().Services(plantest.Namespace).Get(t.Context(), "cart", metav1.GetOptions{})
	if err != nil || svc.Spec.Ports[0].TargetPort.IntVal != want {
		t.Errorf("got %+v, %v, want port %d", svc, err, want)
	}
}

// webhook judges every change of Services and Deployments of the shop; an empty reason lets it pass.
func webhook(denies func(admissionv1.AdmissionRequest) string) func(*testing.T, *partly) {
	return func(t *testing.T, p *partly) {
		p.admit(t, func(_ context.Context, r admissionv1.AdmissionRequest) string { return denies(r) })
	}
}

// slowWebhook answers later than the API server waits.
func slowWebhook(slow func(admissionv1.AdmissionRequest) bool) func(*testing.T, *partly) {
	return func(t *testing.T, p *partly) {
		p.admit(t, func(ctx context.Context, r admissionv1.AdmissionRequest) string {
			if slow(r) {
				<-ctx.Done() // the API server hangs up
			}
			return ""
		})
	}
}

func (p *partly) admit(t *testing.T, judge func(context.Context, admissionv1.AdmissionRequest) string) {
	t.Helper()
	var once sync.Once
	inForce := make(chan struct{})
	hook := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Request == nil {
			http.Error(w, "no review", http.StatusBadRequest)
			return
		}
		why := ""
		if review.Request.Name == sentinel {
			once.Do(func() { close(inForce) })
		} else {
			why = judge(r.Context(), *review.Request)
		}
		review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: why == "", Result: &metav1.Status{Message: why, Code: http.StatusForbidden}}
		review.Request = nil
		if err := json.NewEncoder(w).Encode(review); err != nil {
			return // the API server has hung up
		}
	}))
	t.Cleanup(hook.Close)
	url, fail, none, timeout := hook.URL, admissionregistrationv1.Fail, admissionregistrationv1.SideEffectClassNone, int32(1)
	kube := p.clients.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := kube.Create(t.Context(), &admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "judge"},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: "judge.shop.test", FailurePolicy: &fail, SideEffects: &none, TimeoutSeconds: &timeout, AdmissionReviewVersions: []string{"v1"},
			ClientConfig: admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hook.Certificate().Raw})},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Update},
				Rule:       admissionregistrationv1.Rule{APIGroups: []string{"", "apps"}, APIVersions: []string{"v1"}, Resources: []string{"services", "deployments"}},
			}},
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kube.Delete(context.Background(), "judge", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	p.await(t, func() bool {
		select {
		case <-inForce:
			return true
		default:
		}
		services := p.clients.Kube.CoreV1().Services(plantest.Namespace)
		patch := fmt.Appendf(nil, `{"metadata":{"labels":{"now":"%d"}}}`, time.Now().UnixNano())
		_, err := services.Patch(t.Context(), sentinel, types.MergePatchType, patch, metav1.PatchOptions{})
		if apierrors.IsNotFound(err) {
			svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: sentinel}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
			_, err = services.Create(t.Context(), svc, metav1.CreateOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
		return false
	})
}

// sentinel is the Service by which it is seen that a webhook or a quota is in force: the API server learns of
// them a moment after they are written.
const sentinel = "sentinel"

// await asks until something is so.
func (p *partly) await(t *testing.T, so func() bool) {
	t.Helper()
	for !so() {
		select {
		case <-t.Context().Done():
			t.Fatal("it never came into force")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// budget lets no pod of the cart go. It is not in the snapshot: it came after the plan was made.
func budget(t *testing.T, p *partly) {
	kube := p.clients.Kube
	pod, err := kube.CoreV1().Pods(plantest.Namespace).Get(t.Context(), "cart-2-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod.Status.Phase = corev1.PodRunning
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}}
	if _, err := kube.CoreV1().Pods(plantest.Namespace).UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	two := intstr.FromInt32(2)
	pdb, err := kube.PolicyV1().PodDisruptionBudgets(plantest.Namespace).Create(t.Context(), &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "keep"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: &two, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cart"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kube.PolicyV1().PodDisruptionBudgets(plantest.Namespace).Delete(context.Background(), "keep", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	pdb.Status = policyv1.PodDisruptionBudgetStatus{ObservedGeneration: pdb.Generation, CurrentHealthy: 1, DesiredHealthy: 2, ExpectedPods: 2}
	if _, err := kube.PolicyV1().PodDisruptionBudgets(plantest.Namespace).UpdateStatus(t.Context(), pdb, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// quota leaves no room for a Service.
func quota(t *testing.T, p *partly) {
	kube := p.clients.Kube.CoreV1().ResourceQuotas(plantest.Namespace)
	hard := corev1.ResourceList{corev1.ResourceServices: resource.MustParse("0")}
	q, err := kube.Create(t.Context(), &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "full"}, Spec: corev1.ResourceQuotaSpec{Hard: hard}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kube.Delete(context.Background(), "full", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	q.Status = corev1.ResourceQuotaStatus{Hard: hard, Used: hard}
	if _, err := kube.UpdateStatus(t.Context(), q, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	p.await(t, func() bool {
		svc := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "one-more"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
		_, err := p.clients.Kube.CoreV1().Services(plantest.Namespace).Create(t.Context(), svc, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err != nil
	})
}
