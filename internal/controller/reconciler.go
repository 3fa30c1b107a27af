package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/watch"
)

const (
	// askAgain is how often a decision is looked for that no event tells of: a window that opens.
	askAgain = time.Minute
	// trySoon is when a repair is tried anew that changed nothing; each time twice as late.
	trySoon = 5 * time.Second
	// tryAgain is when one is that a rule held back.
	tryAgain = 5 * time.Minute
	// mostActed is how many repairs may have changed something in one incident.
	mostActed = 5
)

// incidentReconciler drives the repair of one incident at a time.
type incidentReconciler struct {
	ledger  *ledger
	clerk   *clerk
	cached  client.Reader
	voucher *voucher
	rights  rights
	force   *inForce
	session *watch.Session
	actor   mend.Actor
	mode    Mode
	alone   string          // see [guardrail.StopOf]
	open    func() []string // the routes that fail
	now     func() time.Time
	log     *slog.Logger
	told    func(i *v1alpha1.Incident, reason, text string)
}

// Reconcile takes up a repair that is under way, or begins one that is wanted.
func (r *incidentReconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	key := req.NamespacedName
	i, events := r.ledger.get(key)
	if i == nil {
		return reconcile.Result{}, nil
	}
	if underWay(i, events) {
		if settled(i, events) && !r.clerk.failing(i.Spec.Route) {
			return r.abandon(ctx, key, i)
		}
		return r.drive(ctx, key, i.Status.Attempts, mend.Incident{ID: attemptID(key.String(), i.Status.Attempts), Since: i.Spec.Since.Time})
	}
	about, wanted := r.clerk.wanted(key, i.Spec.Route)
	if !wanted || r.mode == Observe || over(i) {
		return reconcile.Result{}, nil
	}
	if wait, again := r.again(i, events); !again || wait > 0 {
		return reconcile.Result{RequeueAfter: wait}, nil
	}
	if acted(events) >= mostActed {
		r.clerk.done(key)
		return reconcile.Result{}, r.giveUp(ctx, key)
	}
	if err := r.begin(ctx, key); err != nil {
		return r.failed(ctx, key, err)
	}
	i, _ = r.ledger.get(key)
	if i == nil {
		return reconcile.Result{}, nil
	}
	return r.drive(ctx, key, i.Status.Attempts, mend.Incident{
		ID: attemptID(key.String(), i.Status.Attempts), Target: about.Target, Since: about.From,
	})
}

// underWay reports whether the last repair of an incident was begun and not closed.
func underWay(i *v1alpha1.Incident, events []plan.Event) bool {
	these := ofAttempt(i, events)
	return len(these) > 0 && !plan.Fold(these).Closed
}

// settled reports whether a repair that is under way has changed nothing yet, so that it need not go on.
func settled(i *v1alpha1.Incident, events []plan.Event) bool {
	return over(i) && !slices.ContainsFunc(ofAttempt(i, events), func(e plan.Event) bool { return e.Kind == plan.EventApplying })
}

func ofAttempt(i *v1alpha1.Incident, events []plan.Event) []plan.Event {
	id := attemptID(client.ObjectKeyFromObject(i).String(), i.Status.Attempts)
	return slices.DeleteFunc(slices.Clone(events), func(e plan.Event) bool { return e.Incident != id })
}

// abandon closes a repair that nobody needs any more.
func (r *incidentReconciler) abandon(ctx context.Context, key types.NamespacedName, i *v1alpha1.Incident) (reconcile.Result, error) {
	r.clerk.done(key)
	entry, err := entryOf(i.Status.Attempts, plan.Event{At: r.now().UTC(), Kind: plan.EventClosed, Outcome: plan.NothingToDo, Because: "requests do not fail any more"})
	if err != nil {
		return reconcile.Result{}, err
	}
	err = r.ledger.update(ctx, key, func(s *v1alpha1.IncidentStatus) (bool, error) {
		s.Journal = append(s.Journal, entry)
		return true, nil
	})
	if err != nil {
		return r.failed(ctx, key, err)
	}
	return reconcile.Result{}, nil
}

// giveUp leaves an incident to people of which too much was tried.
func (r *incidentReconciler) giveUp(ctx context.Context, key types.NamespacedName) error {
	text := fmt.Sprintf("%d repairs changed something, and requests still fail: a person must look", mostActed)
	return r.ledger.update(ctx, key, func(s *v1alpha1.IncidentStatus) (bool, error) {
		s.Phase, s.Message = v1alpha1.PhaseEscalated, text
		tell(s, metav1.NewMicroTime(r.now()), "escalated", text)
		return true, nil
	})
}

// begin counts another attempt. Of earlier ones only those stay in the journal that changed something.
func (r *incidentReconciler) begin(ctx context.Context, key types.NamespacedName) error {
	return r.ledger.update(ctx, key, func(s *v1alpha1.IncidentStatus) (bool, error) {
		acted := map[int32]bool{}
		for _, j := range s.Journal {
			acted[j.Attempt] = acted[j.Attempt] || j.Kind == string(plan.EventApplying)
		}
		s.Journal = slices.DeleteFunc(s.Journal, func(j v1alpha1.JournalEntry) bool { return !acted[j.Attempt] })
		s.Attempts++
		return true, nil
	})
}

// drive runs the engine until the repair is over, or waits for a person.
func (r *incidentReconciler) drive(ctx context.Context, key types.NamespacedName, attempt int32, incident mend.Incident) (reconcile.Result, error) {
	about, _ := r.clerk.wanted(key, r.routeOf(key))
	view := about.View
	if view == nil {
		view = &watch.View{Session: r.session, From: r.clerk.Mended()}
	}
	present := r.force.now()
	ask := &asker{
		mode: r.mode, alone: r.alone, rules: present, ledger: r.ledger, key: key, cached: r.cached, voucher: r.voucher, rights: r.rights,
		routes: r.session.Map, open: r.open, now: r.now,
	}
	engine := &mend.Engine{
		Observer: view, Map: r.session.MapOf, Feed: r.session.Ring, Actor: r.actor, Asker: ask, Now: r.now,
		Journal: &journal{ledger: r.ledger, key: key, attempt: attempt, ctx: ctx},
		Options: r.options(key, watch.PlanPolicy(present.set)),
	}
	result, err := engine.Run(ctx, incident)
	switch {
	case errors.Is(err, errPending):
		return reconcile.Result{RequeueAfter: askAgain}, nil
	case err != nil:
		return r.failed(ctx, key, err)
	}
	if slices.ContainsFunc(result.Events, func(e plan.Event) bool { return e.Kind == plan.EventApplying }) {
		r.clerk.setMended(r.now())
	}
	return r.after(key, ask), nil
}

// options are the engine's for one incident.
func (r *incidentReconciler) options(key types.NamespacedName, policy plan.Policy) mend.Options {
	return mend.Options{
		Policy: policy, Hold: func(s *snapshot.Snapshot, p model.Plan) string { return r.hold(key, s, p) },
		OnEvent:   func(e plan.Event) { r.heard(key, e) },
		OnSilence: func(why string) { r.silent(key, why) },
		Limits:    plan.Limits{Unrehearsed: r.mode != Auto},
	}
}

func (r *incidentReconciler) routeOf(key types.NamespacedName) string {
	if i, _ := r.ledger.get(key); i != nil {
		return i.Spec.Route
	}
	return ""
}

// hold says what holds every change back, as the engine asks right before it: also those of a repair that a controller in
// another mode has begun, or that began before a freeze.
func (r *incidentReconciler) hold(key types.NamespacedName, s *snapshot.Snapshot, p model.Plan) string {
	i, _ := r.ledger.get(key)
	if i == nil {
		return errGone.Error()
	}
	if r.mode != Auto {
		return r.mode.holdsBack()
	}
	if why := guardrail.StopOf(s, p, r.alone).Objection(byPerson(i.Status)); why != "" {
		return why
	}
	if set := r.force.now().set; set != nil {
		return set.Frozen(guardrail.Input{Plan: p, Now: r.now(), Facts: guardrail.Look(s, p)})
	}
	return ""
}

// heard is told of every step once it is recorded.
func (r *incidentReconciler) heard(key types.NamespacedName, e plan.Event) {
	i, events := r.ledger.get(key)
	if i == nil {
		return
	}
	text := watch.StepText(e, lastPlan(events))
	r.log.Info("repair", "incident", key.String(), "route", i.Spec.Route, "step", string(e.Kind), "outcome", string(e.Outcome), "text", text)
	if reason, worth := eventReason(e); worth && r.told != nil {
		r.told(i, reason, text)
	}
}

// silent tells why a repair stands still. The Incident cannot be written while the API server does not answer; an Event
// waits for it.
func (r *incidentReconciler) silent(key types.NamespacedName, why string) {
	i, _ := r.ledger.get(key)
	if i == nil {
		return
	}
	text := watch.SilenceText(why)
	r.log.Warn("repair", "incident", key.String(), "route", i.Spec.Route, "text", text)
	if r.told != nil {
		r.told(i, "Waiting", text)
	}
}

// eventReason says which steps people are told of by an Event on the object, and by which reason.
func eventReason(e plan.Event) (string, bool) {
	switch e.Kind {
	case plan.EventPlanned:
		return "Planned", true
	case plan.EventApplied:
		return "Changed", true
	case plan.EventUndone:
		return "TakenBack", true
	case plan.EventClosed:
		if e.Outcome == plan.Mended || e.Outcome == plan.Unverified {
			return "Mended", true
		}
		return "NotMended", true
	default:
		return "", false
	}
}

// after says when to look again once a repair is over. What stood against it may be gone by then.
func (r *incidentReconciler) after(key types.NamespacedName, ask *asker) reconcile.Result {
	if r.mode == Auto && ask.moved {
		r.clerk.hurry(key) // another plan fits the cluster as it is now
	}
	i, events := r.ledger.get(key)
	if i == nil {
		return reconcile.Result{}
	}
	wait, again := r.retryAfter(i, events)
	switch {
	case r.mode != Auto || over(i):
		return reconcile.Result{}
	case ask.moved:
		return reconcile.Result{RequeueAfter: time.Second}
	case again:
		return reconcile.Result{RequeueAfter: max(wait, time.Second)}
	default:
		return reconcile.Result{}
	}
}

// again reports whether another repair is to be begun, and how long that must wait. What is begun sooner, since a policy has
// changed or the cluster has moved on, is only what would be begun at all.
func (r *incidentReconciler) again(i *v1alpha1.Incident, events []plan.Event) (time.Duration, bool) {
	wait, again := r.retryAfter(i, events)
	if len(ofAttempt(i, events)) > 0 && r.clerk.hurried(client.ObjectKeyFromObject(i)) {
		wait = 0
	}
	return wait, again
}

// retryAfter says how long after the last repair of an incident another one is begun, if one is: at once where none was,
// soon where the cause is another one by now, nothing was changed, or the API server was away meanwhile, later where it was left to a person, never where a
// person said no or something was tried that did not help.
func (r *incidentReconciler) retryAfter(i *v1alpha1.Incident, events []plan.Event) (time.Duration, bool) {
	these, now := ofAttempt(i, events), r.now()
	if len(these) == 0 {
		return 0, true
	}
	last := these[len(these)-1]
	after := func(pause time.Duration) time.Duration {
		return min(last.At.Add(pause).Sub(now), pause) // the clock may be another one, or have been set back
	}
	soon := min(trySoon<<min(i.Status.Attempts, 10), tryAgain)
	switch {
	case anotherCause(i, these): // each time twice as late, as the repair may see another one than the watch
		return after(soon), true
	case last.Outcome == plan.Refused, last.Outcome == plan.OnlyAdvice:
		return after(tryAgain), r.mode == Auto
	case last.Outcome == plan.Interrupted, last.Outcome == plan.NothingToDo, last.Outcome == plan.CouldNotAct: // the former leader was killed, the API server said no
		return after(soon), true
	case last.Outcome == plan.NotHelped && hadNoChance(these):
		return after(soon), true
	default:
		return 0, false
	}
}

// hadNoChance reports whether what a repair took back was tried while the API server was away: see [plan.Excuse].
func hadNoChance(these []plan.Event) bool {
	return slices.ContainsFunc(plan.Fold(these).Tried, plan.Attempt.NoChance)
}

// anotherCause reports whether the last repair of an incident was about another cause, or the same one at another object,
// than is known now.
func anotherCause(i *v1alpha1.Incident, these []plan.Event) bool {
	d := i.Status.Diagnosis
	if d == nil {
		return false
	}
	for _, e := range slices.Backward(these) {
		switch {
		case e.Cause != nil:
			return string(e.Cause.ID) != d.Cause || e.Cause.Object.String() != d.Where
		case e.Plan != nil: // an earlier release wrote no more
			return string(e.Plan.Finding.ID) != d.Cause
		}
	}
	return false
}

// acted counts the repairs that changed something.
func acted(events []plan.Event) int {
	done := map[string]bool{}
	for _, e := range events {
		if e.Kind == plan.EventApplied {
			done[e.Incident] = true
		}
	}
	return len(done)
}

// failed says what became of an incident that could not go on. What another controller has written is read, and gone on from.
func (r *incidentReconciler) failed(ctx context.Context, key types.NamespacedName, err error) (reconcile.Result, error) {
	switch {
	case ctx.Err() != nil:
		return reconcile.Result{}, nil //nolint:nilerr // whoever leads next goes on
	case errors.Is(err, errGone):
		r.ledger.forget(key)
		r.clerk.done(key)
		return reconcile.Result{}, nil
	case errors.Is(err, errTakenOver):
		var i v1alpha1.Incident
		if getErr := r.ledger.reader.Get(ctx, key, &i); apierrors.IsNotFound(getErr) {
			r.ledger.forget(key)
			return reconcile.Result{}, nil
		} else if getErr != nil {
			return reconcile.Result{}, fmt.Errorf("read incident: %w", getErr)
		}
		if putErr := r.ledger.put(&i); putErr != nil {
			return reconcile.Result{}, putErr
		}
	}
	return reconcile.Result{}, err
}
