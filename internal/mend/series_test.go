package mend

import (
	"context"
	"errors"
	"fmt"
	"reflect"
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

const (
	backend     = "/spec/rules/0/http/paths/0/backend/service"
	backendName = backend + "/name"
	limit       = "/spec/template/spec/containers/0/resources/limits/memory"
	probedPath  = "/spec/template/spec/containers/0/readinessProbe/httpGet/path"
)

const backendPort = backend + "/port/number"

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

// threeInARow is the same where the Ingress also names a Service that does not exist.
func threeInARow(t *testing.T) *cluster {
	c := inARow(t)
	c.behind = append([]model.Finding{c.finding}, c.behind...)
	ing, _ := c.now.Ingresses().Get(plantest.Namespace, "cart")
	ing = ing.DeepCopy()
	ing.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name = "carts"
	c.now = c.now.WithObjects([]metav1.Object{ing}, nil)
	c.finding = plantest.Finding("service-missing", "Ingress", "cart", "spec.rules[0].http.paths[0].backend.service.name", `"cart"`)
	fails := c.fails["cart"]
	c.fails["cart"] = func() bool {
		ing, _ := c.now.Ingresses().Get(plantest.Namespace, "cart")
		return fails() || ing.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name != "cart"
	}
	return c
}

// inOneTemplate is a shop in which two faults of the cart's pod template, and one of its Ingress, keep requests from succeeding.
func inOneTemplate(t *testing.T) *cluster {
	shop := plantest.Shop("cart", "web")
	plantest.Unready(shop)
	plantest.Revision(shop, "/ready", "readinessProbe", "httpGet", "path")
	plantest.Revision(shop, "16Mi", "resources", "limits", "memory")
	shop.Edit("Ingress/cart", 8081, "spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "number")
	c := newCluster(t, shop.Snapshot(), plantest.Finding("readiness-probe-misconfigured", "Deployment", "cart", plantest.Container+".readinessProbe.httpGet.path", `"/readyz"`))
	c.behind = []model.Finding{
		plantest.Finding("oom-killed", "Deployment", "cart", plantest.Container+".resources.limits.memory", ""),
		plantest.Finding("service-port-missing", "Ingress", "cart", "spec.rules[0].http.paths[0].backend.service.port.number", "80", "service", "Service", "cart"),
	}
	well := func() bool {
		d, _ := c.now.Deployments().Get(plantest.Namespace, "cart")
		t := d.Spec.Template.Spec.Containers[0]
		return t.ReadinessProbe.HTTPGet.Path == "/readyz" && t.Resources.Limits.Memory().String() == "128Mi"
	}
	c.rollout = func(context.Context) error { // pods come up that are as the template says
		was := c.now
		for p := range was.Pods().In(plantest.Namespace) {
			if p.Labels["app"] == "cart" {
				p = p.DeepCopy()
				p.Status.Conditions[0].Status = "False"
				if well() {
					p.Status.Conditions[0].Status = "True"
				}
				c.now = c.now.WithObjects([]metav1.Object{p}, nil)
			}
		}
		c.now = plan.SettleSlices(was, c.now)
		return nil
	}
	c.fails["cart"] = func() bool { return !well() || c.backendPort() != 80 }
	return c
}

// TestFaultsAreMendedOneAfterTheOther, whatever comes of it and wherever it is interrupted.
func TestFaultsAreMendedOneAfterTheOther(t *testing.T) {
	three := append([]string{"patch ingress/cart " + backendName + `="cart"`}, forth...)
	threeBack := append(slices.Clone(back), "patch ingress/cart "+backendName+`="carts"`)
	one := []string{"patch deployment/cart " + probedPath + `="/readyz" ` + limit + `="128Mi"`, forth[0]}
	oneBack := []string{back[1], "patch deployment/cart " + limit + `="16Mi" ` + probedPath + `="/ready"`}
	never := func(c *cluster) { c.fails["cart"] = func() bool { return true } }
	for name, tc := range map[string]struct {
		shop    func(*testing.T) *cluster
		fails   func(*cluster)
		outcome plan.Outcome
		because string
		wrote   []string
	}{
		"both help":                       {inARow, func(*cluster) {}, plan.Mended, "", forth},
		"they do not help":                {inARow, never, plan.NotHelped, "", slices.Concat(forth, back)},
		"three help":                      {threeInARow, func(*cluster) {}, plan.Mended, "", three},
		"three do not help":               {threeInARow, never, plan.NotHelped, "", slices.Concat(three, threeBack)},
		"two of one template help":        {inOneTemplate, func(*cluster) {}, plan.Mended, "", one},
		"two of one template do not help": {inOneTemplate, never, plan.NotHelped, "", slices.Concat(one, oneBack)},
		"the first one breaks another route": {inARow, func(c *cluster) {
			c.now = sharing(c.now)
			c.fails["web"] = func() bool { return c.backendPort() == 80 }
			// It is within reach, since it has the same Service behind it.
		}, plan.NotHelped, "web.shop.test/ fails since the change", []string{forth[0], back[1]}},
	} {
		t.Run(name, func(t *testing.T) {
			steps := 0
			run := func(at int, after bool) {
				synctest.Test(t, func(t *testing.T) {
					c := tc.shop(t)
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
						if got.Outcome.Changed() || !asBefore(c, tc.shop(t)) {
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

// asBefore reports whether the objects that a row of repairs changes are as in another cluster.
func asBefore(c, was *cluster) bool {
	spec := func(c *cluster) any {
		ing, _ := c.now.Ingresses().Get(plantest.Namespace, "cart")
		svc, _ := c.now.Services().Get(plantest.Namespace, "cart")
		d, _ := c.now.Deployments().Get(plantest.Namespace, "cart")
		return []any{ing.Spec, svc.Spec, d.Spec}
	}
	return reflect.DeepEqual(spec(c), spec(was))
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
