// Package campaign lets the shop live through many rounds of faults, noise and crashes of gatemend, and has an
// independent checker read the API server's audit log afterwards.
//
// The planner, the guardrail, the state machine and the engine, and the actor with its Kubernetes clients, are the real
// ones. Simulated are the API server (package simapi), controllers, kubelets, gateways and their clients, persons, and
// the diagnosis, which knows what was broken. Time is made up.
package campaign

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/testkit/audit"
)

var (
	rounds = flag.Int("campaign.rounds", 15, "how many rounds")
	first  = flag.Uint64("campaign.seed", 1, "seed of the first round; each has its own")
	keep   = flag.String("campaign.keep", "", "folder for the audit logs and journals of rounds in which a promise was not kept")
)

// policy is a RemediationPolicy in the two forms that it has here: for the guardrail as text, and for the checker as
// what may be done without asking.
type policy struct {
	text    string
	allowed []audit.Decision
	perHour int // of an object
}

// drawPolicy makes one up.
func drawPolicy(rng *rand.Rand) policy {
	p := policy{perHour: 2 + rng.IntN(3)}
	var auto []string
	for _, a := range []struct {
		action, resource string
	}{{"patch-service", "services"}, {"patch-ingress", "ingresses"}, {"scale", "deployments"}, {"rollback", "deployments"}, {"patch-probe", "deployments"}, {"resize", "deployments"}} {
		if rng.IntN(3) > 0 {
			auto = append(auto, a.action)
			p.allowed = append(p.allowed, audit.Decision{From: time.Time{}, To: time.Now().Add(24 * time.Hour), Namespace: plantest.Namespace, Resource: a.resource, Verbs: []string{"patch"}, Opted: true})
		}
	}
	rest := []string{"approve", "approve", "approve", "approve", "propose", `"off"`}[rng.IntN(6)]
	rules := fmt.Sprintf("  - {name: rest, mode: %s, maxUnavailable: 1}\n", rest)
	if len(auto) > 0 {
		rules = fmt.Sprintf("  - {name: auto, match: {namespaces: [shop], actions: [%s]}, mode: auto, maxUnavailable: 100%%}\n", strings.Join(auto, ", ")) + rules
	}
	p.text = fmt.Sprintf("apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\nmetadata: {name: drawn}\nspec:\n  rules:\n%s  limits: {cooldown: %ds, actionsPerHour: {object: %d}}\n", rules, rng.IntN(60), p.perHour)
	return p
}

// happenings counts what befell all rounds, to see that the campaign is one.
type happenings map[string]int

// TestCampaign runs the rounds. One that fails is run again with -campaign.seed and -campaign.rounds 1.
func TestCampaign(t *testing.T) {
	n := *rounds
	if testing.Short() {
		n = min(n, 5)
	}
	total := happenings{}
	for i := range n {
		seed := *first + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { live(t, seed, total) })
		})
	}
	keys := make([]string, 0, len(total))
	for k, v := range total {
		keys = append(keys, fmt.Sprintf("%s: %d", k, v))
	}
	slices.Sort(keys)
	t.Logf("%d rounds\n%s", n, strings.Join(keys, "\n"))
}

// live is one round.
func live(t *testing.T, seed uint64, total happenings) {
	rng := rand.New(rand.NewPCG(seed, 0))
	r := &round{
		world: newWorld(t, "cart", "web"), rng: rng, ring: mend.NewRing(50_000), until: time.Now(), told: map[string]bool{}, failingAt: map[string]time.Time{},
		policy: drawPolicy(rng), lag: time.Duration(rng.IntN(300)) * time.Millisecond, unsure: []float64{0, 0, 0, 0, 0, 0.2, 0.2, 1}[rng.IntN(8)],
	}
	var err error
	if r.policies, err = guardrail.Parse("drawn", []byte(r.policy.text)); err != nil {
		t.Fatal(err)
	}
	r.onWrite = func() {
		r.traffic()
		if r.behind.IsZero() {
			r.behind = time.Now()
		}
	}
	if label := []string{"", "disabled", "enabled"}[min(rng.IntN(8), 2)]; label != "" {
		r.edit("Namespace", plantest.Namespace, func(o map[string]any) { set(o, label, "metadata", "labels", optIn) })
	}
	begin := time.Now()
	end := begin.Add(20 * time.Minute)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.befall(begin, total)
	}()
	crashes := rng.IntN(4)
	for {
		l := &life{round: r, left: -1, lost: -1}
		r.api.Do(func() { r.snap = nil }) // a new process reads the cluster anew
		if crashes > 0 {
			l.left = 1 + rng.IntN(60)
			crashes--
			total["crashes planned"]++
		}
		if rng.IntN(2) == 0 {
			l.lost = 1 + rng.IntN(40)
		}
		r.api.Passing = func(user string, answered bool) error {
			if user != "gatemend" {
				return nil
			}
			if !answered {
				time.Sleep(time.Duration(1+rng.IntN(20)) * time.Millisecond)
			}
			if r.isDown() {
				return errLost
			}
			return l.pass(true)
		}
		err := l.run(t.Context(), end)
		if err == nil {
			break
		}
		if !errors.Is(err, errCrash) {
			t.Fatalf("it ended: %v", err)
		}
		total["crashes"]++
		time.Sleep(time.Duration(1+rng.IntN(90)) * time.Second)
	}
	<-done
	r.judge(t, total)
}

const optIn = "gatemend.dev/remediation"
