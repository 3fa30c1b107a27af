package mend

import (
	"context"
	"errors"
	"fmt"
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

const backendPort = "/spec/rules/0/http/paths/0/backend/service/port/number"

// inARow is a shop in which the cart's Ingress names a port that its Service does not have, and the Service one that its pods
// do not: both are to be mended before a request succeeds.
func inARow(t *testing.T) *cluster {
	c := wrongPort(t, func(shop *plantest.Cluster) {
		shop.Edit("Ingress/cart", 8081, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "number")
	})
	c.behind = []model.Finding{c.finding}
	c.finding = plantest.Finding("service-port-missing", "Ingress", "cart", "spec.rules[0].http.paths[0].backend.service.port.number", "80", "service", "Service", "cart")
	c.fails["cart"] = func() bool { return c.targetPort() != 8080 || c.backendPort() != 80 }
	return c
}

func (c *cluster) backendPort() int32 {
	ing, _ := c.now.Ingresses().Get(plantest.Namespace, "cart")
	return ing.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port.Number
}

var (
	forth = []string{"patch ingress/cart " + backendPort + "=80", "patch service/cart /spec/ports/0/targetPort=8080"}
	back  = []string{"patch service/cart /spec/ports/0/targetPort=9999", "patch ingress/cart " + backendPort + "=8081"}
)

// TestTwoFaultsAreMendedOneAfterTheOther, whatever comes of it and wherever it is interrupted.
func TestTwoFaultsAreMendedOneAfterTheOther(t *testing.T) {
	for name, tc := range map[string]struct {
		fails   func(*cluster)
		outcome plan.Outcome
		because string
		wrote   []string
	}{
		"both help": {func(*cluster) {}, plan.Mended, "", forth},
		"they do not help": {func(c *cluster) {
			c.fails["cart"] = func() bool { return true }
		}, plan.NotHelped, "", append(forth[:2:2], back...)},
		"the first one breaks another route": {func(c *cluster) {
			c.fails["web"] = func() bool { return c.backendPort() == 80 }
			// It is within reach, since it has the same Service behind it.
		}, plan.NotHelped, "web.shop.test/ fails since the change", []string{forth[0], back[1]}},
	} {
		t.Run(name, func(t *testing.T) {
			steps := 0
			run := func(at int, after bool) {
				synctest.Test(t, func(t *testing.T) {
					c := inARow(t)
					if strings.Contains(name, "another route") {
						c.now = sharing(c.now)
					}
					tc.fails(c)
					time.Sleep(10 * time.Second) // it fails for a while
					j := &crashJournal{at: at, after: after}
					e := engine(c, j)
					e.Options.Limits.MaxPlans = 1
					got, err := e.Run(t.Context(), Incident{ID: "i1"})
					if errors.Is(err, errCrash) {
						time.Sleep(2 * time.Second)
						j.at = -1
						got, err = e.Run(t.Context(), Incident{ID: "i1"})
					}
					if err != nil {
						t.Fatal(err)
					}
					steps = max(steps, j.n)
					if after && at >= 0 && j.events[at].Kind == plan.EventApplying { // nothing is made on an old announcement
						if got.Outcome.Changed() || c.targetPort() != 9999 || c.backendPort() != 8081 {
							t.Errorf("killed before a change, at %d: got %s (%s) after %q", at, got.Outcome, got.Because, c.writes)
						}
						return
					}
					where := fmt.Sprintf("killed at %d, after its record: %v", at, after)
					if got.Outcome != tc.outcome || !strings.Contains(got.Because, tc.because) {
						t.Errorf("%s: got %s (%s) after %v, want %s (%s)", where, got.Outcome, got.Because, kinds(got.Events), tc.outcome, tc.because)
					}
					if d := cmp.Diff(tc.wrote, c.writes); d != "" {
						t.Errorf("%s: writes (-want +got):\n%s", where, d)
					}
				})
			}
			run(-1, false)
			for at := range steps {
				run(at, false)
				run(at, true)
			}
		})
	}
}

// sharing has the web's Ingress lead to the cart's Service, to its right port.
func sharing(s *snapshot.Snapshot) *snapshot.Snapshot {
	web, _ := s.Ingresses().Get(plantest.Namespace, "web")
	web = web.DeepCopy()
	web.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name = "cart"
	return s.WithObjects([]metav1.Object{web}, nil)
}

// TestTheSecondChangeWaitsForWhatTheFirstHasDone: it is made only where the model says, on the cluster after the first one, that
// it mends; else the first one is taken back.
func TestTheSecondChangeWaitsForWhatTheFirstHasDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := inARow(t)
		time.Sleep(10 * time.Second)
		e := engine(c, &MemoryJournal{})
		e.Options.Limits.MaxPlans = 1
		e.Actor = meddled{c}
		got, err := e.Run(t.Context(), Incident{ID: "i1"})
		if err != nil || got.Outcome != plan.NotHelped {
			t.Errorf("got %s (%s), %v after %v", got.Outcome, got.Because, err, kinds(got.Events))
		}
		if d := cmp.Diff([]string{forth[0], back[1]}, c.writes); d != "" {
			t.Errorf("writes (-want +got):\n%s", d)
		}
	})
}

// meddled is a cluster in which somebody takes the cart's pods away as soon as its Ingress was changed.
type meddled struct{ *cluster }

func (m meddled) Apply(ctx context.Context, c model.Change) (act.Receipt, error) {
	receipt, err := m.cluster.Apply(ctx, c)
	var gone []model.Ref
	for p := range m.now.Pods().In(plantest.Namespace) {
		gone = append(gone, snapshot.RefOf(p))
	}
	m.now = m.now.WithObjects(nil, gone)
	return receipt, err
}
