package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
)

// begun is when the alarms of these tests began.
var begun = time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)

func failing(route string, requests, errors int) detect.Alarm {
	return detect.Alarm{
		Route: route, Kind: detect.Outage, From: begun, To: begun.Add(time.Duration(errors) * time.Second), Requests: requests, Errors: errors,
		Object: model.Ref{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Namespace: "shop", Name: "shop"},
	}
}

func ended(route string, requests, errors int) detect.Alarm {
	a := failing(route, requests, errors)
	a.Ended = true
	return a
}

// desk is a clerk over a store of incidents, whose news are written when the test says so.
type desk struct {
	*clerk
	t *testing.T
}

func newDesk(t *testing.T) desk {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	store := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.Incident{}).Build()
	c := newClerk(newLedger(store, store), "gatemend", func() time.Time { return begun.Add(time.Minute) }, slog.New(slog.DiscardHandler))
	c.changed = func(types.NamespacedName) {}
	return desk{c, t}
}

func (d desk) write() {
	d.t.Helper()
	for {
		route, n, ok := d.news.next()
		if !ok {
			return
		}
		err := d.clerk.write(d.t.Context(), route, n)
		d.news.done(route, n, err)
		if err != nil {
			d.t.Fatal(err)
		}
	}
}

// resolve ends an incident as a repair does that helped.
func (d desk) resolve(key types.NamespacedName) {
	d.t.Helper()
	err := d.ledger.update(d.t.Context(), key, func(s *v1alpha1.IncidentStatus) (bool, error) {
		s.Phase = v1alpha1.PhaseResolved
		return true, nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// incidents are told as "route: errors/requests phase [further routes]".
func (d desk) incidents() []string {
	var out []string
	for _, i := range d.ledger.all() {
		o := i.Status.Observed
		out = append(out, fmt.Sprintf("%s: %d/%d %s %v", i.Spec.Route, o.Errors, o.Requests, i.Status.Phase, o.Routes))
	}
	slices.Sort(out)
	return out
}

func (d desk) want(want ...string) {
	d.t.Helper()
	d.write()
	if diff := cmp.Diff(want, d.incidents()); diff != "" {
		d.t.Fatalf("incidents (-want +got)\n%s", diff)
	}
}

// Several routes that fail for one cause are one incident, which counts the errors of all of them, also those that are heard
// of when it is over; one that goes on when the others do not is another incident, and is counted there alone.
func TestAnIncidentCountsAllItsRoutes(t *testing.T) {
	d := newDesk(t)
	d.alarm(failing("a", 9, 4), "")
	d.want("a: 4/9 Detected []")
	d.alarm(failing("b", 10, 5), "a")
	d.alarm(failing("c", 20, 7), "a")
	d.want("a: 16/39 Detected [c b]")
	if !d.failing("b") {
		t.Error("b fails")
	}

	d.alarm(failing("c", 50, 30), "") // it goes on
	d.want("a: 9/19 Detected [b]", "c: 30/50 Detected []")

	// It is mended, and the alarms end afterwards.
	key, _ := d.ledger.of("a")
	d.resolve(key)
	d.alarm(ended("b", 30, 6), "")
	d.want("a: 10/39 Resolved [b]", "c: 30/50 Detected []")
	d.alarm(ended("a", 20, 8), "")
	d.want("a: 14/50 Resolved [b]", "c: 30/50 Detected []")
	d.alarm(ended("c", 80, 40), "")
	d.want("a: 14/50 Resolved [b]", "c: 40/80 Resolved []")
	if len(d.groups.begun) != 0 || len(d.groups.of) != 0 {
		t.Errorf("what is over is kept: %+v", d.groups)
	}

	d.alarm(failing("b", 3, 3), "a") // the first one has ended: nobody else tells of it
	d.want("a: 14/50 Resolved [b]", "b: 3/3 Detected []", "c: 40/80 Resolved []")
}

// One that is over before anybody wrote of it leaves nothing.
func TestABlipThatNobodyWroteOf(t *testing.T) {
	d := newDesk(t)
	d.alarm(failing("a", 9, 4), "")
	d.alarm(failing("b", 9, 4), "a")
	d.alarm(ended("b", 9, 5), "")
	d.alarm(ended("a", 9, 5), "")
	d.want()
	if len(d.groups.begun) != 0 || len(d.groups.of) != 0 {
		t.Errorf("what is over is kept: %+v", d.groups)
	}
}

// What is heard while an incident is being written is written next: an end is not lost.
func TestAnEndThatComesWhileItIsWritten(t *testing.T) {
	d := newDesk(t)
	d.alarm(failing("a", 9, 4), "")
	before := d.heard("a")
	d.alarm(ended("a", 12, 5), "")
	d.wrote(before, "a", types.NamespacedName{Namespace: "shop", Name: "earlier"})
	if d.groups.begun["a"] == nil {
		t.Fatal("a group is forgotten whose end was not written")
	}
	d.wrote(d.heard("a"), "a", types.NamespacedName{Namespace: "shop", Name: "earlier"})
	if d.groups.begun["a"] != nil {
		t.Error("what is over is kept")
	}
}

// Whatever is heard in whatever order: an open alarm is open, it belongs to one group, and nothing is left when all have ended.
func TestGroupsForgetNothingAndKeepNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	routes := []string{"a", "b", "c", "d", "e"}
	for range 2000 {
		g, open := newGroups(), map[string]bool{}
		take := func(a detect.Alarm, first string) {
			before := g.of[a.Route]
			g.drop(g.take(a, first))
			g.drop(before)
			open[a.Route] = !a.Ended
			for _, r := range routes {
				if g.open(r) != open[r] {
					t.Fatalf("%s: open %v, want %v: %+v", r, g.open(r), open[r], g)
				}
			}
			for r, first := range g.of {
				if _, ok := g.begun[first].others[r]; !ok {
					t.Fatalf("%s follows from %s, which does not know: %+v", r, first, g)
				}
			}
		}
		for range 30 {
			r := routes[rng.IntN(len(routes))]
			first := routes[rng.IntN(len(routes))]
			switch {
			case open[r] && rng.IntN(2) == 0:
				take(ended(r, 1, 1), "")
			case !open[r] && open[first] && first != r:
				take(failing(r, 1, 1), first)
			default:
				take(failing(r, 1, 1), "")
			}
		}
		for _, r := range routes {
			if open[r] {
				take(ended(r, 1, 1), "")
			}
		}
		if len(g.begun) != 0 || len(g.of) != 0 {
			t.Fatalf("what is over is kept: %+v", g)
		}
	}
}

// In a storm several write at once: never two of them of one route, and first of those whose cause is known.
func TestWhoseNewsAreWrittenFirst(t *testing.T) {
	d := newDesk(t)
	for _, route := range []string{"a", "b", "c"} {
		d.alarm(failing(route, 9, 4), "")
	}
	d.diagnosed("b", model.Diagnosis{})
	if route, _, ok := d.news.next(); !ok || route != "b" {
		t.Errorf("first news are of %q, want those of b, whose cause is known", route)
	}
	d.diagnosed("b", model.Diagnosis{})
	taken := []string{}
	for {
		route, _, ok := d.news.next()
		if !ok {
			break
		}
		taken = append(taken, route)
	}
	slices.Sort(taken)
	if diff := cmp.Diff([]string{"a", "c"}, taken); diff != "" {
		t.Errorf("taken while b is being written (-want +got)\n%s", diff)
	}
	d.news.done("b", news{}, nil)
	if route, n, ok := d.news.next(); !ok || route != "b" || n.diagnosis == nil || n.counts {
		t.Errorf("after that: %q %+v, want what came of b meanwhile", route, n)
	}
}

// What could not be written waits for the next tidying, or for newer news, which it must not replace.
func TestNewsThatCouldNotBeWritten(t *testing.T) {
	d := newDesk(t)
	d.alarm(failing("a", 9, 4), "")
	d.diagnosed("a", model.Diagnosis{Causes: []model.Finding{{ID: "earlier"}}})
	route, n, _ := d.news.next()
	d.news.done(route, n, errors.New("the API server is away"))
	if _, _, ok := d.news.next(); ok {
		t.Error("tried again at once")
	}
	d.news.tryAgain()
	route, n, ok := d.news.next()
	if !ok || !n.first || !n.counts || n.diagnosis == nil {
		t.Fatalf("when it is tried again: %q %+v, want all of it", route, n)
	}
	d.diagnosed("a", model.Diagnosis{Causes: []model.Finding{{ID: "later"}}})
	d.news.done(route, n, errors.New("the API server is away"))
	if _, n, ok = d.news.next(); !ok || !n.first || !n.counts || n.diagnosis.Causes[0].ID != "later" {
		t.Errorf("with newer news: %v %+v", ok, n)
	}
}

// While a repair is carried out, its end decides: that nobody hears of an alarm any more ends the incident only otherwise.
func TestAnIncidentIsNotOverBeforeItsRepair(t *testing.T) {
	for phase, want := range map[v1alpha1.Phase]v1alpha1.Phase{
		v1alpha1.PhaseMending: v1alpha1.PhaseMending, v1alpha1.PhaseVerifying: v1alpha1.PhaseVerifying,
		v1alpha1.PhaseAwaitingApproval: v1alpha1.PhaseResolved,
	} {
		d := newDesk(t)
		d.began = begun.Add(-time.Hour)
		i := &v1alpha1.Incident{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-1", CreationTimestamp: metav1.NewTime(begun.Add(-time.Hour))},
			Spec:       v1alpha1.IncidentSpec{Route: "a"}, Status: v1alpha1.IncidentStatus{Phase: phase},
		}
		if err := d.ledger.client.Create(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		if err := d.ledger.put(i); err != nil {
			t.Fatal(err)
		}
		d.tidy(t.Context())
		if i, _ := d.ledger.get(client.ObjectKeyFromObject(i)); i.Status.Phase != want {
			t.Errorf("%s became %s, want %s", phase, i.Status.Phase, want)
		}
	}
}

// An incident in a namespace that is being deleted goes to the controller's own; a leader that watches another one alone
// finds it there.
func TestAnIncidentOfANamespaceThatIsDeleted(t *testing.T) {
	for name, answer := range map[string]error{
		"gone": apierrors.NewNotFound(corev1.Resource("namespaces"), "shop"),
		"terminating": &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden,
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			store := interceptor.NewClient(d.ledger.client.(client.WithWatch), interceptor.Funcs{ //nolint:forcetypeassert // the fake one is
				Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
					if o.GetNamespace() == "shop" {
						return answer
					}
					return c.Create(ctx, o, opts...)
				},
			})
			d.ledger.client = store
			d.alarm(failing("a", 9, 4), "")
			d.want("a: 4/9 Detected []")
			next := newLedger(store, store)
			if err := next.loadAll(t.Context(), "shop", "gatemend"); err != nil {
				t.Fatal(err)
			}
			if key, ok := next.of("a"); !ok || key.Namespace != "gatemend" {
				t.Errorf("the next leader finds %v", key)
			}
		})
	}
}

// An API server that does not take the first status of an incident, or whose answer to its creation is lost, leaves none without
// a status, and no second one.
func TestAnIncidentIsCreatedOnce(t *testing.T) {
	lost := errors.New("connection reset by peer")
	for name, calls := range map[string]func(times *int) interceptor.Funcs{
		"its status is refused": func(times *int) interceptor.Funcs {
			return interceptor.Funcs{SubResourceUpdate: func(ctx context.Context, c client.Client, of string, o client.Object, opts ...client.SubResourceUpdateOption) error {
				if *times--; *times >= 0 {
					return lost
				}
				return c.SubResource(of).Update(ctx, o, opts...)
			}}
		},
		"the answer to its creation is lost": func(times *int) interceptor.Funcs {
			return interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
				err := c.Create(ctx, o, opts...)
				if *times--; *times >= 0 {
					return lost
				}
				return err
			}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, times, told := newDesk(t), 2, 0
			store := interceptor.NewClient(d.ledger.client.(client.WithWatch), calls(&times)) //nolint:forcetypeassert // the fake one is
			d.ledger.client = store
			d.ledger.changed = func(i *v1alpha1.Incident, _ []plan.Event) {
				if told++; i.Status.Phase == "" {
					t.Error("an incident without a status is told of")
				}
			}
			d.alarm(failing("a", 9, 4), "")
			for tries := 1; ; tries++ {
				route, n, _ := d.news.next()
				err := d.clerk.write(t.Context(), route, n)
				if d.news.done(route, n, err); err == nil {
					break
				}
				if tries > 3 {
					t.Fatal(err)
				}
				d.news.tryAgain()
			}
			var all v1alpha1.IncidentList
			if err := store.List(t.Context(), &all); err != nil || len(all.Items) != 1 || all.Items[0].Status.Phase != v1alpha1.PhaseDetected || told != 1 {
				t.Errorf("%v, told %d times: %+v", err, told, all.Items)
			}
			d.want("a: 4/9 Detected []")
		})
	}
}

// What fails again before its alarm is over, as that has only just been mended, is another incident.
func TestAnIncidentAfterOneThatIsMended(t *testing.T) {
	d := newDesk(t)
	d.alarm(failing("a", 9, 4), "")
	d.want("a: 4/9 Detected []")
	key, _ := d.ledger.of("a")
	d.resolve(key)
	d.alarm(failing("a", 30, 12), "")
	d.write()
	if again, ok := d.ledger.of("a"); !ok || again == key {
		t.Errorf("no incident is open, or the one that was mended: %v, %t", again, ok)
	}
}
