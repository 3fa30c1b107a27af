package mend

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// wrongProbe is a fault whose repair replaces the pods of cart.
func wrongProbe() model.Finding {
	return model.Finding{
		ID: "readiness-probe-misconfigured", Confidence: 0.97, Wanted: `"/healthz"`,
		Object: model.FieldRef{Ref: plantest.Ref("Deployment", "cart"), Field: "spec.template.spec.containers[0].readinessProbe.httpGet.path"},
		Routes: []model.Ref{plantest.Ref("Ingress", "cart")},
	}
}

// A rollout has so much time in which the API server can be seen.
func TestARolloutIsWaitedForThroughSilences(t *testing.T) {
	for name, tc := range map[string]struct {
		ends   time.Duration // the rollout
		silent func(since time.Duration) bool
		want   plan.Outcome
	}{
		"none, and it ends in time":                     {2 * time.Minute, func(time.Duration) bool { return false }, plan.Mended},
		"none, and it ends late":                        {4 * time.Minute, func(time.Duration) bool { return false }, plan.NotHelped},
		"a long one":                                    {10 * time.Minute, func(d time.Duration) bool { return d > time.Minute && d < 9*time.Minute }, plan.Mended},
		"it comes and goes, and the rollout never ends": {time.Hour, func(d time.Duration) bool { return d%(50*time.Second) < 10*time.Second }, plan.NotHelped},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, plantest.Shop("cart", "web").Snapshot(), wrongProbe())
				began := time.Now()
				c.silent = func() bool { return tc.silent(time.Since(began)) }
				c.fails["cart"] = func() bool { return time.Since(began) < tc.ends }
				c.rollout = func(ctx context.Context) error { return sleep(ctx, tc.ends-time.Since(began)) }
				time.Sleep(10 * time.Second) // it fails for a while
				e := engine(c, &MemoryJournal{})
				e.Options.Limits.MaxPlans = 1 // one rollout is looked at
				got, err := e.Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want || (len(c.writes) == 2) != (tc.want == plan.NotHelped) {
					t.Errorf("got %s (%s) after %q, want %s", got.Outcome, got.Because, c.writes, tc.want)
				}
			})
		})
	}
}

// A rollout of which an API server that went away for good tells nothing is left to the journal.
func TestARolloutBehindAnOutageIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, plantest.Shop("cart", "web").Snapshot(), wrongProbe())
		c.fails["cart"] = func() bool { return true }
		rolling := false
		c.silent = func() bool { return rolling }
		c.rollout = func(ctx context.Context) error { rolling = true; return sleep(ctx, 24*time.Hour) }
		time.Sleep(10 * time.Second) // it fails for a while
		e, began := engine(c, &MemoryJournal{}), time.Now()
		e.Options.Outage = 10 * time.Minute
		_, err := e.Run(t.Context(), Incident{ID: "i1"})
		if away, ok := errors.AsType[*AwayError](err); !ok || away.For != e.Options.Outage || time.Since(began) > 11*time.Minute || len(c.writes) != 1 {
			t.Errorf("got %v after %s and %q", err, time.Since(began), c.writes)
		}
	})
}

// What a Rollout's controller says of its update is waited for after a change of its template alone: an update that stands
// in a pause must not end the replacement of pods after the first one.
func TestWhatIsWaitedFor(t *testing.T) {
	rollout := model.Ref{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Namespace: plantest.Namespace, Name: "cart"}
	deployment := plantest.Ref("Deployment", "cart")
	patch := func(of model.Ref, field string) model.Change {
		return model.Change{Op: model.OpPatch, Target: of, Fields: []model.FieldChange{{Path: field}}}
	}
	const image, replicas = "/spec/template/spec/containers/0/image", "/spec/replicas"
	for name, tc := range map[string]struct {
		finding model.Finding
		change  model.Change
		want    model.Ref // none: nothing is waited for
	}{
		"a Rollout's template":   {model.Finding{Object: model.FieldRef{Ref: rollout}}, patch(rollout, image), rollout},
		"a lent template":        {model.Finding{Object: model.FieldRef{Ref: rollout}}, patch(deployment, image), rollout},
		"a Rollout's replicas":   {model.Finding{Object: model.FieldRef{Ref: rollout}}, patch(rollout, replicas), model.Ref{}},
		"its lender's replicas":  {model.Finding{Object: model.FieldRef{Ref: rollout}}, patch(deployment, replicas), deployment},
		"a Deployment's replica": {model.Finding{Object: model.FieldRef{Ref: deployment}}, patch(deployment, replicas), deployment},
	} {
		got, waits := rollsOut(model.Plan{Finding: tc.finding}, tc.change)
		if waits != (tc.want != model.Ref{}) || waits && got != tc.want {
			t.Errorf("%s: got %v %v", name, got, waits)
		}
	}
}

func TestAStuckRolloutIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, plantest.Shop("cart", "web").Snapshot(), wrongProbe())
		c.rollout = func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
		got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.NotHelped || len(c.writes) != 2 {
			t.Errorf("got %s (%s), writes %v; want it taken back", got.Outcome, got.Because, c.writes)
		}
	})
}

// TestAFormerStrategyWaitsForPods: a proof that failed is taken back by a rollout, in the middle of which the strategy Recreate
// would end all pods.
func TestAFormerStrategyWaitsForPods(t *testing.T) {
	fault := plantest.Faults()[slices.IndexFunc(plantest.Faults(), func(f plantest.Fault) bool { return f.Name == "recreate" })]
	for name, tc := range map[string]struct {
		stuck    bool // the rollout that takes the proof back
		want     plan.Outcome
		strategy string
	}{
		"pods come":    {false, plan.NotHelped, "Recreate"},
		"no pods come": {true, plan.UndoFailed, "RollingUpdate"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shop := plantest.Shop("cart", "web")
				fault.Break(shop)
				c := newCluster(t, shop.Snapshot(), fault.Finding)
				strategy := func() string {
					d, _ := c.now.Deployments().Get(plantest.Namespace, "cart")
					return string(d.Spec.Strategy.Type)
				}
				rolling, rollouts := false, 0
				c.fails["cart"] = func() bool { return rolling }
				c.rollout = func(ctx context.Context) error {
					rollouts++
					rolling = true
					err := sleep(ctx, 5*time.Second)
					if c.traffic(); tc.stuck && rollouts == 2 {
						err = &act.StuckError{Because: "pods are not ready"}
					}
					if rolling = false; strategy() != "RollingUpdate" {
						t.Error("all pods were ended at once")
					}
					return err
				}
				got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want || strategy() != tc.strategy || rollouts != 2 {
					t.Errorf("got %s (%s) with strategy %s after %d rollouts, want %s with %s after 2", got.Outcome, got.Because, strategy(), rollouts, tc.want, tc.strategy)
				}
			})
		})
	}
}

// TestARolloutThatIsPromotedMeanwhileIsLeft: the change of a Rollout's lender fits as before, but its controller would not go back
// at once any more. That is asked for every try.
func TestARolloutThatIsPromotedMeanwhileIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := plantest.Faults()
		f := faults[slices.IndexFunc(faults, func(f plantest.Fault) bool { return f.Name == "argo-workload-ref" })]
		shop := plantest.Shop("cart", "web")
		f.Break(shop)
		c := newCluster(t, shop.Snapshot(), f.Finding)
		shop.Edit("Rollout/cart", "h2", "status", "stableRS")
		e := engine(c, &MemoryJournal{})
		actor := &promoter{cluster: c, promoted: shop.Snapshot()}
		e.Actor = actor
		got, err := e.Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if actor.tries != 1 || len(c.writes) != 0 {
			t.Errorf("got %s (%s), %d tries, writes %v; want one try and none", got.Outcome, got.Because, actor.tries, c.writes)
		}
	})
}

// promoter is a cluster in which a Rollout is promoted while the first change is made, which is refused for its version.
type promoter struct {
	*cluster
	promoted *snapshot.Snapshot
	tries    int
}

func (p *promoter) Apply(ctx context.Context, ch model.Change) (act.Receipt, error) {
	if p.tries++; p.tries == 1 {
		p.now = p.promoted
		return act.Receipt{}, &act.StaleError{Object: ch.Target, Because: "it has another version"}
	}
	return p.cluster.Apply(ctx, ch)
}
