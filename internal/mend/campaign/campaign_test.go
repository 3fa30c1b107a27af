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
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/plan/plantest"
	"github.com/gatemend/gatemend/internal/testkit/audit"
	"github.com/gatemend/gatemend/internal/verify"
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

// befall breaks applications, and makes noise around them.
func (r *round) befall(begin time.Time, total happenings) {
	rng := rand.New(rand.NewPCG(r.rng.Uint64(), 1))
	type happening struct {
		at   time.Duration
		what func()
	}
	var all []happening
	add := func(name string, at time.Duration, what func()) {
		all = append(all, happening{at, func() { total[name]++; what() }})
	}
	at := time.Duration(5+rng.IntN(20)) * time.Second
	kinds := faults()
	app := r.apps[rng.IntN(2)]
	hidden := rng.IntN(5) == 0 // something that no object shows, beside the first fault
	different := 1 + rng.IntN(3)
	forgotten := rng.IntN(3) == 0 // nobody knows of a revision that worked
	if rng.IntN(5) == 0 {         // whoever deploys it brings the same mistake again and again
		again, good := kinds[0], r.current(app)
		r.api.Do(func() { r.injuries = append(r.injuries, injury{again, app, good}) })
		for i := range 6 {
			add("the same fault again", at+time.Duration(100*i+rng.IntN(60))*time.Second, func() { again.breaks(r.world, app) })
		}
		different = 0
	}
	for range different {
		f := kinds[rng.IntN(len(kinds))]
		to := app
		if hidden {
			add("hidden fault", at, func() { r.api.Do(func() { r.jinxed[to] = true }) })
			hidden = false
		}
		add("fault "+f.name, at, func() {
			good := model.Ref{}
			if !forgotten {
				good = r.current(to)
			}
			f.breaks(r.world, to)
			r.api.Do(func() { r.injuries = append(r.injuries, injury{f, to, good}) })
		})
		if rng.IntN(2) == 0 { // the next one elsewhere, at another time; else it hides behind this one
			app = r.apps[rng.IntN(2)]
			if app != to {
				at += time.Duration(rng.IntN(60)) * time.Second
			}
		}
	}
	for range rng.IntN(6) {
		name, what := r.noise(rng)
		add(name, at+time.Duration(rng.IntN([]int{60, 400}[rng.IntN(2)]))*time.Second, what)
	}
	slices.SortStableFunc(all, func(a, b happening) int { return int(a.at - b.at) })
	for _, h := range all {
		time.Sleep(time.Until(begin.Add(h.at + time.Duration(rng.IntN(1000))*time.Microsecond)))
		h.what()
	}
}

// noise is something that happens in clusters all the time, and breaks nothing by itself.
func (r *round) noise(rng *rand.Rand) (string, func()) {
	app := r.apps[rng.IntN(2)]
	while := time.Duration(10+rng.IntN(200)) * time.Second
	switch rng.IntN(9) {
	case 0:
		return "rollout", func() {
			r.edit("Deployment", app, func(o map[string]any) {
				set(o, time.Now().UTC().Format(time.RFC3339), "spec", "template", "metadata", "annotations", "rolled")
			})
		}
	case 1:
		return "autoscaler", func() { r.autoscale(app, while) }
	case 2:
		return "node cordoned", func() {
			r.edit("Node", "n1", func(o map[string]any) { set(o, true, "spec", "unschedulable") })
			time.Sleep(while)
			r.edit("Node", "n1", func(o map[string]any) { set(o, nil, "spec", "unschedulable") })
		}
	case 3:
		return "label on a Service", func() {
			r.edit("Service", app, func(o map[string]any) { set(o, "shop", "metadata", "labels", "team") })
		}
	case 4:
		return "kill switch", func() { r.stop(while) }
	case 5:
		return "namespace opts out", func() {
			r.edit("Namespace", plantest.Namespace, func(o map[string]any) { set(o, "disabled", "metadata", "labels", optIn) })
			time.Sleep(while)
			r.edit("Namespace", plantest.Namespace, func(o map[string]any) { set(o, "enabled", "metadata", "labels", optIn) })
		}
	case 6:
		return "API server away", func() {
			r.setDown(true)
			time.Sleep(while / 5)
			r.setDown(false)
		}
	case 7:
		return "somebody mends it by hand", func() {
			r.edit("Service", app, func(o map[string]any) {
				set(o, int64(8080), "spec", "ports", "0", "targetPort")
				set(o, map[string]any{"app": app}, "spec", "selector")
			})
		}
	default:
		return "pod deleted", func() {
			name := ""
			r.api.Do(func() {
				for _, o := range r.api.All("Pod") {
					if strings.HasPrefix(o.GetName(), app+"-") {
						name = o.GetName()
					}
				}
			})
			r.erase("Pod", name)
		}
	}
}

// autoscale has an autoscaler keep more replicas of an application for a while than it has.
func (r *round) autoscale(app string, while time.Duration) {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": map[string]any{"name": app, "namespace": plantest.Namespace},
		"spec": map[string]any{
			"minReplicas": int64(3), "maxReplicas": int64(5), "scaleTargetRef": map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": app},
		},
	}}
	if _, err := r.resource(o).Create(r.t.Context(), o, metav1.CreateOptions{}); err != nil {
		if !gone(err) {
			r.t.Error(err)
		}
		return // there is one already
	}
	time.Sleep(while)
	r.erase("HorizontalPodAutoscaler", app)
}

// stop throws the kill switch for a while.
func (r *round) stop(while time.Duration) {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": guardrail.StopName, "namespace": guardrail.StopNamespace}}}
	if _, err := r.resource(o).Create(r.t.Context(), o, metav1.CreateOptions{}); err != nil {
		if !gone(err) {
			r.t.Error(err)
		}
		return // somebody else has thrown it, and will turn it back
	}
	time.Sleep(while)
	r.erase("ConfigMap", guardrail.StopName)
}

func (r *round) isDown() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.down
}

func (r *round) setDown(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
}

// judge has the checker read the audit log.
func (r *round) judge(t *testing.T, total happenings) {
	t.Helper()
	log, err := audit.Read(strings.NewReader(string(r.api.Log())))
	if err != nil {
		t.Fatal(err)
	}
	c := audit.Case{
		Actor: "gatemend", Log: log, Decisions: append(r.decisions, r.policy.allowed...), OptIn: [2]string{optIn, "enabled"},
		OptOut: "disabled", Thought: thought + 15*time.Second, Questions: r.questions, // a change of several steps may be under way
		Labels: map[string]map[string]string{}, Stop: guardrail.StopNamespace + "/" + guardrail.StopName, Lag: r.lag + 50*time.Millisecond,
		Share: 0.25, Recovery: 3 * time.Second, Replicas: map[string]int{"shop/cart": 4, "shop/web": 4},
		App: func(o audit.Object) string { app, _, _ := strings.Cut(o.Name, "-"); return app },
	}
	c.PerHour.Object = r.policy.perHour
	r.api.Do(func() {
		for _, o := range r.api.All("") {
			if slices.ContainsFunc(o.GetManagedFields(), func(m metav1.ManagedFieldsEntry) bool { return m.Manager == act.FieldManager }) {
				plural, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
				c.Holds = append(c.Holds, audit.Object{Resource: plural.Resource, Namespace: o.GetNamespace(), Name: o.GetName()})
			}
		}
	})
	for _, app := range r.apps {
		e := audit.End{App: app, Escalated: r.told[app], Broken: slices.ContainsFunc(r.injuries, func(i injury) bool { return i.app == app }) || r.jinxed[app]}
		r.api.Do(func() { e.Failing = r.share(app) > 0.01 })
		c.Ends = append(c.Ends, e)
		switch {
		case e.Broken && e.Failing:
			total["ended: a person was told"]++
		case e.Broken:
			total["ended: mended"]++
		}
	}
	for _, e := range log {
		if e.User == "gatemend" && !e.DryRun && e.Verb != "get" && e.Verb != "list" && e.Code < 300 {
			if e.Releases() {
				total["fields given back"]++
				continue
			}
			total["changes by gatemend"]++
		}
	}
	events, err := r.journal.Events()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Plan != nil && len(e.Plan.Faults) > 1 {
			total[fmt.Sprintf("plan for %d faults in a row, with %d changes", len(e.Plan.Faults), len(e.Plan.Remedy.Changes))]++
		}
		if e.Kind == plan.EventClosed {
			total["incident "+string(e.Outcome)]++
		}
		if e.Judgement != nil && e.Judgement.Verdict == verify.WorseElsewhere {
			t.Errorf("%s: no application here rests on another one, but its repair was blamed: %s", e.Incident, e.Judgement.Because)
		}
		if e.Kind == plan.EventUndone {
			total["changes taken back"]++
		}
	}
	if open, err := mend.Open(&r.journal); err != nil || len(open) > 0 {
		t.Errorf("incidents %v are open still, %v", open, err)
	}
	found := audit.Check(c)
	for _, v := range found {
		t.Error(v)
	}
	if t.Failed() && *keep != "" {
		r.keep(t, events)
	}
}

// keep writes down what a failed round was like.
func (r *round) keep(t *testing.T, events []plan.Event) {
	t.Helper()
	var record strings.Builder
	for _, e := range events {
		what := e.Because
		if e.Plan != nil {
			what = fmt.Sprintf("%s for %s: %s %v", e.Plan.Remedy.Action, e.Plan.Finding.ID, e.Plan.Remedy.Summary, e.Plan.Guards)
		}
		if e.Judgement != nil {
			what = fmt.Sprint(*e.Judgement)
		}
		fmt.Fprintf(&record, "%s %s %s %d ok=%v %s %s\n", e.At.Format("15:04:05.000"), e.Incident, e.Kind, e.Index, e.OK, e.Outcome, what)
	}
	for name, text := range map[string]string{"audit.jsonl": string(r.api.Log()), "record.txt": record.String(), "policy.yaml": r.policy.text} {
		path := filepath.Join(*keep, strings.ReplaceAll(t.Name(), "/", "-"), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
}
