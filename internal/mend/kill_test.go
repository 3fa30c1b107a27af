package mend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// boundaries counts the places at which a process can die: before and after each record, each question and
// each call of the API server. At one of them it dies, or the answer of the API server is lost.
type boundaries struct {
	at   int  // the one at which it happens, from 0; negative: never
	lost bool // the process lives on, and only the call fails
	n    int
	api  []bool // which of those passed are the API server's
	dead bool
}

var errLost = errors.New("connection reset by peer")

// pass is one boundary. api: it is one of the API server.
func (b *boundaries) pass(api bool) error {
	n := b.n
	b.n, b.api = b.n+1, append(b.api, api)
	switch {
	case b.dead:
		return errCrash
	case n != b.at:
		return nil
	case b.lost && api:
		return errLost
	case b.lost:
		return nil
	default:
		b.dead = true
		return errCrash
	}
}

// around makes a call between two boundaries.
func around[T any](b *boundaries, api bool, call func() (T, error)) (T, error) {
	var none T
	if err := b.pass(api); err != nil {
		return none, err
	}
	out, err := call()
	if lost := b.pass(api); lost != nil {
		return none, lost
	}
	return out, err
}

// shop is the made-up cluster of one fault, whose controllers react to the plan's changes as the model says.
type shop struct {
	*cluster
	*boundaries
	journal *MemoryJournal
	raw     *snapshot.Snapshot // the objects as they were written
	broken  *snapshot.Snapshot
	changes []model.Change // those that mend it
	made    []model.Change // all that took effect
}

// broken is the shop with a fault, and the plan for it; carriedOut is false where a person does it.
func broken(t *testing.T, f plantest.Fault) (s *snapshot.Snapshot, p model.Plan, carriedOut bool) {
	t.Helper()
	c := plantest.Shop("cart", "web")
	f.Break(c)
	s = c.Snapshot()
	d := model.Diagnosis{Causes: []model.Finding{f.Finding}, Observed: f.Observed}
	p, err := plan.Make(plan.Input{Diagnosis: d, Snapshot: s, Memory: plan.Memory{Deleted: f.Deleted}})
	if err != nil {
		t.Fatal(err)
	}
	return s, p, p.Remedy.Machine != model.MachineAdvise
}

func newShop(t *testing.T, f plantest.Fault, s *snapshot.Snapshot, p model.Plan, helps bool) *shop {
	x := &shop{cluster: newCluster(t, s, f.Finding), boundaries: &boundaries{at: -1}, journal: &MemoryJournal{}, raw: s, broken: s, changes: p.Remedy.Changes}
	x.deleted, x.observed = f.Deleted, f.Observed
	if r := p.Before[p.Mends[0]].Route; r.Kind == "HTTPRoute" {
		x.apps, x.proxy = []string{"cart-gw", "web"}, "envoy"
	}
	rolling, race := false, p.Remedy.Proof == model.ProofRollout
	x.fails[x.apps[0]] = func() bool {
		switch {
		case race:
			return rolling && !helps
		case helps:
			return !x.carried()
		default:
			return true
		}
	}
	x.rollout = func(ctx context.Context) error {
		rolling = true
		err := sleep(ctx, 5*time.Second)
		x.traffic()
		rolling = false
		return err
	}
	return x
}

// carried reports whether all changes that mend are in place.
func (x *shop) carried() bool {
	for _, c := range x.changes {
		if plan.IsCarried(x.raw, c) != plan.Made && !x.rolled(c) {
			return false
		}
	}
	return true
}

// rolled reports whether a change only asks for a rollout and one was asked for: when depends on the moment at
// which the plan was made.
func (x *shop) rolled(c model.Change) bool {
	d, presence := x.raw.Deployments().Get(c.Target.Namespace, c.Target.Name)
	return len(c.Fields) == 1 && strings.Contains(c.Fields[0].Path+string(c.Fields[0].New), "restartedAt") &&
		presence == snapshot.Present && d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] != ""
}

func (x *shop) Snapshot(ctx context.Context) (*snapshot.Snapshot, error) {
	if x.dead {
		return nil, errCrash
	}
	return x.cluster.Snapshot(ctx)
}

func (x *shop) DryRun(ctx context.Context, c model.Change) (act.Receipt, error) {
	return around(x.boundaries, true, func() (act.Receipt, error) { return x.cluster.DryRun(ctx, c) })
}

// Apply writes an object. Nothing may be written that was not announced, and decided, before.
func (x *shop) Apply(_ context.Context, c model.Change) (act.Receipt, error) {
	return around(x.boundaries, true, func() (act.Receipt, error) {
		x.traffic()
		s := plan.Fold(x.journal.events)
		if s.Begun <= s.Done && s.UndoBegun <= s.Undone || !s.Answered {
			x.t.Errorf("%s %s was written without a decision and an announcement in the record", c.Op, c.Target)
		}
		next, err := x.raw.With(c)
		if err != nil {
			return act.Receipt{}, &act.StaleError{Object: c.Target, Because: err.Error()}
		}
		x.writes = append(x.writes, written(c))
		x.held[c.Target] = true
		x.raw, x.now, x.made = next, next, append(x.made, c)
		if x.carried() {
			if x.now, err = plan.Expect(x.broken, x.finding, x.made); err != nil {
				return act.Receipt{}, err
			}
		}
		o, presence := x.raw.Lookup(c.Target)
		if presence != snapshot.Present {
			return act.Receipt{}, nil
		}
		return act.Receipt{UID: string(o.GetUID())}, nil
	})
}

// Release notes that gatemend holds fields of an object no more. It may be asked again and again, but not before all
// was taken back, nor without an announcement.
func (x *shop) Release(_ context.Context, undo model.Change) error {
	_, err := around(x.boundaries, true, func() (struct{}, error) {
		if s := plan.Fold(x.journal.events); !s.UndoChecked || !s.Releasing || s.Released {
			x.t.Errorf("fields of %s are given back without an announcement, or before they were set back", undo.Target)
		}
		delete(x.held, undo.Target)
		return struct{}{}, nil
	})
	return err
}

func (x *shop) WaitRollout(ctx context.Context, w model.Ref, f func(act.Rollout)) error {
	_, err := around(x.boundaries, true, func() (struct{}, error) { return struct{}{}, x.cluster.WaitRollout(ctx, w, f) })
	return err
}

func (x *shop) Ask(context.Context, model.Plan) (Answer, error) {
	return around(x.boundaries, false, func() (Answer, error) { return Answer{Yes: true, Person: true}, nil })
}

// Append records an event, in the form in which it is kept.
func (x *shop) Append(e plan.Event) error {
	_, err := around(x.boundaries, false, func() (struct{}, error) {
		kept := crashJournal{at: -1}
		if err := kept.Append(e); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, x.journal.Append(kept.events[0])
	})
	return err
}

func (x *shop) Events() ([]plan.Event, error) { return x.journal.Events() }

// live runs a process until it ends or dies.
func (x *shop) live(t *testing.T) (Result, error) {
	e := &Engine{Observer: x, Feed: x, Actor: x, Asker: x, Journal: x, Now: time.Now, Options: Options{Poll: 5 * time.Second}}
	return e.Run(t.Context(), Incident{ID: "i1"})
}

// TestKilledAtEveryBoundary kills the process at every boundary of every action, whether it helps or not, and
// starts it again; and loses the API server's answer there. Nothing is done twice, nothing without a decision,
// nothing is forgotten. To die before a call is to die after the one before it, so that half of the places do.
func TestKilledAtEveryBoundary(t *testing.T) {
	for _, f := range plantest.Faults() {
		s, p, carriedOut := broken(t, f)
		if !carriedOut {
			continue
		}
		for _, helps := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/helps=%v", f.Name, helps), func(t *testing.T) {
				t.Parallel()
				life := func(b boundaries) []bool { return oneLife(t, newShop(t, f, s, p, helps), helps, b) }
				for at, api := range life(boundaries{at: -1}) {
					if testing.Short() {
						return
					}
					if at%2 == 1 {
						life(boundaries{at: at})
					}
					if api {
						life(boundaries{at: at, lost: true})
					}
				}
			})
		}
	}
}

// oneLife lets a repair run, through one death at most, to its end, and gives the boundaries that it passed: of
// each whether it is the API server's.
func oneLife(t *testing.T, x *shop, helps bool, b boundaries) (passed []bool) {
	synctest.Test(t, func(t *testing.T) {
		x.t, x.until = t, time.Now()
		*x.boundaries = b
		time.Sleep(5 * time.Second) // it fails for a while
		got, err := x.live(t)
		passed = x.api
		for lives := 0; err != nil && lives < 3; lives++ {
			if !errors.Is(err, errCrash) && !errors.Is(err, errLost) {
				t.Fatalf("%+v: %v", b, err)
			}
			*x.boundaries = boundaries{at: -1}
			time.Sleep(3 * time.Second)
			got, err = x.live(t)
		}
		if err != nil {
			t.Fatalf("%+v: after a restart: %v", b, err)
		}
		x.check(t, got, helps, b)
	})
	return passed
}

func (x *shop) check(t *testing.T, got Result, helps bool, b boundaries) {
	t.Helper()
	where := fmt.Sprintf("killed at %d, lost %v: %s (%s), writes %s", b.at, b.lost, got.Outcome, got.Because, strings.Join(x.writes, "; "))
	if open, err := Open(x); err != nil || len(open) > 0 {
		t.Errorf("incidents %v are still open, %v; %s", open, err, where)
	}
	times := map[string]int{}
	for _, w := range x.writes {
		times[w]++
	}
	for _, c := range x.changes {
		if n := times[written(c)]; n > 1 {
			t.Errorf("%s was made %d times; %s", written(c), n, where)
		}
	}
	mended := got.Outcome == plan.Mended || got.Outcome == plan.Unverified
	switch {
	case mended && !helps:
		t.Errorf("what does not help is kept; %s", where)
	case mended && !x.carried():
		t.Errorf("not everything is in place; %s", where)
	case !mended && got.Outcome != plan.UndoFailed:
		x.untouched(t, where)
	}
	if b.at < 0 && mended != helps {
		t.Errorf("undisturbed, helps=%v; %s", helps, where)
	}
	if got.Outcome == plan.UndoFailed {
		t.Errorf("it could not be taken back; %s", where)
	}
}

// untouched checks that every object is as it was, but for pods, which their controllers replace.
func (x *shop) untouched(t *testing.T, where string) {
	t.Helper()
	for _, c := range x.changes {
		if c.Op == model.OpPatch && x.held[c.Target] {
			t.Errorf("fields of %s were not given back; %s", c.Target, where)
		}
		if c.Op != model.OpEvict && plan.IsCarried(x.raw, c) != plan.NotMade {
			t.Errorf("%s is not as it was; %s", c.Target, where)
		}
	}
}
