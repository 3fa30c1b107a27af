package mend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
)

const right = "patch service/cart /spec/ports/0/targetPort=8080"

func TestMendsAndVerifiesOnTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		time.Sleep(10 * time.Second) // it fails for a while
		start := time.Now()
		got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.Mended {
			t.Fatalf("got %s (%s), want %s", got.Outcome, got.Because, plan.Mended)
		}
		if d := cmp.Diff([]string{right}, c.writes); d != "" {
			t.Errorf("writes (-want +got):\n%s", d)
		}
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("mending took %s, want at most 6 s at 20 requests per second", took)
		}
		want := []plan.EventKind{
			plan.EventPlanned, plan.EventRehearsed, plan.EventAnswered, plan.EventApplying, plan.EventApplied,
			plan.EventWaited, plan.EventJudged, plan.EventClosed,
		}
		if d := cmp.Diff(want, kinds(got.Events)); d != "" {
			t.Errorf("record (-want +got):\n%s", d)
		}
	})
}

// A gateway names the Service and port that it sends requests to. While the observer has not heard of the change yet, these
// are another route's, and what succeeds then and later is the mended route's all the same.
func TestVerifiesByThePresentRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shop := plantest.Shop("cart", "web")
		shop.Edit("Ingress/cart", 8081, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "number")
		shop.Edit("Ingress/web", "cart", "spec", "rules", 0, "http", "paths", 0, "backend", "service", "name")
		c := newCluster(t, shop.Snapshot(), plantest.Finding("service-port-missing", "Ingress", "cart", "spec.rules[0].http.paths[0].backend.service.port.number", "80", "service", "Service", "cart"))
		c.fails["cart"] = func() bool { return len(c.writes) == 0 }
		c.name = func(s *model.Signal) {
			if s.Status == 200 {
				s.RouteNamespace, s.Service, s.ServicePort = "shop", "cart", "80"
			}
		}
		c.lag = 500 * time.Millisecond
		time.Sleep(10 * time.Second) // it fails for a while
		got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.Mended || len(c.writes) != 1 {
			t.Errorf("got %s (%s) after %q, want %s", got.Outcome, got.Because, c.writes, plan.Mended)
		}
	})
}

// While the API server does not answer, what is seen is of before: that is no sign that a change did not help.
func TestNoVerdictWhileNothingIsSeen(t *testing.T) {
	for name, tc := range map[string]struct {
		knows bool // that it does not answer
		want  plan.Outcome
	}{"known": {true, plan.Mended}, "not known": {false, plan.NotHelped}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t)
				c.fails["cart"] = func() bool { return len(c.writes) == 0 }
				c.lag = 3 * time.Minute
				away := func() bool { return len(c.writes) == 1 && time.Now().Before(c.heard) }
				c.apps = []string{"cart"}
				if tc.knows {
					c.silent = away
				}
				c.mute = away
				time.Sleep(10 * time.Second) // it fails for a while
				e, told := engine(c, &MemoryJournal{}), 0
				e.Options.OnSilence = func(string) { told++ }
				got, err := e.Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if tc.knows != (told == 1) {
					t.Errorf("it was told %d times", told)
				}
				if got.Outcome != tc.want {
					t.Errorf("got %s (%s) after %q, want %s", got.Outcome, got.Because, c.writes, tc.want)
				}
			})
		})
	}
}

// After the API server's return gateways go on for a while by what they knew before.
func TestGatewaysCatchUpLate(t *testing.T) {
	for name, tc := range map[string]struct {
		away  [2]time.Duration // since when, until when
		until time.Duration    // when requests succeed
		want  plan.Outcome
	}{
		"away while it is verified":     {[2]time.Duration{12 * time.Second, 60 * time.Second}, 150 * time.Second, plan.Mended},
		"away until right before":       {[2]time.Duration{0, 9 * time.Second}, 75 * time.Second, plan.Mended},
		"never away, and as late":       {until: 75 * time.Second, want: plan.NotHelped},
		"away, and too late even so":    {[2]time.Duration{12 * time.Second, 20 * time.Second}, time.Hour, plan.NotHelped},
		"away long before, and as late": {[2]time.Duration{-time.Hour, -2 * time.Minute}, 75 * time.Second, plan.NotHelped},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t)
				began := time.Now()
				c.fails["cart"] = func() bool { return time.Since(began) < tc.until }
				c.silent = func() bool { d := time.Since(began); return d >= tc.away[0] && d < tc.away[1] }
				if tc.away[1] != 0 && tc.away[1] < 10*time.Second {
					c.back = began.Add(tc.away[1])
				}
				time.Sleep(10 * time.Second) // it fails for a while
				got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want {
					t.Errorf("got %s (%s) after %q, want %s", got.Outcome, got.Because, c.writes, tc.want)
				}
			})
		})
	}
}

// What was taken back while the API server was away has not been proven useless: it is tried once more, and then no more.
func TestWhatAnOutageSpoiltIsTriedOnceMore(t *testing.T) {
	for name, tc := range map[string]struct {
		away  time.Duration
		until int // so many changes are in vain
		want  plan.Outcome
		wrote int
	}{
		"it helps the second time": {time.Minute, 2, plan.Mended, 3},
		"it never helps":           {time.Minute, 100, plan.NotHelped, 4},
		"nothing was away":         {0, 2, plan.NotHelped, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, journal := wrongPort(t), &MemoryJournal{}
				began := time.Now()
				c.fails["cart"] = func() bool { return len(c.writes) <= tc.until }
				c.silent = func() bool { d := time.Since(began); return d > 12*time.Second && d < 12*time.Second+tc.away }
				time.Sleep(10 * time.Second) // it fails for a while
				got, err := engine(c, journal).Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want || len(c.writes) != tc.wrote {
					t.Errorf("got %s (%s) after %q, want %s after %d", got.Outcome, got.Because, c.writes, tc.want, tc.wrote)
				}
				if _, err := engine(c, journal).Run(t.Context(), Incident{ID: "i2"}); err != nil {
					t.Fatal(err)
				}
				if tc.want == plan.NotHelped && len(c.writes) != tc.wrote {
					t.Errorf("in the next incident it is made again: %q", c.writes)
				}
			})
		})
	}
}

// An API server that comes and goes does not keep what does not help.
func TestSilencesDoNotPutTheVerdictOffForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		c.fails["cart"] = func() bool { return true }
		began := time.Now()
		c.silent = func() bool { return time.Since(began)%(50*time.Second) < 10*time.Second }
		time.Sleep(10 * time.Second) // it fails for a while
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		e := engine(c, &MemoryJournal{})
		e.Options.Limits.MaxPlans = 1 // one verification is looked at
		got, err := e.Run(ctx, Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.NotHelped || c.targetPort() != 9999 {
			t.Errorf("got %s (%s) after %q, want it taken back", got.Outcome, got.Because, c.writes)
		}
		if after := time.Since(began); after > 6*time.Minute {
			t.Errorf("it was kept for %s", after)
		}
	})
}

// The first silences have a limit of time begin anew, further ones have it stand still. Each is told of once.
func TestSilencesAreForgivenAFewTimes(t *testing.T) {
	told, at := 0, true
	r := &run{Engine: &Engine{Observer: &cluster{silent: func() bool { return at }}, Now: time.Now}, options: Options{OnSilence: func(string) { told++ }}}
	var q silence
	for i := range mostForgiven + 1 {
		for range 2 { // each lasts for two looks
			at = true
			if err := r.hear(&q); err != nil || !q.now || q.forgiven() != (i < mostForgiven) || told != i+1 {
				t.Errorf("silence %d: %+v, told %d times", i, q, told)
			}
		}
		at = false
		if err := r.hear(&q); err != nil || q.now || q.forgiven() {
			t.Errorf("after silence %d: %+v", i, q)
		}
	}
}

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

func TestTakesBackWhatDidNotHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		c.fails["cart"] = func() bool { return true } // the model is wrong: something else is broken too
		got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.NotHelped {
			t.Errorf("got %s (%s), want %s", got.Outcome, got.Because, plan.NotHelped)
		}
		if d := cmp.Diff([]string{right, "patch service/cart /spec/ports/0/targetPort=9999"}, c.writes); d != "" {
			t.Errorf("writes (-want +got):\n%s", d)
		}
		if c.targetPort() != 9999 {
			t.Errorf("targetPort is %d after the undo, want 9999", c.targetPort())
		}
	})
}

func TestDoesNotRepeatWhatDidNotHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		c.fails["cart"] = func() bool { return true }
		journal := &MemoryJournal{}
		if _, err := engine(c, journal).Run(t.Context(), Incident{ID: "i1"}); err != nil {
			t.Fatal(err)
		}
		before := len(c.writes)
		got, err := engine(c, journal).Run(t.Context(), Incident{ID: "i2"})
		if err != nil {
			t.Fatal(err)
		}
		if len(c.writes) != before || got.Outcome != plan.Refused {
			t.Errorf("the second incident: %s (%s), writes %v; want it refused without a write", got.Outcome, got.Because, c.writes[before:])
		}
	})
}

// callsCart makes a pod of the web application one that calls the cart.
func callsCart(c *plantest.Cluster) {
	c.Edit("Pod/web-2-0", []any{map[string]any{"name": "CART", "value": "http://cart.shop:80/v1"}}, "spec", "containers", 0, "env")
}

func TestTakesBackWhatBreaksAnotherRoute(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup []func(*plantest.Cluster)
		want  plan.Outcome
		port  int32
	}{
		{"one that rests on what was changed", []func(*plantest.Cluster){callsCart}, plan.NotHelped, 9999},
		{"one that began to fail in the same second, for a reason of its own", nil, plan.Mended, 8080},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t, tc.setup...)
				c.fails["web"] = func() bool { return c.targetPort() == 8080 }
				time.Sleep(10 * time.Second)
				got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want || !strings.Contains(got.Because, "web.shop.test") || c.targetPort() != tc.port {
					t.Errorf("got %s (%s) and targetPort %d; want %s, web.shop.test named, and %d", got.Outcome, got.Because, c.targetPort(), tc.want, tc.port)
				}
			})
		})
	}
}

func TestWithoutTrafficItIsNotVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		c.every = 0
		got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.Unverified || c.targetPort() != 8080 {
			t.Errorf("got %s (%s), targetPort %d; want it kept and %s", got.Outcome, got.Because, c.targetPort(), plan.Unverified)
		}
	})
}

func TestWhatIsRefusedChangesNothing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup func(*cluster, *Engine)
		want  plan.Outcome
	}{
		{"a person says no", func(_ *cluster, e *Engine) { e.Asker = answer{} }, plan.Declined},
		{"a policy's yes does not lift a guard", func(c *cluster, e *Engine) {
			c.finding.ID = "traffic-policy-local" // a cause that needs a person
			e.Asker = answer{Yes: true}
		}, plan.Refused},
		{"a rule says no", func(_ *cluster, e *Engine) { e.Asker = answer{Refused: true, Because: "p/all: mode propose"} }, plan.Refused},
		{"it is held back", func(_ *cluster, e *Engine) {
			e.Options.Hold = func(*snapshot.Snapshot, model.Plan) string { return "stopped" }
		}, plan.CouldNotAct},
		{"the dry run is rejected", func(c *cluster, _ *Engine) {
			c.dryRun = &act.RejectedError{Err: errors.New("webhook says no")}
		}, plan.CouldNotAct},
		{"the API server rejects the change", func(c *cluster, _ *Engine) {
			c.refuse = &act.RejectedError{Err: errors.New("quota")}
		}, plan.CouldNotAct},
		{"the cause is not certain enough", func(c *cluster, _ *Engine) { c.finding.Confidence = 0.7 }, plan.Refused},
		{"only a person can", func(c *cluster, _ *Engine) { c.finding.ID, c.finding.Wanted = "app-error", "" }, plan.OnlyAdvice},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t)
				e := engine(c, &MemoryJournal{})
				tc.setup(c, e)
				got, err := e.Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want || len(c.writes) > 0 {
					t.Errorf("got %s (%s), writes %v; want %s and no write", got.Outcome, got.Because, c.writes, tc.want)
				}
			})
		})
	}
}

type answer Answer

func (a answer) Ask(context.Context, model.Plan) (Answer, error) { return Answer(a), nil }

// TestALostAnswerIsLookedFor: the change took effect and the answer of the API server was lost.
func TestALostAnswerIsLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		c.lose = 1
		time.Sleep(5 * time.Second)
		got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.Mended || len(c.writes) != 1 {
			t.Errorf("got %s (%s), writes %v; want it mended with one write", got.Outcome, got.Because, c.writes)
		}
	})
}

// TestACrashNeitherRepeatsNorForgets kills the process at every record of every course, before and
// after it is written, and starts it again.
func TestACrashNeitherRepeatsNorForgets(t *testing.T) {
	for _, helps := range []bool{true, false} {
		for _, after := range []bool{false, true} {
			for at := range 14 {
				synctest.Test(t, func(t *testing.T) {
					c := wrongPort(t)
					if !helps {
						c.fails["cart"] = func() bool { return true }
					}
					time.Sleep(5 * time.Second)
					j := &crashJournal{at: at, after: after}
					got, err := engine(c, j).Run(t.Context(), Incident{ID: "i1"})
					if err != nil && !errors.Is(err, errCrash) {
						t.Fatal(err)
					}
					if errors.Is(err, errCrash) {
						time.Sleep(3 * time.Second)
						if got, err = engine(c, j).Run(t.Context(), Incident{ID: "i1"}); err != nil {
							t.Fatalf("at %d after=%v: resume: %v", at, after, err)
						}
					}
					checkAfterCrash(t, c, got, helps)
					if open, _ := Open(j); len(open) > 0 {
						t.Errorf("at %d: incidents %v are still open", at, open)
					}
				})
			}
		}
	}
}

func checkAfterCrash(t *testing.T, c *cluster, got Result, helps bool) {
	t.Helper()
	times := map[string]int{}
	for _, w := range c.writes {
		times[w]++
	}
	if times[right] > 1 {
		t.Errorf("the change was made %d times: %v", times[right], c.writes)
	}
	changed := c.targetPort() == 8080
	switch {
	case got.Outcome == plan.Mended && (!helps || !changed):
		t.Errorf("mended, but helps=%v changed=%v", helps, changed)
	case got.Outcome != plan.Mended && changed:
		t.Errorf("%s (%s), but the change is still there", got.Outcome, got.Because)
	case !helps && got.Outcome == plan.Unverified:
		t.Errorf("what did not help is kept")
	}
}

// TestWhatSomebodyElseHasCreatedIsTheirs: gatemend is killed right before it creates a Service, which a person does meanwhile.
func TestWhatSomebodyElseHasCreatedIsTheirs(t *testing.T) {
	fault := plantest.Faults()[slices.IndexFunc(plantest.Faults(), func(f plantest.Fault) bool { return f.Name == "service-deleted-remembered" })]
	synctest.Test(t, func(t *testing.T) {
		shop := plantest.Shop("cart", "web")
		before, _ := shop.Snapshot().Services().Get(plantest.Namespace, "cart")
		fault.Break(shop)
		c := newCluster(t, shop.Snapshot(), fault.Finding)
		c.deleted = fault.Deleted
		c.fails["cart"] = func() bool { return true }
		time.Sleep(10 * time.Second) // it fails for a while
		j := &crashJournal{at: 3, after: true}
		if _, err := engine(c, j).Run(t.Context(), Incident{ID: "i1"}); !errors.Is(err, errCrash) || j.events[3].Kind != plan.EventApplying {
			t.Fatalf("after %v: %v", kinds(j.events), err)
		}
		theirs := before.DeepCopy()
		theirs.UID, theirs.ManagedFields = "theirs", []metav1.ManagedFieldsEntry{{Manager: "kubectl-create", Operation: metav1.ManagedFieldsOperationUpdate}}
		c.now = c.now.WithObjects([]metav1.Object{theirs}, nil)
		j.at = -1
		got, err := engine(c, j).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		o, _ := c.now.Services().Get(plantest.Namespace, "cart")
		if got.Outcome != plan.Interrupted || o == nil || o.UID != "theirs" || len(c.writes) != 0 {
			t.Errorf("got %s (%s) after %v, writes %q", got.Outcome, got.Because, kinds(got.Events), c.writes)
		}
	})
}

// TestARaceIsProvenByTheNextRollout: errors while the patch itself rolls out say nothing, errors in
// the rollout after it do.
func TestARaceIsProvenByTheNextRollout(t *testing.T) {
	for _, tc := range []struct {
		name  string
		clean bool
		want  plan.Outcome
	}{{"the second rollout is clean", true, plan.Mended}, {"the second rollout drops requests", false, plan.NotHelped}} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, plantest.Shop("cart", "web").Snapshot(), model.Finding{
					ID: "termination-race", Confidence: 0.97, Wanted: `{"sleep":{"seconds":4}}`,
					Object: model.FieldRef{Ref: plantest.Ref("Deployment", "cart"), Field: "spec.template.spec.containers[0].lifecycle.preStop"},
					Routes: []model.Ref{plantest.Ref("Ingress", "cart")},
				})
				rolling, rollouts := false, 0
				c.fails["cart"] = func() bool { return rolling && (rollouts == 1 || !tc.clean) }
				c.rollout = func(ctx context.Context) error {
					rollouts++
					rolling = true
					err := sleep(ctx, 5*time.Second)
					c.traffic()
					rolling = false
					return err
				}
				got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
				if err != nil {
					t.Fatal(err)
				}
				if got.Outcome != tc.want {
					t.Errorf("got %s (%s), want %s", got.Outcome, got.Because, tc.want)
				}
				d, _ := c.now.Deployments().Get(plantest.Namespace, "cart")
				if kept := d.Spec.Template.Spec.Containers[0].Lifecycle != nil && d.Spec.Template.Spec.Containers[0].Lifecycle.PreStop != nil; kept != tc.clean {
					t.Errorf("preStop in place: %v, want %v", kept, tc.clean)
				}
			})
		})
	}
}

// TestWhatIsHeldBackInTheMiddleIsTakenBack: somebody stops gatemend between the two changes of a plan.
func TestWhatIsHeldBackInTheMiddleIsTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, plantest.Shop("cart", "web").Snapshot(), model.Finding{
			ID: "termination-race", Confidence: 0.97, Wanted: `{"sleep":{"seconds":4}}`,
			Object: model.FieldRef{Ref: plantest.Ref("Deployment", "cart"), Field: "spec.template.spec.containers[0].lifecycle.preStop"},
			Routes: []model.Ref{plantest.Ref("Ingress", "cart")},
		})
		e := engine(c, &MemoryJournal{})
		asked := 0
		e.Options.Hold = func(*snapshot.Snapshot, model.Plan) string {
			if asked++; asked > 1 {
				return "kill-switch: stopped"
			}
			return ""
		}
		got, err := e.Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		d, _ := c.now.Deployments().Get(plantest.Namespace, "cart")
		if l := d.Spec.Template.Spec.Containers[0].Lifecycle; l != nil && l.PreStop != nil || len(c.writes) != 2 {
			t.Errorf("writes %v, want the first change and its undo", c.writes)
		}
		if got.Outcome != plan.NotHelped || !strings.Contains(got.Because, "kill-switch: stopped") {
			t.Errorf("got %s (%s)", got.Outcome, got.Because)
		}
	})
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

// TestAPlanThatTheClusterMovedAwayFromIsMadeAnew: what somebody else changed while a person was
// thinking is no attempt that failed to help.
func TestAPlanThatTheClusterMovedAwayFromIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		e := engine(c, &MemoryJournal{})
		e.Asker = &meddler{t: t, c: c}
		got, err := e.Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.Mended || got.Plan == nil || string(got.Plan.Remedy.Change.Fields[0].Old) != "9998" {
			t.Errorf("got %s (%s), want it mended from the port that it had at last", got.Outcome, got.Because)
		}
	})
}

// meddler says yes, and while it is asked for the first time somebody sets another wrong port.
type meddler struct {
	t     *testing.T
	c     *cluster
	asked int
}

func (m *meddler) Ask(context.Context, model.Plan) (Answer, error) {
	if m.asked++; m.asked == 1 {
		field := model.FieldChange{Path: "/spec/ports/0/targetPort", Old: []byte("9999"), New: []byte("9998")}
		next, err := m.c.now.With(model.Change{Op: model.OpPatch, Target: plantest.Ref("Service", "cart"), Fields: []model.FieldChange{field}})
		if err != nil {
			m.t.Error(err)
			return Answer{}, err
		}
		m.c.now = m.c.controllers(next)
	}
	return Answer{Yes: true, Person: true}, nil
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

// TestWhatWasRefusedOnceIsTriedInTheNextIncident: a right that was lacking says nothing of the change.
func TestWhatWasRefusedOnceIsTriedInTheNextIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := wrongPort(t)
		journal := &MemoryJournal{}
		c.dryRun = &act.ForbiddenError{Verb: "patch", Namespace: plantest.Namespace, Words: "may not"}
		got, err := engine(c, journal).Run(t.Context(), Incident{ID: "i1"})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.CouldNotAct || strings.Contains(got.Because, "did not help") {
			t.Errorf("without the right: %s (%s), want %s, and no word of a change that did not help", got.Outcome, got.Because, plan.CouldNotAct)
		}
		c.dryRun = nil
		if got, err = engine(c, journal).Run(t.Context(), Incident{ID: "i2"}); err != nil {
			t.Fatal(err)
		}
		if got.Outcome != plan.Mended {
			t.Errorf("with the right: %s (%s), want %s", got.Outcome, got.Because, plan.Mended)
		}
	})
}

// asking sends requests of its own, of which the gateway tells.
type asking struct {
	*cluster

	sent int
}

func (a *asking) Probe(_ context.Context, _ *snapshot.Snapshot, requests []model.Request) int {
	for _, q := range requests {
		status := 200
		if a.fails["cart"]() {
			status = 502
		}
		a.ring.Add(model.Signal{At: time.Now(), Proxy: a.proxy, Request: q, Status: status})
		a.sent++
	}
	return len(requests)
}

// Where a route has no requests, gatemend's own prove that the change helped, or did not. Where it has, none are sent.
func TestAsksWhereNobodyElseDoes(t *testing.T) {
	for name, tc := range map[string]struct {
		every time.Duration
		helps bool
		asks  bool
		want  plan.Outcome
	}{
		"silent, it helps":      {0, true, true, plan.Mended},
		"silent, does not help": {0, false, true, plan.NotHelped},
		"others ask":            {50 * time.Millisecond, true, false, plan.Mended},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t)
				c.every = tc.every
				if !tc.helps {
					c.fails["cart"] = func() bool { return true }
				}
				a := &asking{cluster: c}
				e := engine(c, &MemoryJournal{})
				e.Prober = a
				time.Sleep(5 * time.Second)
				got, err := e.Run(t.Context(), Incident{ID: "i1"})
				if err != nil || got.Outcome != tc.want || (a.sent > 0) != tc.asks || a.sent > mostProbes {
					t.Errorf("got %s (%s), %d requests sent, %v; want %s", got.Outcome, got.Because, a.sent, err, tc.want)
				}
				if says := strings.Contains(got.Because, "gatemend sent"); says != (tc.asks && tc.helps) {
					t.Errorf("because %q", got.Because)
				}
			})
		})
	}
}

// A pod that was changed and has gone since is nothing that is left to be taken back.
func TestAReplacedPodNeedsNoUndo(t *testing.T) {
	f := plantest.Faults()[slices.IndexFunc(plantest.Faults(), func(f plantest.Fault) bool { return f.Name == "oom-in-place" })]
	s, p, _ := broken(t, f)
	synctest.Test(t, func(t *testing.T) {
		x := newShop(t, f, s, p, false)
		x.until = time.Now()
		x.rollout = func(context.Context) error { // the first pod goes while it is resized
			x.raw = x.raw.WithObjects(nil, []model.Ref{p.Remedy.Change.Target})
			x.now = x.raw
			return nil
		}
		got, err := x.live(t)
		if err != nil || got.Outcome == plan.UndoFailed || got.Outcome.Changed() {
			t.Errorf("got %s (%s), %v; want what is left to be taken back", got.Outcome, got.Because, err)
		}
	})
}

// TestWhatSomebodyElseDeletesIsTheirs: an object that was deleted while a change of it is being proven needs no undo,
// and one that was made in its place gets none, whatever is in it.
func TestWhatSomebodyElseDeletesIsTheirs(t *testing.T) {
	for name, meanwhile := range map[string]func(*cluster){
		"deleted": func(c *cluster) { c.now = c.now.WithObjects(nil, []model.Ref{plantest.Ref("Service", "cart")}) },
		"deleted and made anew": func(c *cluster) {
			svc, _ := c.now.Services().Get(plantest.Namespace, "cart")
			svc = svc.DeepCopy()
			svc.UID = "another"
			c.now = c.now.WithObjects([]metav1.Object{svc}, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t)
				c.fails["cart"] = func() bool { return true }
				e := engine(c, &MemoryJournal{})
				e.Options.OnEvent = func(ev plan.Event) {
					if ev.Kind == plan.EventApplied {
						meanwhile(c)
					}
				}
				got, err := e.Run(t.Context(), Incident{ID: "i1"})
				if err != nil || got.Outcome != plan.NotHelped {
					t.Errorf("got %s (%s), %v; want %s", got.Outcome, got.Because, err, plan.NotHelped)
				}
				if d := cmp.Diff([]string{right}, c.writes); d != "" {
					t.Errorf("writes (-want +got):\n%s", d)
				}
			})
		})
	}
}

// TestFieldsAreGivenBack tries again where the API server may yet take it, and tells where it does not.
func TestFieldsAreGivenBack(t *testing.T) {
	stale := &act.StaleError{Object: plantest.Ref("Service", "cart"), Because: "a status was written"}
	for name, tc := range map[string]struct {
		answers []error
		held    bool
		says    string
	}{
		"at once":                   {},
		"somebody wrote in between": {answers: []error{stale, stale}},
		"answers are lost":          {answers: []error{errLost, errLost, errLost}},
		"it is forbidden":           {answers: []error{&act.ForbiddenError{Verb: "patch"}}, held: true, says: "still stand under the field manager gatemend"},
		"it never answers":          {answers: slices.Repeat([]error{errLost}, 10), held: true, says: errLost.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := wrongPort(t)
				c.fails["cart"] = func() bool { return true }
				c.keeps = tc.answers
				got, err := engine(c, &MemoryJournal{}).Run(t.Context(), Incident{ID: "i1"})
				if err != nil || got.Outcome != plan.NotHelped || !strings.Contains(got.Because, tc.says) {
					t.Errorf("got %s (%s), %v; want %s, and %q", got.Outcome, got.Because, err, plan.NotHelped, tc.says)
				}
				if c.held[plantest.Ref("Service", "cart")] != tc.held {
					t.Errorf("gatemend holds fields: %v, want %v", !tc.held, tc.held)
				}
			})
		})
	}
}
