//go:build lab

package campaign_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/gatemend/gatemend/internal/testkit/audit"
	"github.com/gatemend/gatemend/lab/cluster"
	"github.com/gatemend/gatemend/lab/fault"
	"github.com/gatemend/gatemend/lab/gateway/contour"
	"github.com/gatemend/gatemend/lab/labtest"
	"github.com/gatemend/gatemend/lab/load"
	"github.com/gatemend/gatemend/lab/manifest"
)

// mendsWithin is how long a repair may take, its verification included.
const mendsWithin = 90 * time.Second

// scene is one try on the shop under load, with a folder and an audit log of its own.
type scene struct {
	*bench

	t     *testing.T
	dir   string
	begin time.Time
	run   *load.Run
}

func (b *bench) scene(t *testing.T) *scene {
	t.Helper()
	b.ready(t)
	targets := append(slices.Clone(b.targets), load.Target{Name: "front", Address: b.Address(t, "envoy-json"), Host: "front.shop.test", Path: "/"})
	run, err := load.Start(t.Context(), b.DialContext, targets, load.Limits{Rate: requests, Count: requests * 600, Duration: 10 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Stop() })
	b.Await(t, "every route to answer well", 2*time.Minute, func() bool { return len(failing(run.Report()[:len(b.targets)])) == 0 })
	return &scene{bench: b, t: t, dir: t.TempDir(), begin: time.Now(), run: run}
}

// policy writes a file of one policy.
func (s *scene) policy(spec string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, "policy.yaml")
	text := "apiVersion: gatemend.dev/v1alpha1\nkind: RemediationPolicy\nmetadata: {name: p}\nspec: " + spec + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// breaks injects a fault, which goes with the test.
func (s *scene) breaks(name string) fault.Fault {
	s.t.Helper()
	f, err := fault.Find(name)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := f.Inject(s.t.Context(), s.Client); err != nil {
		s.t.Fatal(err)
	}
	return f
}

// says waits for an event of a host, or of another one that leads to the same part of the shop: a repair goes by the name of
// the route that was heard of first.
func (s *scene) says(w *labtest.Watch, host, what string, is func(labtest.Event) bool) {
	s.t.Helper()
	about := func(e labtest.Event) bool {
		name, _, found := strings.Cut(e.Route, "/")
		return found && roleOf(name) == roleOf(host) && is(e)
	}
	if !s.Within(s.t, mendsWithin, func() bool { return slices.ContainsFunc(w.Events(s.t), about) }) {
		for _, e := range w.Events(s.t) {
			s.t.Logf("%s %s %s %s", e.Type, e.Step, e.Route, e.Text)
		}
		s.t.Fatalf("%s: waited %s for it to say that %s", host, mendsWithin, what)
	}
}

func ends(step, because string) func(labtest.Event) bool {
	return func(e labtest.Event) bool {
		return e.Type == "mend" && e.Step == step && strings.Contains(e.Text, because)
	}
}

// wrote lists what gatemend has changed since the scene began.
func (s *scene) wrote() []audit.Object {
	s.t.Helper()
	data, err := os.ReadFile(s.AuditLog())
	if err != nil {
		s.t.Fatal(err)
	}
	log, err := audit.Read(bytes.NewReader(data))
	if err != nil {
		s.t.Fatal(err)
	}
	var out []audit.Object
	for _, e := range log {
		if e.User == labtest.User && !e.At.Before(s.begin) && !e.DryRun && e.Code < 300 && slices.Contains([]string{"create", "patch", "delete"}, e.Verb) {
			out = append(out, e.Object)
		}
	}
	return out
}

// gatemend runs a command to its end.
func (s *scene) gatemend(args ...string) (output string, exit int) {
	s.t.Helper()
	var out bytes.Buffer
	err := s.Exec(s.t.Context(), append([]string{s.program}, args...), cluster.Stdio{Out: &out, Err: &out})
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), e.ExitCode()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return out.String(), 0
}

const allAuto = "{rules: [{name: all, mode: auto}], limits: {cooldown: 0s}}"

// TestPolicies lets policies decide on a real cluster: what they forbid is not done, what they leave to a person waits
// for one, what they allow is done; and what stands above them holds. The audit log says what was changed.
func TestPolicies(t *testing.T) {
	b := open(t)
	for _, tc := range []struct {
		name string
		run  func(*scene)
	}{
		{"forbidden", forbidden}, {"left to a person", leftToAPerson}, {"allowed", allowed}, {"stopped and resumed", stopped},
		{"a storm", storm}, {"kept by Argo CD", keptByArgoCD}, {"kept by Helm", keptByHelm},
		{"two faults at once", twoFaults}, {"killed once the change was made", killed("applied")},
		{"the API server crashes in a rollout", crashesInARollout}, // the last one: its controllers need a while to be back
	} {
		t.Run(tc.name, func(t *testing.T) { tc.run(b.scene(t)) })
	}
}

func forbidden(s *scene) {
	w := s.Watch(s.t, s.program, s.dir, "--policy", s.policy(`{rules: [{name: services, match: {actions: [patch-service]}, mode: "off"}, {name: rest, mode: auto}]}`))
	f := s.breaks("wrong-selector")
	s.says(w, f.Route, "the rule forbids it", ends("refused", "p/services"))
	w.Stop(s.t)
	if wrote := s.wrote(); len(wrote) > 0 {
		s.t.Errorf("it changed %v", wrote)
	}
}

func leftToAPerson(s *scene) {
	policy := s.policy("{rules: [{name: all, mode: approve}]}")
	w := s.Watch(s.t, s.program, s.dir, "--policy", policy)
	f := s.breaks("wrong-selector")
	s.says(w, f.Route, "a person must agree", ends("refused", "nobody could be asked"))
	w.Stop(s.t)
	if wrote := s.wrote(); len(wrote) > 0 {
		s.t.Errorf("it changed %v before anybody agreed", wrote)
	}
	out, exit := s.gatemend("fix", "service/web", "-n", manifest.Namespace, "--policy", policy, "--yes", "--as", labtest.User)
	if wrote := s.wrote(); exit != 0 || len(wrote) != 1 || wrote[0].Resource != "services" {
		s.t.Errorf("after a yes: exit %d, it changed %v\n%s", exit, wrote, out)
	}
}

func allowed(s *scene) {
	w := s.Watch(s.t, s.program, s.dir, "--policy", s.policy(allAuto))
	f := s.breaks("wrong-selector")
	s.says(w, f.Route, "it is mended", ends("mended", ""))
	w.Stop(s.t)
	if wrote := s.wrote(); len(wrote) != 1 || wrote[0].Resource != "services" {
		s.t.Errorf("it changed %v", wrote)
	}
}

// stopped throws the switch in the middle of a watch, and back.
func stopped(s *scene) {
	w := s.Watch(s.t, s.program, s.dir, "--policy", s.policy(allAuto))
	if out, exit := s.gatemend("stop", "--reason", "a test"); exit != 0 {
		s.t.Fatalf("stop: exit %d\n%s", exit, out)
	}
	f := s.breaks("wrong-selector")
	s.says(w, f.Route, "it was stopped", ends("refused", "kill-switch: gatemend was stopped (a test"))
	if wrote := s.wrote(); len(wrote) > 0 {
		s.t.Errorf("it changed %v while it was stopped", wrote)
	}
	if out, exit := s.gatemend("resume"); exit != 0 {
		s.t.Fatalf("resume: exit %d\n%s", exit, out)
	}
	f = s.breaks("wrong-target-port")
	s.says(w, f.Route, "the next one is mended", ends("mended", ""))
	w.Stop(s.t)
}

// storm breaks three parts of the shop at once, where a policy takes two for a storm. Which of them is first is chance:
// that one may be mended, or taken back as the others fail since; of the rest nothing is touched.
func storm(s *scene) {
	w := s.Watch(s.t, s.program, s.dir, "--policy", s.policy("{rules: [{name: all, mode: auto}], limits: {cooldown: 0s, storm: {incidents: 1, within: 10m}}}"))
	var hosts []string
	for _, name := range []string{"wrong-selector", "wrong-target-port", "readiness-path"} {
		hosts = append(hosts, s.breaks(name).Route)
	}
	for _, host := range hosts {
		s.says(w, host, "its repair has ended or may not begin", func(e labtest.Event) bool {
			return ends("refused", "")(e) || ends("mended", "")(e) || ends("not-helped", "")(e)
		})
	}
	w.Stop(s.t)
	if !slices.ContainsFunc(w.Events(s.t), ends("refused", "limits.storm")) {
		s.t.Error("nothing was held back by the storm")
	}
	wrote := s.wrote()
	if slices.ContainsFunc(wrote, func(o audit.Object) bool { return o != wrote[0] }) {
		s.t.Errorf("it changed %v in a storm", wrote)
	}
}

func keptByArgoCD(s *scene) {
	kept(s, "Argo CD", func(o *metav1.ObjectMeta) {
		o.Annotations = map[string]string{"argocd.argoproj.io/tracking-id": "shop:/Service:shop/web"}
	})
}

func keptByHelm(s *scene) {
	kept(s, "Helm", func(o *metav1.ObjectMeta) {
		o.Labels["app.kubernetes.io/managed-by"] = "Helm"
		o.Annotations = map[string]string{"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}
	})
}

// kept breaks a Service that bears the marks of a tool.
func kept(s *scene, tool string, mark func(*metav1.ObjectMeta)) {
	svc := manifest.Service(manifest.Web)
	svc.Spec.Selector = map[string]string{"app": "website"}
	mark(&svc.ObjectMeta)
	if err := s.Client.Replace(s.t.Context(), svc); err != nil {
		s.t.Fatal(err)
	}
	w := s.Watch(s.t, s.program, s.dir, "--policy", s.policy(allAuto))
	s.says(w, manifest.Host(manifest.Web), "somebody else keeps it", ends("refused", "owner: Service shop/web is managed by "+tool))
	w.Stop(s.t)
	if wrote := s.wrote(); len(wrote) > 0 {
		s.t.Errorf("it changed %v", wrote)
	}
	out, _ := s.gatemend("fix", "service/web", "-n", manifest.Namespace, "--plan", "--as", labtest.User)
	if !strings.Contains(out, "kustomization.yaml") {
		s.t.Errorf("the plan has no patch for the source:\n%s", out)
	}
}

// TestGatewayAPIActions carries out what only the Gateway API knows: a listener that takes one namespace more, and a
// ReferenceGrant.
func TestGatewayAPIActions(t *testing.T) {
	b := open(t)
	t.Run("patch-gateway-listener", func(t *testing.T) {
		s := b.scene(t)
		same := gatewayv1.NamespacesFromSame
		s.onGateway(t.Context(), &same)
		t.Cleanup(func() {
			all := gatewayv1.NamespacesFromAll
			s.onGateway(context.WithoutCancel(t.Context()), &all)
		})
		s.serves(manifest.Host("cart-gw"), false)
		out, exit := s.gatemend("fix", "httproute/cart-gw", "-n", manifest.Namespace, "--yes", "--as", labtest.User)
		if wrote := s.wrote(); exit != 0 || len(wrote) != 1 || wrote[0].Resource != "gateways" {
			t.Fatalf("exit %d, it changed %v\n%s", exit, wrote, out)
		}
		s.serves(manifest.Host("cart-gw"), true)
	})
	t.Run("add-referencegrant", func(t *testing.T) {
		s := b.scene(t)
		front := manifest.CartRoute()
		shop := gatewayv1.Namespace(manifest.Namespace)
		front.Namespace, front.Name = "front", "front"
		front.Spec.Hostnames = []gatewayv1.Hostname{"front.shop.test"}
		front.Spec.Rules[0].BackendRefs[0].Namespace = &shop
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "front"}}
		if err := s.Client.Apply(t.Context(), ns, front); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			grant := &gatewayv1.ReferenceGrant{ObjectMeta: metav1.ObjectMeta{Namespace: manifest.Namespace, Name: s.granted()}}
			for _, o := range []runtime.Object{front, grant} {
				if err := s.Client.Delete(context.WithoutCancel(t.Context()), o); err != nil {
					t.Log(err) // the cluster goes next
				}
			}
		})
		s.serves("front.shop.test", false)
		out, exit := s.gatemend("fix", "httproute/front", "-n", "front", "--yes", "--as", labtest.User)
		if wrote := s.wrote(); exit != 0 || len(wrote) != 1 || wrote[0].Resource != "referencegrants" {
			t.Fatalf("exit %d, it changed %v\n%s", exit, wrote, out)
		}
		s.serves("front.shop.test", true)
	})
}

// granted is the name of the grant that was made.
func (s *scene) granted() string {
	for _, o := range s.wrote() {
		if o.Resource == "referencegrants" {
			return o.Name
		}
	}
	return ""
}

// onGateway says of which namespaces the Gateway takes routes.
func (s *scene) onGateway(ctx context.Context, from *gatewayv1.FromNamespaces) {
	s.t.Helper()
	for _, o := range contour.GatewayObjects() {
		g, ok := o.(*gatewayv1.Gateway)
		if !ok {
			continue
		}
		g.Spec.Listeners[0].AllowedRoutes.Namespaces.From = from
		if err := s.Client.Replace(ctx, g); err != nil {
			s.t.Error(err)
		}
	}
}

// serves waits until a host answers well, or does not. A route that no gateway takes is answered with 404.
func (s *scene) serves(host string, well bool) {
	s.t.Helper()
	s.Await(s.t, host+" to change", time.Minute, func() bool {
		i := slices.IndexFunc(s.run.Report(), func(r load.Report) bool { return r.Target.Host == host })
		seconds := s.run.Report()[i].Seconds
		if len(seconds) < 4 {
			return false
		}
		for _, second := range seconds[len(seconds)-4 : len(seconds)-1] {
			if (second.Status[200] > 0) != well {
				return false
			}
		}
		return true
	})
}
