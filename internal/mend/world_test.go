package mend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// errCrash stands for a process that is killed.
var errCrash = errors.New("killed")

// cluster is a made-up API server with its gateways: it holds objects, keeps EndpointSlices in step
// with targetPort, and reports requests. It is what lies outside of gatemend, and nothing else.
type cluster struct {
	t       *testing.T
	now     *snapshot.Snapshot
	finding model.Finding
	behind  []model.Finding // what shows once the finding is mended

	// fails decides whether a request of an application fails at this moment.
	fails  map[string]func() bool
	proxy  string        // whose log it is
	apps   []string      // hosts below shop.test
	every  time.Duration // between two requests of each application; 0: no traffic
	until  time.Time     // signals have been made up to here
	ring   *Ring
	writes []string // every change that took effect
	// held are the objects of which gatemend holds fields, as the API server keeps the book.
	held map[model.Ref]bool

	refuse  error // the API server's answer to every change
	dryRun  error
	keeps   []error // the API server's answers to giving fields back, one by one
	lose    int     // this many answers get lost after the change took effect
	rollout func(context.Context) error
	deleted []metav1.Object
	// name has a gateway's log name what it sent a request to; nil: it does not.
	name func(*model.Signal)
	// silent tells whether the API server does not answer now; nil: it always does.
	silent func() bool
	back   time.Time // when it answered again
	// mute tells whether what gateways report does not arrive now; nil: it always does.
	mute func() bool
	// lag is how long after a change the observer hears of it.
	lag   time.Duration
	was   *snapshot.Snapshot // before the last change
	heard time.Time          // when that is
	// observed is what gateways reported before.
	observed []model.Observation
}

func newCluster(t *testing.T, s *snapshot.Snapshot, f model.Finding) *cluster {
	return &cluster{t: t, now: s, finding: f, fails: map[string]func() bool{}, held: map[model.Ref]bool{}, proxy: "nginx", apps: []string{"cart", "web"}, every: 50 * time.Millisecond, ring: NewRing(100_000), until: time.Now()}
}

// traffic reports the requests up to now.
func (c *cluster) traffic() {
	for c.every > 0 && !c.until.After(time.Now()) {
		for _, app := range c.apps {
			status := 200
			if f := c.fails[app]; f != nil && f() {
				status = 502
			}
			sig := model.Signal{At: c.until, Proxy: c.proxy, Request: model.Request{Host: app + ".shop.test", Path: "/"}, Status: status}
			if c.name != nil {
				c.name(&sig)
			}
			c.ring.Add(sig)
		}
		c.until = c.until.Add(c.every)
	}
}

func (c *cluster) Snapshot(context.Context) (*snapshot.Snapshot, error) {
	if c.was != nil && time.Now().Before(c.heard) {
		return c.was.AsOf(time.Now()), nil
	}
	return c.now.AsOf(time.Now()), nil
}

func (c *cluster) Silent() string {
	if c.silent != nil && c.silent() {
		c.back = time.Now()
		return "it does not answer"
	}
	return ""
}

func (c *cluster) Back() time.Time { return c.back }

func (c *cluster) Deleted() []metav1.Object { return c.deleted }

func (c *cluster) Diagnose(_ context.Context, s *snapshot.Snapshot, _ model.Target) (model.Diagnosis, error) {
	return model.Diagnosis{At: s.At(), Causes: append([]model.Finding{c.finding}, c.behind...), Observed: c.observed}, nil
}

func (c *cluster) Read(from uint64) ([]model.Signal, uint64) {
	if c.mute != nil && c.mute() {
		return nil, from
	}
	c.traffic()
	return c.ring.Read(from)
}

func (c *cluster) DryRun(_ context.Context, ch model.Change) (act.Receipt, error) {
	if c.dryRun != nil {
		return act.Receipt{}, c.dryRun
	}
	_, err := c.now.With(ch)
	if err != nil {
		return act.Receipt{}, &act.StaleError{Object: ch.Target, Because: err.Error()}
	}
	return act.Receipt{}, nil
}

func (c *cluster) Apply(_ context.Context, ch model.Change) (act.Receipt, error) {
	if c.refuse != nil {
		return act.Receipt{}, c.refuse
	}
	c.traffic()
	next, err := c.now.With(ch)
	if err != nil {
		return act.Receipt{}, &act.StaleError{Object: ch.Target, Because: err.Error()}
	}
	c.was, c.heard = c.now, time.Now().Add(c.lag)
	c.now = c.controllers(next)
	c.writes = append(c.writes, written(ch))
	c.held[ch.Target] = true
	if c.lose > 0 {
		c.lose--
		return act.Receipt{}, errors.New("connection reset by peer")
	}
	return act.Receipt{UID: "u-" + ch.Target.Name}, nil
}

func (c *cluster) Release(_ context.Context, undo model.Change) error {
	if len(c.keeps) > 0 {
		err := c.keeps[0]
		c.keeps = c.keeps[1:]
		return err
	}
	delete(c.held, undo.Target)
	return nil
}

// written names a change for comparison.
func written(ch model.Change) string {
	out := fmt.Sprintf("%s %s", ch.Op, ch.Target.Resource())
	for _, f := range ch.Fields {
		out += fmt.Sprintf(" %s=%s", f.Path, f.New)
	}
	return out
}

func (c *cluster) WaitRollout(ctx context.Context, _ model.Ref, _ func(act.Rollout)) error {
	if c.rollout == nil {
		return nil
	}
	return c.rollout(ctx)
}

// controllers keep the slices' ports in step with the Services.
func (c *cluster) controllers(s *snapshot.Snapshot) *snapshot.Snapshot {
	var put []metav1.Object
	for svc := range s.Services().All() {
		for _, es := range s.SlicesOf(svc.Namespace, svc.Name) {
			es = es.DeepCopy()
			port := svc.Spec.Ports[0].TargetPort.IntVal
			name := svc.Spec.Ports[0].Name
			es.Ports = []discoveryv1.EndpointPort{{Name: &name, Port: &port}}
			put = append(put, es)
		}
	}
	return s.WithObjects(put, nil)
}

// targetPort is the present target port of the cart's Service.
func (c *cluster) targetPort() int32 {
	svc, _ := c.now.Services().Get(plantest.Namespace, "cart")
	return svc.Spec.Ports[0].TargetPort.IntVal
}

// wrongPort is a shop in which the cart's targetPort is wrong, and its finding.
func wrongPort(t *testing.T, also ...func(*plantest.Cluster)) *cluster {
	shop := plantest.Shop("cart", "web")
	for _, edit := range also {
		edit(shop)
	}
	shop.Edit("Service/cart", 9999, "spec", "ports", 0, "targetPort")
	shop.Edit("EndpointSlice/cart-x", 9999, "ports", 0, "port")
	c := newCluster(t, shop.Snapshot(), model.Finding{
		ID: "target-port-mismatch", Confidence: 0.97, Wanted: "8080",
		Object:  model.FieldRef{Ref: plantest.Ref("Service", "cart"), Field: "spec.ports[0].targetPort"},
		Routes:  []model.Ref{plantest.Ref("Ingress", "cart")},
		Related: map[string]model.Ref{"workload": plantest.Ref("Deployment", "cart")},
	})
	c.fails["cart"] = func() bool { return c.targetPort() != 8080 }
	return c
}

// yes answers every plan as a person would.
type yes struct{}

func (yes) Ask(context.Context, model.Plan) (Answer, error) {
	return Answer{Yes: true, Person: true}, nil
}

// crashJournal is a journal whose process is killed at one record: before it is written, or after.
type crashJournal struct {
	MemoryJournal
	at    int // the record at which it happens, from 0; negative: never
	after bool
	n     int
}

func (j *crashJournal) Append(e plan.Event) error {
	n := j.n
	j.n++
	if n == j.at && !j.after {
		return errCrash
	}
	// What is not in the record's own form is lost with the process.
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	var kept plan.Event
	if err := json.Unmarshal(data, &kept); err != nil {
		return err
	}
	if err := j.MemoryJournal.Append(kept); err != nil {
		return err
	}
	if n == j.at {
		return errCrash
	}
	return nil
}

func engine(c *cluster, j Journal) *Engine {
	return &Engine{Observer: c, Feed: c, Actor: c, Asker: yes{}, Journal: j, Now: time.Now}
}

func kinds(events []plan.Event) []plan.EventKind {
	out := make([]plan.EventKind, len(events))
	for i, e := range events {
		out[i] = e.Kind
	}
	return out
}
