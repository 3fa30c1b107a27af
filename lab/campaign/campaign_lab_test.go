//go:build lab

package campaign_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/testkit/audit"
	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/load"
	"github.com/gatemend/gatemend/lab/manifest"
)

// name is that of the cluster of these tests.
const name = "campaign"

// The times of a round.
const (
	calmFor    = 4 * time.Second   // without any error, before and after
	roundLimit = 170 * time.Second // from the first fault to the end of all
	quietFor   = 8 * time.Second   // without a step of a repair: it has ended
	requests   = 25                // a second and route
)

// number reads a variable: CAMPAIGN_ROUNDS, CAMPAIGN_SEED.
func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%s=%q is no number", variable, text)
	}
	return n
}

// bench is the lab and the program that is tested.
type bench struct {
	*labtest.Lab

	program string
	targets []load.Target
	total   map[string]int
}

func open(t *testing.T) *bench {
	t.Helper()
	lab := labtest.Open(t, name, cluster.Options{Name: name, Audit: true})
	lab.Install(t)
	lab.Grant(t)
	return &bench{Lab: lab, program: labtest.Program(t), targets: lab.Targets(t), total: map[string]int{}}
}

// TestCampaign runs CAMPAIGN_ROUNDS rounds, the first with the seed CAMPAIGN_SEED.
func TestCampaign(t *testing.T) {
	n, first := number(t, "CAMPAIGN_ROUNDS", 3), number(t, "CAMPAIGN_SEED", 1)
	b := open(t)
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { b.round(t, seed) })
	}
	keys := make([]string, 0, len(b.total))
	for k, v := range b.total {
		keys = append(keys, fmt.Sprintf("%s: %d", k, v))
	}
	slices.Sort(keys)
	t.Logf("%d rounds\n%s", n, strings.Join(keys, "\n"))
}

// roleOf is the part of the shop to which a host leads.
func roleOf(host string) string {
	first, _, _ := strings.Cut(host, ".")
	return strings.TrimSuffix(first, "-gw")
}

// draw chooses one fault, or two at different objects, which may stand in a row on one route.
func draw(rng *rand.Rand) []fault.Fault {
	all := slices.DeleteFunc(fault.All(), func(f fault.Fault) bool { return f.Passing })
	one := all[rng.IntN(len(all))]
	if one.Person || rng.IntN(2) == 0 {
		return []fault.Fault{one}
	}
	// Each is injected into the object as its manifest has it: at the same one, the second would undo the first.
	others := slices.DeleteFunc(all, func(f fault.Fault) bool { return f.Person || f.WantObject == one.WantObject })
	return []fault.Fault{one, others[rng.IntN(len(others))]}
}

// drawPolicy makes a policy up: its text, what it lets be done without asking, and whether a person has agreed to
// everything else in advance.
func drawPolicy(rng *rand.Rand, from time.Time) (text string, allowed []audit.Decision, approve bool) {
	always := audit.Decision{From: from, To: from.Add(time.Hour), Namespace: manifest.Namespace}
	var auto []string
	for _, a := range []struct {
		action    string
		resources []string
	}{
		{"patch-service", []string{"services"}},
		{"patch-ingress", []string{"ingresses"}},
		{"patch-httproute", []string{"httproutes"}},
		{"scale", []string{"deployments"}},
		{"rollback", []string{"deployments"}},
		{"patch-probe", []string{"deployments"}},
		{"resize", []string{"deployments"}},
	} {
		if rng.IntN(4) > 0 {
			auto = append(auto, a.action)
			for _, r := range a.resources {
				d := always
				d.Resource, d.Verbs, d.Opted = r, []string{"patch"}, true
				allowed = append(allowed, d)
			}
		}
	}
	if approve = rng.IntN(4) > 0; approve {
		allowed = append(allowed, always)
		for _, g := range manifest.Gateways() { // some faults are theirs
			of := always
			of.Namespace = g.Namespace
			allowed = append(allowed, of)
		}
	}
	rules := "  - {name: rest, mode: approve, maxUnavailable: 1}\n"
	if len(auto) > 0 {
		rules = fmt.Sprintf("  - {name: auto, match: {namespaces: [shop], actions: [%s]}, mode: auto, maxUnavailable: 100%%}\n", strings.Join(auto, ", ")) + rules
	}
	return "apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\nmetadata: {name: drawn}\nspec:\n  rules:\n" + rules +
		"  limits: {cooldown: 0s, actionsPerHour: {object: 3}}\n", allowed, approve
}

// noise is what happens beside, and breaks nothing by itself. It returns when it is over.
func (b *bench) noise(ctx context.Context, rng *rand.Rand, role string) (string, func() error) {
	kube := b.Client.Kube
	deployment := func(patch string) error {
		_, err := kube.AppsV1().Deployments(manifest.Namespace).Patch(ctx, role, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		return err
	}
	label := func(value string) error { return b.OptIn(ctx, value) }
	node := b.Nodes()[0].Name
	cordon := func(on bool) error {
		_, err := kube.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"unschedulable":%v}}`, on), metav1.PatchOptions{})
		return err
	}
	between := func(on, off func() error, long time.Duration) func() error {
		return func() error {
			if err := on(); err != nil {
				return err
			}
			time.Sleep(long)
			return off()
		}
	}
	switch rng.IntN(6) {
	case 0:
		return "rollout", func() error {
			return deployment(fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"shop.test/rolled":"%d"}}}}}`, rng.IntN(1_000_000)))
		}
	case 1:
		// Without metrics it keeps to its bounds (kubernetes, pkg/controller/podautoscaler: reconcileAutoscaler); it begins after 15 s.
		api := kube.AutoscalingV2().HorizontalPodAutoscalers(manifest.Namespace)
		least := int32(3)
		return "autoscaler", between(
			func() error {
				_, err := api.Create(ctx, &autoscalingv2.HorizontalPodAutoscaler{
					ObjectMeta: metav1.ObjectMeta{Name: role},
					Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
						MinReplicas: &least, MaxReplicas: least + 1,
						ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: role},
					},
				}, metav1.CreateOptions{})
				return err
			},
			func() error { return api.Delete(ctx, role, metav1.DeleteOptions{}) }, 30*time.Second)
	case 2:
		return "node cordoned", between(func() error { return cordon(true) }, func() error { return cordon(false) }, 10*time.Second)
	case 3:
		return "namespace opts out", between(func() error { return label("disabled") }, func() error { return label("enabled") }, 15*time.Second)
	case 4:
		maps := kube.CoreV1().ConfigMaps("gatemend")
		return "kill switch", between(
			func() error {
				_, err := maps.Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "gatemend-stop"}}, metav1.CreateOptions{})
				return err
			},
			func() error { return maps.Delete(ctx, "gatemend-stop", metav1.DeleteOptions{}) }, 20*time.Second)
	default:
		return "pod deleted", func() error {
			pods, err := kube.CoreV1().Pods(manifest.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + role})
			if err != nil || len(pods.Items) == 0 {
				return err
			}
			return kube.CoreV1().Pods(manifest.Namespace).Delete(ctx, pods.Items[0].Name, metav1.DeleteOptions{})
		}
	}
}

// round is one life of the shop.
func (b *bench) round(t *testing.T, seed uint64) {
	ctx := t.Context()
	rng := rand.New(rand.NewPCG(seed, 0))
	begin := time.Now()
	dir := t.TempDir()
	text, allowed, approve := drawPolicy(rng, begin)
	policy := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.ready(t)
	run, err := load.Start(ctx, b.DialContext, b.targets, load.Limits{Rate: requests, Count: requests * 600, Duration: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Stop()
	b.Await(t, "every route to answer well", 2*time.Minute, func() bool { return len(failing(run.Report())) == 0 })
	args := []string{"--policy", policy}
	if approve {
		args = append(args, "--approve", "all")
	}
	watch := b.Watch(t, b.program, dir, args...)

	faults := draw(rng)
	injected := time.Now()
	broken := make(chan error, len(faults))
	for _, f := range faults {
		b.total["fault "+f.Name]++
		t.Logf("fault %s", f.Name)
		go func() { broken <- f.Inject(ctx, b.Client) }()
	}
	var noises int
	noisy := make(chan error, 2)
	for range rng.IntN(3) {
		role := []string{manifest.Web, manifest.Cart, manifest.API}[rng.IntN(3)]
		what, make := b.noise(ctx, rng, role)
		after := time.Duration(rng.IntN(8000)) * time.Millisecond
		b.total[what]++
		t.Logf("noise after %s: %s (%s)", after, what, role)
		noises++
		go func() {
			time.Sleep(after)
			noisy <- make()
		}()
	}
	for range rng.IntN(3) {
		// Most repairs last some 5 s: they are hit in all of their steps.
		alive := time.Duration(300+rng.IntN(9000)) * time.Millisecond
		time.Sleep(alive)
		watch.Kill()
		b.total["crashes"]++
		t.Logf("killed after %s", alive)
		time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
		watch = b.Watch(t, b.program, dir, args...)
	}
	for range faults {
		if err := <-broken; err != nil {
			t.Fatal(err)
		}
	}
	for range noises {
		if err := <-noisy; err != nil && ctx.Err() == nil {
			t.Logf("noise: %v", err) // both may have been of one kind
		}
	}
	told := func(role string) bool { return escalated(watch.Events(t), role) }
	b.Within(t, roundLimit, func() bool {
		for _, host := range failing(run.Report()) {
			if !told(roleOf(host)) {
				return false
			}
		}
		return time.Since(injected) > 10*time.Second && quiet(watch.Events(t))
	})
	still := failing(run.Report())
	watch.Stop(t)
	end := time.Now()

	var ends []audit.End
	for _, role := range []string{manifest.Web, manifest.Cart, manifest.API} {
		e := audit.End{App: role, Escalated: told(role)}
		e.Broken = slices.ContainsFunc(faults, func(f fault.Fault) bool { return roleOf(f.Route) == role })
		e.Failing = slices.ContainsFunc(still, func(host string) bool { return roleOf(host) == role })
		if e.Broken {
			b.total[map[bool]string{true: "ended: a person was told", false: "ended: mended"}[e.Failing]]++
		}
		ends = append(ends, e)
	}
	b.judge(t, begin, end, allowed, ends)
	if t.Failed() {
		for _, e := range watch.Events(t) {
			if e.Type != "failing" {
				t.Logf("%s %s %s %s %s", e.At.Format("15:04:05.000"), e.Type, e.Step, e.Route, e.Text)
			}
		}
	}
	for _, f := range faults {
		if err := f.Restore(ctx, b.Client); err != nil {
			t.Fatal(err)
		}
	}
}

// ready puts the shop right, and what noise may have left.
func (b *bench) ready(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	if err := b.Client.Apply(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "gatemend"}}); err != nil {
		t.Fatal(err)
	}
	if err := b.Client.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	if err := b.OptIn(ctx, "enabled"); err != nil {
		t.Fatal(err)
	}
}

// failing lists the hosts whose clients got an error a moment ago, or no answer yet.
func failing(reports []load.Report) []string {
	var out []string
	for _, r := range reports {
		if r.LastGood.IsZero() || r.LastGood.Sub(r.LastError) < calmFor || len(r.Seconds) < int(calmFor.Seconds()) {
			out = append(out, r.Target.Host)
		}
	}
	return out
}

// escalated reports whether people were told of a part of the shop that a repair ended without mending it, or cannot
// be begun.
func escalated(events []labtest.Event, role string) bool {
	return slices.ContainsFunc(events, func(e labtest.Event) bool {
		host, _, _ := strings.Cut(e.Route, "/")
		ended := e.Type == "mend" && slices.Contains([]string{"nothing", "advice", "refused", "declined", "not-helped", "undo-failed", "could-not-act"}, e.Step)
		return roleOf(host) == role && (ended || e.Type == "warning" && strings.HasPrefix(e.Text, "a person is needed"))
	})
}

// quiet reports whether no repair is under way: the last step of one is its end, or long ago.
func quiet(events []labtest.Event) bool {
	for _, e := range slices.Backward(events) {
		if e.Type == "mend" {
			return time.Since(e.At) > quietFor
		}
	}
	return true
}

// judge has the checker read the audit log of a round.
func (b *bench) judge(t *testing.T, begin, end time.Time, allowed []audit.Decision, ends []audit.End) {
	t.Helper()
	data, err := os.ReadFile(b.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	log = slices.DeleteFunc(log, func(e audit.Entry) bool { return e.At.Before(begin) || e.At.After(end) })
	for _, e := range log {
		if e.User == labtest.User && slices.Contains([]string{"create", "patch", "delete"}, e.Verb) && e.Code < 300 {
			what := "changes by gatemend"
			switch {
			case e.DryRun:
				what = "rehearsals"
			case e.Releases():
				what = "fields given back"
			}
			b.total[what]++
		}
	}
	c := audit.Case{
		Actor: labtest.User, Log: log, Decisions: allowed, OptIn: [2]string{labtest.OptInLabel, "enabled"},
		Labels: map[string]map[string]string{manifest.Namespace: {labtest.OptInLabel: "enabled"}}, Stop: "gatemend/gatemend-stop", Lag: 2 * time.Second,
		Share: 0.5, Recovery: 5 * time.Second, Replicas: map[string]int{"shop/web": 2, "shop/cart": 2, "shop/api": 2},
		App: func(o audit.Object) string { app, _, _ := strings.Cut(o.Name, "-"); return app }, Ends: ends,
	}
	c.PerHour.Object = 3
	for _, v := range audit.Check(c) {
		t.Error(v)
	}
}
