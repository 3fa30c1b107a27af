package mend

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/snapshot"
)

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
