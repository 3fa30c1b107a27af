package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	crconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/watch"
)

// LeaseName is that of the Lease by which controllers agree on who leads.
const LeaseName = "gatemend-controller"

// Lease says how leaders change. One that stops in order hands over at once; of one that is killed the lease runs out, and
// the next one looks for that now and then: by default after 12.3 s at most (client-go's leader election waits for up to
// 2.2 times as long as Every). Beside 15 s, which is what is promised, that leaves time to start working.
type Lease struct {
	For   time.Duration // default 9 s
	Renew time.Duration // within which it must be renewed; default 6 s
	Every time.Duration // how often it is; default 1.5 s
}

func (l Lease) defaults() Lease {
	return Lease{For: cmp.Or(l.For, 9*time.Second), Renew: cmp.Or(l.Renew, 6*time.Second), Every: cmp.Or(l.Every, 1500*time.Millisecond)}
}

// shutDownWithin is how long a repair has to come to a step at which it can be left.
const shutDownWithin = 10 * time.Second

// settling is the default of [Options].Settles.
const settling = 10 * time.Second

// Options are what a controller is made of.
type Options struct {
	Config *rest.Config
	// Namespace is the only one that is watched; empty: all.
	Namespace string
	// OwnNamespace has the lease, and the incidents on routes that no object has.
	OwnNamespace string
	// Lease is how leaders change; the zero value means what is said of it there.
	Lease Lease
	// Identity tells this process from others that might lead.
	Identity string
	Mode     Mode
	// Policies hold instead of the cluster's RemediationPolicies; nil: those do.
	Policies *guardrail.Set
	// Settles is how long the API server may take until it goes by a new admission policy; default 10 s.
	Settles time.Duration
	// Keep is how long incidents stay after they ended.
	Keep time.Duration
	// HealthAddress serves /healthz and /readyz; empty: nobody does.
	HealthAddress string
	Log           *slog.Logger
	Now           func() time.Time
	// Actor carries changes out.
	Actor mend.Actor
	// Follow begins to follow the cluster; it is called once this process leads. The session is closed when it ends.
	Follow func(ctx context.Context) (*watch.Session, []watch.Source, error)
	// Metrics counts; nil: nobody asks.
	Metrics *metrics.Metrics
	// Cluster is the cluster's name in what is told of incidents.
	Cluster string
	// Record begins a record of incidents when this process begins to lead; say tells people of troubles that it has, by an
	// Event on the controller's Lease. nil: none is kept.
	Record func(say Say) (Recorder, error)
}

// Recorder keeps or tells what becomes of incidents.
type Recorder interface {
	// Changed hears of every state of an incident once it is stored, and of all incidents at first. It must not wait.
	Changed(i model.Incident)
	// Run runs as long as the process leads.
	Run(ctx context.Context)
}

// Say tells people of what is wrong with the controller itself, or that it no longer is.
type Say func(wrong bool, reason, text string)

// Run runs a controller until the context ends, or until another one leads, which is an error: begin anew then.
func Run(ctx context.Context, o Options) error {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return fmt.Errorf("know the API's types: %w", err)
	}
	if err := served(o.Config); err != nil {
		return err
	}
	o.Lease = o.Lease.defaults()
	lock, err := leaseLock(o)
	if err != nil {
		return err
	}
	shutDownWithin := shutDownWithin
	several := true // controllers in one process, as tests have them
	options := ctrl.Options{
		Scheme: scheme, Logger: logr.FromSlogHandler(o.Log.Handler()), Metrics: server.Options{BindAddress: "0"},
		HealthProbeBindAddress: o.HealthAddress, GracefulShutdownTimeout: &shutDownWithin, Controller: crconfig.Controller{SkipNameValidation: &several},
		LeaderElection: true, LeaderElectionResourceLockInterface: lock, LeaderElectionReleaseOnCancel: true,
		LeaseDuration: &o.Lease.For, RenewDeadline: &o.Lease.Renew, RetryPeriod: &o.Lease.Every,
	}
	if o.HealthAddress == "" {
		options.HealthProbeBindAddress = "0"
	}
	if o.Namespace != "" {
		options.Cache.DefaultNamespaces = map[string]cache.Config{o.Namespace: {}, o.OwnNamespace: {}}
	}
	mgr, err := ctrl.NewManager(o.Config, options)
	if err != nil {
		return fmt.Errorf("set up the controller: %w", err)
	}
	l := &leader{options: o, manager: mgr, ready: make(chan struct{}), queue: make(chan event.GenericEvent, queued)}
	if o.Metrics != nil {
		l.meter = newMeter(o.Metrics)
		o.Metrics.Incidents(l.standing)
	}
	if err := l.setUp(ctx); err != nil {
		return err
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run the controller: %w", err)
	}
	return nil
}

// queued is how many incidents may wait for the reconciler's queue, which has each of them once, before the clerk waits.
const queued = 1024

// leaseLock is the lease as this process sees it.
func leaseLock(o Options) (resourcelock.Interface, error) {
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, o.OwnNamespace, LeaseName,
		resourcelock.ResourceLockConfig{Identity: o.Identity}, o.Config, o.Lease.Renew)
	if err != nil {
		return nil, fmt.Errorf("set up leader election: %w", err)
	}
	return lock, nil
}

// leader is what a process does once it leads.
type leader struct {
	options Options
	manager manager.Manager
	ready   chan struct{} // closed once incidents are known and the cluster is followed
	queue   chan event.GenericEvent

	meter     *meter                 // nil: nobody asks
	held      atomic.Pointer[ledger] // once it is read
	incidents incidentReconciler
	policies  *policyReconciler // nil: policies are of a file
	force     inForce
	leads     atomic.Bool
}

// setUp tells the manager what to run.
func (l *leader) setUp(ctx context.Context) error {
	o, mgr := l.options, l.manager
	switch unread := l.unreadPolicies(ctx); {
	case o.Policies != nil:
		l.force.hold(o.Policies, "")
	case unread != "":
		o.Log.Warn("nothing is done unattended", "because", unread)
		l.force.hold(nil, unread)
	default:
		l.policies = &policyReconciler{client: mgr.GetClient(), force: &l.force, changed: l.askEverybody}
		if err := ctrl.NewControllerManagedBy(mgr).Named("policies").For(&v1alpha1.RemediationPolicy{}).Complete(l.policies); err != nil {
			return fmt.Errorf("set up policies: %w", err)
		}
	}
	enqueue := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(o)}}
	})
	approved := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		a, ok := o.(*v1alpha1.RemediationApproval)
		if !ok {
			return nil
		}
		key := types.NamespacedName{Namespace: a.Spec.Incident.Namespace, Name: a.Spec.Incident.Name}
		if key.Namespace == "" {
			key.Namespace = a.Namespace
		}
		return []reconcile.Request{{NamespacedName: key}}
	})
	err := ctrl.NewControllerManagedBy(mgr).Named("incidents").
		WithOptions(controller.Options{MaxConcurrentReconciles: 1}).
		WatchesRawSource(source.Channel(l.queue, enqueue)).
		Watches(&v1alpha1.RemediationApproval{}, approved).
		WatchesMetadata(&v1alpha1.Incident{}, handler.Funcs{DeleteFunc: l.deleted}, builder.OnlyMetadata).
		Complete(reconcile.Func(l.reconcile))
	if err != nil {
		return fmt.Errorf("set up incidents: %w", err)
	}
	if err := mgr.Add(manager.RunnableFunc(l.lead)); err != nil {
		return fmt.Errorf("set up the watch: %w", err)
	}
	return errors.Join(mgr.AddHealthzCheck("alive", healthz.Ping), mgr.AddReadyzCheck("ready", l.isReady))
}

// unreadPolicies says why one that was installed for a namespace alone cannot know policies, which belong to the whole cluster;
// empty: it can, or that is not known yet. A watch that is forbidden would keep it from starting.
func (l *leader) unreadPolicies(ctx context.Context) string {
	if l.options.Namespace == "" || l.options.Policies != nil {
		return ""
	}
	err := l.manager.GetAPIReader().List(ctx, &v1alpha1.RemediationPolicyList{}, client.Limit(1))
	if !apierrors.IsForbidden(err) {
		return ""
	}
	return fmt.Sprintf("RemediationPolicies belong to the whole cluster and may not be read: %v; give policies with --policy FILE (policies, of the chart)", err)
}

// hear has counted and recorded what the ledger stores, until stop.
func (l *leader) hear(ctx context.Context, held *ledger, say Say) (stop func(), err error) {
	o := l.options
	var record Recorder
	if o.Record != nil {
		if record, err = o.Record(say); err != nil {
			return nil, fmt.Errorf("begin the record of incidents: %w", err)
		}
	}
	held.changed = func(i *v1alpha1.Incident, events []plan.Event) {
		if l.meter != nil {
			l.meter.take(i, l.held.Load() == nil)
		}
		if record != nil {
			record.Changed(recordOf(o.Cluster, i, events))
		}
	}
	if l.meter != nil {
		held.forgotten = l.meter.forget
	}
	if record == nil {
		return func() {}, nil
	}
	beside, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it outlasts what it is told
	var group sync.WaitGroup
	group.Go(func() { record.Run(beside) })
	return func() {
		cancel()
		group.Wait()
	}, nil
}

// isReady is well for one that follows the cluster, and for one that waits to lead.
func (l *leader) isReady(*http.Request) error {
	select {
	case <-l.ready:
	default:
		if l.leads.Load() {
			return errors.New("this controller leads, and does not follow the cluster yet")
		}
	}
	return nil
}

// lead runs while this process leads.
func (l *leader) lead(ctx context.Context) error {
	o := l.options
	l.leads.Store(true)
	o.Log.Info("this controller leads", "identity", o.Identity, "mode", string(o.Mode))
	recorder := l.manager.GetEventRecorder("gatemend")
	held := newLedger(l.manager.GetClient(), l.manager.GetAPIReader())
	stop, err := l.hear(ctx, held, sayOn(recorder, o.OwnNamespace))
	if err != nil {
		return err
	}
	defer stop()
	if err := held.loadAll(ctx, o.Namespace, o.OwnNamespace); err != nil {
		return err
	}
	l.held.Store(held)
	if l.policies != nil { // that there are none is known only by asking
		if _, err := l.policies.Reconcile(ctx, reconcile.Request{}); err != nil {
			return err
		}
	}
	session, sources, err := o.Follow(ctx)
	if err != nil {
		return fmt.Errorf("follow the cluster: %w", err)
	}
	defer session.Live.Close()
	vouch, err := newVoucher(l.manager.GetAPIReader(), cmp.Or(o.Settles, settling))
	if err != nil {
		return err
	}
	told := teller{recorder: recorder, snapshot: session.Live.Snapshot}.tell
	desk := newClerk(held, o.OwnNamespace, o.Now, o.Log)
	desk.keep, desk.told, desk.changed = o.Keep, told, func(key types.NamespacedName) { l.enqueue(ctx, key) }
	w := l.watcher(ctx, desk, session, sources)
	may := rights{l.manager.GetClient(), l.manager.GetRESTMapper()}
	l.incidents = incidentReconciler{
		ledger: held, clerk: desk, cached: l.manager.GetClient(), voucher: vouch, force: &l.force, session: session,
		actor: rightful{l.fenced(), may}, rights: may, mode: o.Mode, alone: o.Namespace, open: w.Open, now: o.Now, log: o.Log, told: told,
	}
	close(l.ready)
	return l.watch(ctx, desk, w)
}

// fenced is the actor of this process as long as it leads.
func (l *leader) fenced() fenced {
	o := l.options
	return fenced{o.Actor, l.manager.GetAPIReader(), types.NamespacedName{Namespace: o.OwnNamespace, Name: LeaseName}, o.Identity}
}

// watcher is the watch of a cluster that a clerk hears.
func (l *leader) watcher(ctx context.Context, desk *clerk, session *watch.Session, sources []watch.Source) *watch.Watcher {
	return &watch.Watcher{
		Session: session, Sources: sources, Early: true, Desk: desk, OnAlarm: desk.alarm, Metrics: l.options.Metrics,
		Print: func(e printer.EventDoc) error {
			l.log(ctx, e)
			if e.Type == printer.EventDiagnosis && e.Diagnosis != nil {
				desk.diagnosed(e.Route, *e.Diagnosis)
			}
			return nil
		},
	}
}

// watch runs the clerk and the watch until one of them fails or the context ends.
func (l *leader) watch(ctx context.Context, desk *clerk, w *watch.Watcher) error {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- desk.run(ctx) }()
	err := w.Run(ctx)
	cancel()
	return errors.Join(err, <-done)
}

// log tells operators of what the watch says.
func (l *leader) log(ctx context.Context, e printer.EventDoc) {
	level := slog.LevelInfo
	if e.Type == printer.EventWarning {
		level = slog.LevelWarn
	}
	l.options.Log.Log(ctx, level, e.Text, "event", e.Type, "route", e.Route)
}

// standing is where incidents stand, if this process leads.
func (l *leader) standing() (metrics.Incidents, bool) {
	held := l.held.Load()
	if held == nil {
		return metrics.Incidents{}, false
	}
	return l.meter.standing(held.all(), l.options.Now()), true
}

// enqueue has an incident looked at.
func (l *leader) enqueue(ctx context.Context, key types.NamespacedName) {
	if l.meter != nil {
		l.meter.waits(key, l.options.Now())
	}
	i := &v1alpha1.Incident{}
	i.Namespace, i.Name = key.Namespace, key.Name
	select {
	case l.queue <- event.GenericEvent{Object: i}:
	case <-ctx.Done():
	}
}

// askEverybody has all incidents looked at that are not over: what policies say of them may have changed.
func (l *leader) askEverybody(ctx context.Context) {
	select {
	case <-l.ready:
	default:
		return // they all will be
	}
	for _, i := range l.incidents.ledger.all() {
		if !over(i) {
			l.incidents.clerk.hurry(client.ObjectKeyFromObject(i))
			l.enqueue(ctx, client.ObjectKeyFromObject(i))
		}
	}
}

// deleted forgets an incident that somebody has deleted.
func (l *leader) deleted(_ context.Context, e event.DeleteEvent, _ workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	select {
	case <-l.ready:
		l.incidents.ledger.forget(client.ObjectKeyFromObject(e.Object))
	default: // it was never known
	}
}

// reconcile waits until incidents are known.
func (l *leader) reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	select {
	case <-l.ready:
		if l.meter != nil {
			l.meter.looked(req.NamespacedName)
		}
		return l.incidents.Reconcile(ctx, req)
	case <-ctx.Done():
		return reconcile.Result{}, nil
	}
}
