//go:build integration

package controller_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/controller"
	"github.com/gatemend/gatemend/internal/diagnose"
	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/source/kube"
	"github.com/gatemend/gatemend/internal/testkit/apiserver"
	"github.com/gatemend/gatemend/internal/watch"
)

// world is a shop on a real API server. No kubelet and no gateway run: the test is both. It keeps the endpoints of the
// Service, and tells of requests that fail as long as its port is wrong.
type world struct {
	t     *testing.T
	api   *apiserver.Server
	admin client.Client
	keep  time.Duration  // how long incidents are kept; 0: long enough
	rules *guardrail.Set // of a file; nil: those of the cluster
	alone string         // the only namespace that controllers look at, and their own; empty: they look at all
	// measured and record are those of the next controller; nil: it has none.
	measured *metrics.Metrics
	record   func(controller.Say) (controller.Recorder, error)
	lease    controller.Lease
	wire     *wire        // of controllers to the API server; nil: they have their own
	clock    atomic.Int64 // by how much the clock is set forward, as a time.Duration
}

// now is the time by the clock of controllers and gateways.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.clock.Load())) }

const goodPort, badPort = 8080, 9999

// newWorld makes the shop that the commands are tested on, and a user gatemend with the rights that config/rbac gives.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, api: apiserver.Start(t), lease: controller.Lease{For: 6 * time.Second, Renew: 5 * time.Second, Every: 300 * time.Millisecond}}
	w.api.InstallGatemend(t)
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.admin, err = client.New(w.api.Admin, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	w.api.Namespace(t, "gatemend")
	w.createShop()
	for _, file := range []string{"reader", "controller", "mender"} {
		w.api.Create(t, filepath.Join("..", "..", "config", "rbac", file+".yaml"))
	}
	for _, role := range []string{"gatemend-reader", "gatemend-controller", "gatemend-mender"} {
		w.create(&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "gatemend"}},
		})
	}
	w.create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: "gatemend", Name: "gatemend-controller"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "gatemend-controller"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: "gatemend"}},
	})
	w.allow("shop")
	return w
}

// settles is long enough for approvals' times, which are whole seconds, to be told apart.
const settles = time.Second

// awaitVouched waits until the API server refuses who approves in another's name, and has done so for as long as the
// controller asks for.
func (w *world) awaitVouched() {
	w.t.Helper()
	var policy admissionv1.ValidatingAdmissionPolicy
	if err := w.admin.Get(context.Background(), types.NamespacedName{Name: "gatemend-approvals"}, &policy); err != nil {
		w.t.Fatal(err)
	}
	forged := approvalBy("forged", "somebody-else")
	forged.Spec.Incident.Name = "none"
	admin := clientFor(w.t, w.api.Admin)
	await(w.t, "approvals are vouched for", func() (bool, string) {
		err := admin.Create(context.Background(), forged.DeepCopy(), client.DryRunAll)
		return apierrors.IsForbidden(err) && time.Since(policy.CreationTimestamp.Time) > settles+time.Second, errorText(err)
	})
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	if err := w.admin.Create(context.Background(), o); err != nil {
		w.t.Fatal(err)
	}
}

// allow opts a namespace in.
func (w *world) allow(namespace string) {
	w.t.Helper()
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"gatemend.dev/remediation":"enabled"}}}`))
	if err := w.admin.Patch(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, patch); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) createShop() {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "cli", "testdata", "cluster", "shop.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	var list struct{ Items []map[string]any }
	if err := yaml.Unmarshal(data, &list); err != nil {
		w.t.Fatal(err)
	}
	uids := map[types.UID]types.UID{}
	for _, item := range list.Items {
		o := &unstructured.Unstructured{Object: item}
		if o.GetKind() == "ConfigMap" || o.GetNamespace() == "elsewhere" {
			continue
		}
		status, old := item["status"], o.GetUID()
		delete(item, "status")
		for _, f := range []string{"uid", "resourceVersion", "generation", "creationTimestamp"} {
			unstructured.RemoveNestedField(item, "metadata", f)
		}
		unstructured.RemoveNestedField(item, "spec", "clusterIP")
		owners := o.GetOwnerReferences()
		for i := range owners {
			owners[i].UID = uids[owners[i].UID]
		}
		o.SetOwnerReferences(owners)
		w.create(o)
		uids[old] = o.GetUID()
		if status == nil {
			continue
		}
		o.Object["status"] = status
		if err := w.admin.Status().Update(context.Background(), o); err != nil {
			w.t.Fatalf("status of %s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
}

// port is the Service's targetPort.
func (w *world) port() int {
	var s corev1.Service
	if err := w.admin.Get(context.Background(), types.NamespacedName{Namespace: "shop", Name: "cart"}, &s); err != nil {
		return 0
	}
	return s.Spec.Ports[0].TargetPort.IntValue()
}

// setPort changes it, as somebody does by mistake, and the endpoints with it.
func (w *world) setPort(port int) {
	w.t.Helper()
	patch := fmt.Sprintf(`[{"op":"replace","path":"/spec/ports/0/targetPort","value":%d}]`, port)
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"}}
	if err := w.admin.Patch(context.Background(), s, client.RawPatch(types.JSONPatchType, []byte(patch))); err != nil {
		w.t.Fatal(err)
	}
	w.follow(port)
}

// follow does what the controller of EndpointSlices does.
func (w *world) follow(port int) {
	s := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-x1"}}
	patch := fmt.Sprintf(`[{"op":"replace","path":"/ports/0/port","value":%d}]`, port)
	_ = w.admin.Patch(context.Background(), s, client.RawPatch(types.JSONPatchType, []byte(patch))) // the next look tries again
}

// incidents are those of the shop, the oldest first.
func (w *world) incidents() []v1alpha1.Incident {
	w.t.Helper()
	var list v1alpha1.IncidentList
	if err := clientFor(w.t, w.api.Admin).List(context.Background(), &list); err != nil {
		w.t.Fatal(err)
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.Incident) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	return list.Items
}

// awaitPhase waits until the last incident is in a phase.
func (w *world) awaitPhase(phase v1alpha1.Phase) v1alpha1.Incident {
	w.t.Helper()
	var last v1alpha1.Incident
	await(w.t, "an incident is "+string(phase), func() (bool, string) {
		all := w.incidents()
		if len(all) == 0 {
			return false, "no incident"
		}
		last = all[len(all)-1]
		return last.Status.Phase == phase, told(last)
	})
	return last
}

func told(i v1alpha1.Incident) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s\n", i.Name, i.Status.Phase, i.Status.Message)
	for _, e := range i.Status.Timeline {
		fmt.Fprintf(&b, "  %s %s: %s\n", e.At.Format("05.000"), e.What, e.Text)
	}
	return b.String()
}

// process is one controller.
type process struct {
	t    *testing.T
	stop context.CancelFunc
	done chan error
	calls
	log bytes.Buffer
}

// calls is what a process asks of the API server, and a way to kill it there.
type calls struct {
	mu    sync.Mutex
	all   []call
	kill  func(c call, answered bool) bool // nil: never
	dead  bool
	inner http.RoundTripper
}

type call struct {
	method, path, query string
	body                string
	status              int
}

var errDead = errors.New("this process was killed")

// RoundTrip makes a call unless the process is dead.
func (c *calls) RoundTrip(r *http.Request) (*http.Response, error) {
	one := call{method: r.Method, path: r.URL.Path, query: r.URL.RawQuery}
	if r.Body != nil && r.Method != http.MethodGet {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		one.body, r.Body = string(data), io.NopCloser(bytes.NewReader(data))
	}
	if c.dies(one, false) {
		return nil, errDead
	}
	resp, err := c.inner.RoundTrip(r)
	if err == nil {
		one.status = resp.StatusCode
		c.mu.Lock()
		c.all = append(c.all, one)
		c.mu.Unlock()
		if c.dies(one, true) {
			_ = resp.Body.Close()
			return nil, errDead
		}
	}
	return resp, err
}

func (c *calls) dies(one call, answered bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = c.dead || c.kill != nil && c.kill(one, answered)
	return c.dead
}

// has reports whether a call of a method was answered.
func (c *calls) has(method string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.all, func(one call) bool { return one.method == method })
}

// changes are the calls that really changed something of the shop.
func (c *calls) changes() []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.all), func(one call) bool {
		return one.method != http.MethodPatch || !strings.Contains(one.path, "/services/") || strings.Contains(one.query, "dryRun") || one.status >= 300
	})
}

// start runs a controller until the test ends, or until it is stopped.
func (w *world) start(name string, mode controller.Mode, kill func(call, bool) bool) *process {
	w.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &process{t: w.t, stop: stop, done: make(chan error, 1)}
	p.kill = kill
	config := rest.CopyConfig(w.user())
	if w.wire != nil {
		config.Dial = w.wire.dial
	}
	config.Wrap(func(inner http.RoundTripper) http.RoundTripper {
		p.inner = inner
		return &p.calls
	})
	clients, err := kube.Connect(config)
	if err != nil {
		w.t.Fatal(err)
	}
	options := controller.Options{
		Config: config, Namespace: w.alone, OwnNamespace: cmp.Or(w.alone, "gatemend"), Identity: name, Mode: mode, Keep: cmp.Or(w.keep, time.Hour), Now: w.now,
		Policies: w.rules, Metrics: w.measured, Record: w.record,
		Settles: settles,
		Lease:   w.lease,
		Log:     slog.New(slog.NewTextHandler(&p.log, nil)),
		Actor:   act.New(clients.Kube, clients.Dynamic, clients.Mapper),
		Follow: func(ctx context.Context) (*watch.Session, []watch.Source, error) {
			watcher, err := kube.Watch(ctx, clients, kube.Options{Now: w.now, Namespace: w.alone})
			if err != nil {
				return nil, nil, err
			}
			live := &gateway{Watcher: watcher, world: w, signals: make(chan model.Signal), stop: make(chan struct{})}
			go live.run()
			return &watch.Session{Pods: live, Live: live, Ring: mend.NewRing(watch.Remembered), Now: w.now, Since: 2 * time.Minute}, nil, nil
		},
	}
	go func() { p.done <- controller.Run(ctx, options) }()
	w.t.Cleanup(func() {
		p.end()
		if w.t.Failed() {
			w.t.Logf("log of %s:\n%s", name, p.log.String())
		}
	})
	return p
}

// end stops a process in order and waits for it.
func (p *process) end() {
	p.stop()
	select {
	case err := <-p.done:
		p.done <- err
	case <-time.After(30 * time.Second):
		p.t.Error("a controller does not stop")
	}
}

// user is gatemend, who may do what config/rbac says.
func (w *world) user() *rest.Config { return w.api.User(w.t, "gatemend") }

// gateway is the cluster as it is followed: objects from the API server, requests from the test.
type gateway struct {
	*kube.Watcher
	world   *world
	signals chan model.Signal
	stop    chan struct{}
}

// run sends a request every 30 ms; whether it fails is decided by the Service.
func (g *gateway) run() {
	defer close(g.signals)
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-g.stop:
			return
		case <-tick.C:
		}
		port := g.world.port()
		g.world.follow(port) // whatever it was: one who read the port before a change may write after it
		s := model.Signal{
			At: g.world.now(), Proxy: "nginx", Source: "ingress-nginx/controller", Status: 200,
			Request: model.Request{Host: "shop.example.com", Path: "/cart"}, RouteNamespace: "shop", Service: "cart", ServicePort: "80",
			Tries: []model.Try{{Address: fmt.Sprintf("10.1.0.11:%d", port), Status: 200}},
		}
		if port != goodPort {
			s.Status, s.Failure, s.Reason = 502, model.Refused, "connect() failed (111: Connection refused) while connecting to upstream"
			s.Tries[0].Status = 502
		}
		select {
		case g.signals <- s:
		case <-g.stop:
			return
		}
	}
}

func (g *gateway) Signals() <-chan model.Signal { return g.signals }

func (g *gateway) Silent() string  { return "" }
func (g *gateway) Back() time.Time { return time.Time{} }

func (g *gateway) Gateways() ([]model.Ref, []model.Unseen) {
	return []model.Ref{{APIVersion: "v1", Kind: "Pod", Namespace: "ingress-nginx", Name: "ingress-nginx-controller-7d9c-abcde"}}, nil
}
func (g *gateway) Read() []metrics.Source { return []metrics.Source{{Name: "podlog", Open: 1}} }
func (g *gateway) Close() {
	close(g.stop)
	for range g.signals { // until it ends
	}
	g.Stop()
}
func (g *gateway) GatewayLogs(context.Context, *snapshot.Snapshot, time.Time) (watch.LogFiles, error) {
	return watch.LogFiles{}, nil
}
func (g *gateway) AppLogs(context.Context, []diagnose.LogWanted) ([]model.LogExcerpt, []model.Unseen) {
	return nil, nil
}
func (g *gateway) Probe(context.Context, []model.ProbeRoute, string) ([]model.Probe, []model.Unseen) {
	return nil, nil
}
func (g *gateway) Loaded(context.Context, *snapshot.Snapshot) ([]model.Loaded, []model.Unseen) {
	return nil, nil
}

// kinds are those of an incident's journal.
func kinds(i v1alpha1.Incident) string {
	var out []string
	for _, j := range i.Status.Journal {
		out = append(out, j.Kind)
	}
	return strings.Join(out, " ")
}
