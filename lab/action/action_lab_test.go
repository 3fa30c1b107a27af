//go:build lab

package action_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/kube"
	"github.com/gatemend/gatemend/internal/verify"
	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/manifest"
)

// name is that of the cluster of this test.
const name = "action"

// bench is the lab, as gatemend sees it.
type bench struct {
	*labtest.Lab

	clients *kube.Clients
	watch   *kube.Watcher
}

// action is a repair that is tried.
type action struct {
	name string
	want string // the action that the plan must choose
	role string // the part of the shop that it is tried on
	// breaks makes the cluster one in which the repair fits.
	breaks func(t *testing.T, b *bench)
	// finding is what a diagnosis would say then, and observed what gateways would have reported.
	finding  func(t *testing.T, b *bench) model.Finding
	observed func(t *testing.T, b *bench) []model.Observation
	// works looks whether the cluster itself has followed the change, while it stands.
	works func(b *bench, p model.Plan) (why string)
}

// TestMadeAndTakenBack breaks parts of the shop and has the repair made: the clients' errors go on in this test, so that
// it is taken back. In between the cluster must have followed it, and afterwards be as before.
func TestMadeAndTakenBack(t *testing.T) {
	lab := labtest.Open(t, name, cluster.Options{Name: name})
	lab.Install(t)
	b := &bench{Lab: lab}
	if err := b.Client.Apply(t.Context(), object(t, chaosKind)); err != nil {
		t.Fatal(err)
	}
	config, err := b.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	if b.clients, err = kube.Connect(config); err != nil {
		t.Fatal(err)
	}
	if b.watch, err = kube.Watch(t.Context(), b.clients, kube.Options{Now: time.Now, LookAgain: time.Second}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.watch.Stop)
	for _, role := range []string{manifest.Web, manifest.Cart, manifest.API} { // each part of the shop by itself
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			for _, a := range actions() {
				if a.role == role {
					t.Run(a.name, func(t *testing.T) { b.try(t, a) })
				}
			}
		})
	}
}

func (b *bench) try(t *testing.T, a action) {
	began := time.Now()
	a.breaks(t, b)
	b.settled(t)
	f := a.finding(t, b)
	o := observer{b: b, finding: f}
	if a.observed != nil {
		o.observed = a.observed(t, b)
	}
	before := map[model.Ref]any{}
	followed := false
	engine := &mend.Engine{
		Observer: o, Feed: failing{f}, Actor: act.New(b.clients.Kube, b.clients.Dynamic, b.clients.Mapper), Asker: agreed{},
		Journal: &mend.MemoryJournal{}, Now: time.Now,
		Options: mend.Options{
			Limits: plan.Limits{MaxPlans: 1}, Verify: verify.Options{Deadline: 2 * time.Second}, Rollout: 2 * time.Minute, Between: time.Second,
		},
	}
	var p *model.Plan
	engine.Options.OnEvent = func(e plan.Event) {
		switch {
		case e.Plan != nil:
			p = e.Plan
			for _, c := range p.Remedy.Changes {
				before[c.Target] = b.written(t, c.Target)
			}
		case e.Kind == plan.EventWaited && e.OK && e.Index == len(p.Remedy.Changes)-1:
			why := "nothing was looked at"
			followed = b.Within(t, 30*time.Second, func() bool { why = a.works(b, *p); return why == "" })
			if !followed {
				t.Errorf("the cluster has not followed: %s", why)
			}
		case e.Kind == plan.EventWaited && !e.OK, e.Kind == plan.EventNotApplied, e.Kind == plan.EventRehearsed && !e.OK:
			t.Errorf("%s: %s", e.Kind, e.Because)
		}
	}
	result, err := engine.Run(t.Context(), mend.Incident{ID: a.name})
	if err != nil {
		t.Fatal(err)
	}
	if p == nil || p.Remedy.Action != a.want {
		t.Fatalf("got %s (%s), want a plan to %s", result.Outcome, result.Because, a.want)
	}
	if result.Outcome != plan.NotHelped || !followed {
		t.Errorf("got %s (%s), want it made and taken back", result.Outcome, result.Because)
	}
	for ref, was := range before {
		if now := b.written(t, ref); now != nil || ref.Kind != string(snapshot.Pods) { // a pod may be replaced
			if d := cmp.Diff(was, now); d != "" {
				t.Errorf("%s is not as before (-want +got):\n%s", ref, d)
			}
		}
	}
	t.Logf("%s: %s, in %s", a.want, p.Remedy.Summary, time.Since(began).Round(time.Second))
}

// settled waits until the watch has caught up with what was just written.
func (b *bench) settled(t *testing.T) {
	t.Helper()
	select {
	case <-t.Context().Done():
	case <-time.After(time.Second): // no object tells that a watch is at the end
	}
}

// written is what people write of an object, nil if it is not there.
func (b *bench) written(t *testing.T, ref model.Ref) any {
	t.Helper()
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		t.Fatal(err)
	}
	m, err := b.clients.Mapper.RESTMapping(gv.WithKind(ref.Kind).GroupKind(), gv.Version)
	if err != nil {
		t.Fatal(err)
	}
	api := b.clients.Dynamic.Resource(m.Resource)
	get := api.Namespace(ref.Namespace).Get
	if m.Scope.Name() == meta.RESTScopeNameRoot {
		get = api.Get
	}
	o, err := get(t.Context(), ref.Name, metav1.GetOptions{})
	if err != nil || o.GetDeletionTimestamp() != nil {
		return nil
	}
	annotations := o.GetAnnotations()
	delete(annotations, "deployment.kubernetes.io/revision") // counts on
	return map[string]any{"spec": o.Object["spec"], "labels": o.GetLabels(), "annotations": len(annotations)}
}

// observer looks at the lab, and diagnoses what the test says.
type observer struct {
	b        *bench
	finding  model.Finding
	observed []model.Observation
}

func (o observer) Snapshot(context.Context) (*snapshot.Snapshot, error) {
	return o.b.watch.Snapshot(), nil
}

func (o observer) Silent() string  { return "" }
func (o observer) Back() time.Time { return time.Time{} }

func (o observer) Deleted() []metav1.Object { return nil }

func (o observer) Diagnose(_ context.Context, s *snapshot.Snapshot, _ model.Target) (model.Diagnosis, error) {
	return model.Diagnosis{At: s.At(), Causes: []model.Finding{o.finding}, Observed: o.observed}, nil
}

// failing is a gateway that has nothing but errors to report of a finding's route.
type failing struct{ f model.Finding }

func (x failing) Read(from uint64) ([]model.Signal, uint64) {
	hosts := map[string]string{manifest.Web: "nginx", manifest.Cart: "envoy", manifest.API: "haproxy", "cart-gw": "envoy", "cart-front": "envoy"}
	route := x.f.Routes[0].Name
	return []model.Signal{{At: time.Now(), Proxy: hosts[route], Request: model.Request{Host: manifest.Host(route), Path: "/"}, Status: 503}}, from + 1
}

// agreed is a person who agrees.
type agreed struct{}

func (agreed) Ask(context.Context, model.Plan) (mend.Answer, error) {
	return mend.Answer{Yes: true, Person: true}, nil
}

// object reads an object from YAML.
func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return o
}
