package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/testkit/audit"
)

var (
	errCrash = errors.New("killed")
	errLost  = errors.New("connection reset by peer")
)

// injury is a fault of an application.
type injury struct {
	fault

	app  string
	good model.Ref // the revision before
}

// round is one life of the shop, with everything that befalls it.
type round struct {
	*world

	rng      *rand.Rand
	policies guardrail.Set
	policy   policy
	lag      time.Duration // by which a watch is behind
	unsure   float64       // how often a diagnosis is a guess

	mu        sync.Mutex
	injuries  []injury
	ring      *mend.Ring
	until     time.Time // signals have been made up to here
	journal   mend.MemoryJournal
	decisions []audit.Decision // of persons
	questions []time.Time      // to persons
	told      map[string]bool  // applications of which people were told that they must act
	failingAt map[string]time.Time
	down      bool // the API server does not answer

	// The watch of the process that lives. It has the server's lock.
	snap   *snapshot.Snapshot
	behind time.Time // when it changed first after snap was made; zero: it has not
}

// life is one process: it dies at one of the boundaries that it passes.
type life struct {
	*round

	mu   sync.Mutex
	left int // boundaries until it dies; negative: it does not
	lost int // boundaries until one answer of the API server is lost
	dead bool
}

// pass is a boundary: before and after each record, question and request.
func (l *life) pass(api bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left--
	l.lost--
	switch {
	case l.dead:
		return errCrash
	case l.left == 0:
		l.dead = true
		return errCrash
	case l.lost == 0 && api:
		return errLost
	default:
		return nil
	}
}

// traffic reports the requests up to now, ten a second for each application. It has the server's lock.
func (r *round) traffic() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for _, app := range r.apps {
		share := r.share(app)
		for at := r.until; at.Before(now); at = at.Add(100 * time.Millisecond) {
			status := 200
			if r.rng.Float64() < share {
				status = 502
				r.failingAt[app] = at
			}
			r.ring.Add(model.Signal{At: at, Proxy: "nginx", Request: model.Request{Host: app + ".shop.test", Path: "/"}, Status: status})
		}
	}
	for r.until.Before(now) {
		r.until = r.until.Add(100 * time.Millisecond)
	}
}

// Read gives what gateways report.
func (l *life) Read(from uint64) ([]model.Signal, uint64) {
	l.api.Do(l.traffic)
	return l.ring.Read(from)
}

// Snapshot gives the cluster as a watch has it, a little late.
func (l *life) Snapshot(context.Context) (*snapshot.Snapshot, error) {
	if l.dead {
		return nil, errCrash
	}
	var out *snapshot.Snapshot
	l.api.Do(func() {
		if l.snap == nil || !l.behind.IsZero() && time.Since(l.behind) >= l.lag {
			l.snap, l.behind = l.snapshot(), time.Time{}
		}
		out = l.snap
	})
	return out.AsOf(time.Now()), nil
}

// Diagnose finds the faults that are there. Now and then it is not sure.
func (l *life) Diagnose(_ context.Context, s *snapshot.Snapshot, t model.Target) (model.Diagnosis, error) {
	d := model.Diagnosis{At: s.At()}
	l.api.Do(func() {
		for _, i := range l.injuries {
			f, there := i.finds(l.world, i.app, i.good)
			if !there || t.Object == nil || t.Object.Name != i.app {
				continue
			}
			if l.rng.Float64() < l.unsure {
				f.Confidence = 0.6
			}
			d.Causes = append(d.Causes, f)
			if i.observed != nil {
				d.Observed = append(d.Observed, i.observed(l.world, i.app)...)
			}
		}
	})
	return d, nil
}

// Silent says nothing: the API server always answers.
func (l *life) Silent() string  { return "" }
func (l *life) Back() time.Time { return time.Time{} }

// Deleted are the objects that were there a short while ago.
func (l *life) Deleted() (out []metav1.Object) {
	l.api.Do(func() { out = slices.Clone(l.deleted) })
	return out
}

// Ask goes by the policies, and asks a person where they say so. Persons say no now and then.
func (l *life) Ask(ctx context.Context, p model.Plan) (mend.Answer, error) {
	if err := l.pass(false); err != nil {
		return mend.Answer{}, err
	}
	s, err := l.Snapshot(ctx)
	if err != nil {
		return mend.Answer{}, err
	}
	events, err := l.journal.Events()
	if err != nil {
		return mend.Answer{}, err
	}
	d := l.policies.Decide(guardrail.Input{Plan: p, History: guardrail.Recall(events), Now: time.Now(), Facts: guardrail.Look(s, p)})
	answer := mend.Answer{Refused: true, Because: d.String()}
	switch d.Verdict {
	case model.Allow:
		answer = mend.Answer{Yes: true}
	case model.Approve:
		l.asks()
		time.Sleep(time.Duration(l.rng.IntN(int(thought.Seconds()))) * time.Second) // a person reads it first
		if l.rng.IntN(10) == 0 {                                                    // and another one has the same thought
			go l.stop(time.Minute)
			time.Sleep(time.Duration(2+l.rng.IntN(8)) * time.Second)
		}
		if l.rng.Float64() < 0.8 {
			answer = mend.Answer{Yes: true, Person: true}
			l.agree(p)
		} else {
			answer = mend.Answer{Because: "not now"}
		}
	default:
	}
	return answer, l.pass(false)
}

// thought is how long persons think at most, with another one's thought in between.
const thought = 20 * time.Second

// asks writes down that a person is asked.
func (l *life) asks() {
	l.round.mu.Lock()
	defer l.round.mu.Unlock()
	l.questions = append(l.questions, time.Now())
}

// agree writes down what a person has agreed to: each change of the plan, once.
func (l *life) agree(p model.Plan) {
	l.round.mu.Lock()
	defer l.round.mu.Unlock()
	for _, c := range p.Remedy.Changes {
		l.decisions = append(l.decisions, audit.Decision{
			From: time.Now(), To: time.Now().Add(10 * time.Minute), Namespace: c.Target.Namespace, Resource: resourceOf(c.Target), Name: c.Target.Name, Uses: 1,
		})
	}
}

func resourceOf(r model.Ref) string {
	if kind := strings.ToLower(r.Kind); strings.HasSuffix(kind, "s") {
		return kind + "es"
	}
	return strings.ToLower(r.Kind) + "s"
}

// Append records an event, in the form in which it is kept.
func (l *life) Append(e plan.Event) error {
	if err := l.pass(false); err != nil {
		return err
	}
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	var kept plan.Event
	if err := json.Unmarshal(data, &kept); err != nil {
		return err
	}
	if err := l.journal.Append(kept); err != nil {
		return err
	}
	return l.pass(false)
}

// Events gives what was recorded by all lives.
func (l *life) Events() ([]plan.Event, error) { return l.journal.Events() }

// run is what a process does: it takes up what its predecessor left, and mends what fails, until the time is over.
func (l *life) run(ctx context.Context, end time.Time) error {
	config := l.api.Client("gatemend")
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	person := false
	engine := &mend.Engine{
		Observer: l, Feed: l, Actor: act.New(kube, dyn, l.api.Mapper()), Asker: l, Journal: l, Now: time.Now,
		Options: mend.Options{
			Policy: plan.Policy{AllowOwner: l.policies.AllowOwner, MaxChanges: 100}, Poll: time.Second, Rollout: 40 * time.Second,
			Hold: func(s *snapshot.Snapshot, p model.Plan) string { return guardrail.StopOf(s, p, "").Objection(person) },
		},
	}
	open, err := mend.Open(l)
	if err != nil {
		return err
	}
	for _, id := range open {
		if ok, err := mend.Abandon(l, id, time.Now()); ok || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := l.drive(ctx, engine, mend.Incident{ID: id}); err != nil {
			return err
		}
	}
	next := map[string]time.Time{}
	for time.Now().Before(end) {
		for _, app := range l.apps {
			l.api.Do(l.traffic)
			if l.dead || time.Since(l.failing(app)) > 2*time.Second || time.Now().Before(next[app]) {
				continue
			}
			ref := plantest.Ref("Ingress", app)
			incident := mend.Incident{ID: fmt.Sprintf("%s-%d", app, time.Now().UnixNano()), Target: model.Target{Object: &ref}, Since: l.failing(app).Add(-5 * time.Second)}
			if err := l.drive(ctx, engine, incident); err != nil {
				return err
			}
			next[app] = time.Now().Add(45 * time.Second)
		}
		if l.dead {
			return errCrash
		}
		time.Sleep(time.Second)
	}
	return nil
}

func (l *life) failing(app string) time.Time {
	l.round.mu.Lock()
	defer l.round.mu.Unlock()
	return l.failingAt[app]
}

// drive runs one incident. A repair that cannot go on for a moment is taken up again, as the next process would.
func (l *life) drive(ctx context.Context, engine *mend.Engine, incident mend.Incident) error {
	for {
		result, err := engine.Run(ctx, incident)
		switch {
		case err == nil:
			l.tell(result)
			return nil
		case l.dead:
			return errCrash
		case !errors.Is(err, errLost):
			return err
		}
		time.Sleep(2 * time.Second)
	}
}

// tell tells people of what is not mended.
func (l *life) tell(r mend.Result) {
	if r.Outcome == plan.Mended || len(r.Events) == 0 {
		return
	}
	app, _, _ := strings.Cut(r.Incident, "-")
	l.round.mu.Lock()
	defer l.round.mu.Unlock()
	l.told[app] = true
}
