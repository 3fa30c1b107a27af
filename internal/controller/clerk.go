package controller

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/watch"
)

// The rhythm of the clerk.
const (
	// forgetAfter is how long an incident of an earlier leader may have no alarm until it counts as over.
	forgetAfter = time.Minute
	tidyEvery   = 10 * time.Second
	// observedEvery is how often the counts of an incident are written while nothing else happens.
	observedEvery = time.Minute
	// writers is how many incidents are written at once: in a storm the API server's answers are what the rest waits for.
	writers = 8
)

// clerk makes incidents of what the watch says. It hears of everything at once and writes in goroutines of its own, one route
// in one of them, so that a slow API server holds nobody up: of each route only the latest news wait.
type clerk struct {
	ledger    *ledger
	namespace string // of incidents on routes that no object has
	now       func() time.Time
	log       *slog.Logger
	changed   func(types.NamespacedName) // an incident is to be looked at
	told      func(*v1alpha1.Incident, string, string)
	keep      time.Duration
	began     time.Time
	news      *newsQueue

	mu     sync.Mutex
	groups groups
	cases  map[types.NamespacedName]watch.Case
	soon   map[types.NamespacedName]bool // of which the next repair need not wait
	mended time.Time
}

func newClerk(l *ledger, namespace string, now func() time.Time, log *slog.Logger) *clerk {
	return &clerk{
		ledger: l, namespace: namespace, now: now, log: log, began: now(),
		news: newNewsQueue(), groups: newGroups(), cases: map[types.NamespacedName]watch.Case{}, soon: map[types.NamespacedName]bool{},
	}
}

// alarm hears of an alarm; first is the route of another one from which it follows, or empty.
func (c *clerk) alarm(a detect.Alarm, first string) {
	c.mu.Lock()
	before, followed := c.groups.of[a.Route]
	of := c.groups.take(a, first)
	c.mu.Unlock()
	c.news.add(of, news{counts: true, first: of == a.Route})
	if followed && before != of { // it is not counted there any more
		c.news.add(before, news{counts: true})
	}
}

// diagnosed hears why a route fails.
func (c *clerk) diagnosed(route string, d model.Diagnosis) {
	c.news.add(route, news{diagnosis: &d})
}

// run writes until the context ends, or until another controller has taken over.
func (c *clerk) run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for range writers {
		all.Go(func() { c.writeAll(ctx) })
	}
	tidy := time.NewTicker(tidyEvery)
	defer tidy.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tidy.C:
			c.tidy(ctx)
			c.news.tryAgain()
		}
	}
}

// writeAll writes news as they come until the context ends.
func (c *clerk) writeAll(ctx context.Context) {
	for {
		route, n, ok := c.news.next()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-c.news.wake:
				continue
			}
		}
		err := c.write(ctx, route, n)
		if err != nil && ctx.Err() == nil {
			c.log.Error("an incident could not be written; it is tried again", "route", route, "error", err)
		}
		c.news.done(route, n, err)
		if ctx.Err() != nil {
			return
		}
	}
}

// write takes news of one group to its incident.
func (c *clerk) write(ctx context.Context, route string, n news) error {
	heard := c.heard(route)
	key, ok := c.ledger.of(route)
	if !ok && heard.of != nil && heard.of.incident.Name != "" && (heard.alarm.Ended || !n.first) {
		key, ok = heard.of.incident, true // it was mended before the alarms ended, and their last errors were not counted yet
	}
	if !ok {
		if heard.of == nil || heard.alarm.Ended || !n.first {
			c.wrote(heard, route, key)
			return nil // a prediction, or over before anybody wrote of it
		}
		var err error
		if key, err = c.create(ctx, heard); err != nil {
			return err
		}
	}
	first, diagnosed, err := c.writeStatus(ctx, key, heard, n)
	if errors.Is(err, errGone) {
		c.ledger.forget(key)
		c.wrote(heard, route, types.NamespacedName{})
		return nil
	}
	if err != nil {
		return err
	}
	c.wrote(heard, route, key)
	c.tells(key, heard, first, diagnosed)
	if n.about != nil {
		c.mu.Lock()
		c.cases[key] = *n.about
		c.mu.Unlock()
	}
	c.changed(key)
	return nil
}

// writeStatus takes news to the status of an incident. first: it had none before; diagnosed is why it fails, if that is new.
func (c *clerk) writeStatus(ctx context.Context, key types.NamespacedName, heard account, n news) (first bool, diagnosed string, err error) {
	err = c.ledger.update(ctx, key, func(s *v1alpha1.IncidentStatus) (bool, error) {
		first, diagnosed = s.Phase == "" && heard.of != nil, ""
		changed := first
		if first {
			c.detected(s, heard.alarm)
		}
		if (n.counts || first) && heard.of != nil {
			changed = c.observe(s, heard.alarm, heard.routes) || changed
		}
		if n.diagnosis != nil && s.Phase != v1alpha1.PhaseResolved && c.explain(s, *n.diagnosis) {
			diagnosed, changed = s.Diagnosis.Summary, true
		}
		return changed, nil
	})
	return first, diagnosed, err
}

// carrying reports whether a repair is being carried out, whose end decides what becomes of the incident.
func carrying(p v1alpha1.Phase) bool {
	return p == v1alpha1.PhaseMending || p == v1alpha1.PhaseVerifying
}

func over(i *v1alpha1.Incident) bool { return i.Status.Phase == v1alpha1.PhaseResolved }

// tells people what an incident's status says since it was written: that it was detected, and why it fails.
func (c *clerk) tells(key types.NamespacedName, heard account, first bool, diagnosed string) {
	i, _ := c.ledger.get(key)
	if i == nil {
		return
	}
	if first {
		c.log.Info("incident", "incident", key.String(), "route", i.Spec.Route, "errors", heard.alarm.Errors, "requests", heard.alarm.Requests)
		if c.told != nil {
			c.told(i, "Detected", watch.AlarmDoc(heard.alarm, c.now()).Text)
		}
	}
	if diagnosed != "" && c.told != nil {
		c.told(i, "Diagnosed", diagnosed)
	}
}

// create makes an incident of an alarm. Its name is chosen once: where an answer is lost, the next try must not make another.
func (c *clerk) create(ctx context.Context, heard account) (types.NamespacedName, error) {
	a := heard.alarm
	i := &v1alpha1.Incident{Spec: v1alpha1.IncidentSpec{Route: clipRoute(a.Route), Since: metav1.NewMicroTime(a.From)}}
	i.Namespace, i.Name = c.namespace, "route-"
	if !a.Object.IsZero() {
		o := objectOf(a.Object)
		i.Namespace, i.Name, i.Spec.Object = a.Object.Namespace, a.Object.Name[:min(len(a.Object.Name), 200)]+"-", &o
	}
	if heard.of.suffix == "" {
		suffix := make([]byte, 4)
		if _, err := rand.Read(suffix); err != nil {
			return types.NamespacedName{}, fmt.Errorf("name an incident: %w", err)
		}
		heard.of.suffix = hex.EncodeToString(suffix)
	}
	i.Name += heard.of.suffix
	err := c.ledger.create(ctx, i)
	if gone := apierrors.IsNotFound(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause); gone && i.Namespace != c.namespace {
		i.Namespace, i.ResourceVersion, i.UID = c.namespace, "", ""
		err = c.ledger.create(ctx, i)
	}
	if err != nil {
		return types.NamespacedName{}, err
	}
	return client.ObjectKeyFromObject(i), nil
}

// detected is the first that an incident's status says.
func (c *clerk) detected(s *v1alpha1.IncidentStatus, a detect.Alarm) {
	now := metav1.NewMicroTime(c.now())
	s.Phase, s.DetectedAt, s.Message = v1alpha1.PhaseDetected, &now, watch.AlarmDoc(a, c.now()).Text
	tell(s, now, "detected", s.Message)
}

func clipRoute(route string) string {
	const most = 2048
	return strings.ToValidUTF8(route[:min(len(route), most)], "")
}

// observe takes the counts of an alarm in, and its end. It reports whether that is worth writing.
func (c *clerk) observe(s *v1alpha1.IncidentStatus, a detect.Alarm, routes []string) bool {
	last := metav1.NewMicroTime(a.To)
	o := &v1alpha1.Observed{Requests: int64(a.Requests), Errors: int64(a.Errors), LastError: &last, Kind: a.Kind.String(), Routes: routes}
	was := s.Observed
	if was != nil {
		o.Statuses = was.Statuses
	}
	s.Observed = o
	if !a.Ended {
		return was == nil || a.Worse || s.Phase == v1alpha1.PhaseResolved || len(routes) != len(was.Routes) || o.Errors >= 2*was.Errors || was.LastError == nil || last.Sub(was.LastError.Time) >= observedEvery
	}
	if !carrying(s.Phase) {
		c.resolve(s, watch.AlarmDoc(a, c.now()).Text, a.Quiet)
	}
	return true
}

// resolve ends an incident whose requests fail no more; quiet: because there are none.
func (c *clerk) resolve(s *v1alpha1.IncidentStatus, text string, quiet bool) {
	now := metav1.NewMicroTime(c.now())
	if s.Phase == v1alpha1.PhaseResolved {
		return
	}
	status, reason := metav1.ConditionTrue, "NoLongerFailing"
	if quiet {
		status, reason = metav1.ConditionUnknown, "NoRequests"
	}
	s.Phase, s.Message, s.ResolvedAt = v1alpha1.PhaseResolved, clip(text), &now
	setCondition(s, now.Time, v1alpha1.ConditionResolved, status, reason, text)
	tell(s, now, "resolved", text)
}

// explain takes a diagnosis in, and reports whether it says something new.
func (c *clerk) explain(s *v1alpha1.IncidentStatus, d model.Diagnosis) bool {
	found := diagnosisOf(d)
	if found == nil || s.Diagnosis != nil && s.Diagnosis.Cause == found.Cause && s.Diagnosis.Where == found.Where {
		return false
	}
	now := metav1.NewMicroTime(c.now())
	s.Diagnosis = found
	if s.Observed != nil {
		s.Observed.Statuses = statusesOf(d.Observed)
	}
	if s.DiagnosedAt == nil {
		s.DiagnosedAt = &now
	}
	if s.Phase == v1alpha1.PhaseDetected || s.Phase == "" {
		s.Phase, s.Message = v1alpha1.PhaseDiagnosed, clip(found.Summary)
	}
	setCondition(s, now.Time, v1alpha1.ConditionDiagnosed, metav1.ConditionTrue, "CauseFound", found.Cause+": "+found.Summary)
	tell(s, now, "diagnosed", found.Cause+": "+found.Summary)
	return true
}

// tidy ends incidents of which nobody hears any more, and deletes those that ended long ago.
func (c *clerk) tidy(ctx context.Context) {
	now := c.now()
	since := func(t time.Time) time.Duration { return now.Sub(t).Abs() } // another machine's clock, or this one's before it was set back
	for _, i := range c.ledger.all() {
		key := client.ObjectKeyFromObject(i)
		switch {
		case over(i) && i.Status.ResolvedAt != nil && now.Sub(i.Status.ResolvedAt.Time) > c.keep:
			if err := c.ledger.client.Delete(ctx, i.DeepCopy()); err == nil || apierrors.IsNotFound(err) {
				c.ledger.forget(key)
			}
		case over(i) || c.failing(i.Spec.Route) || since(c.began) < forgetAfter || since(i.CreationTimestamp.Time) < forgetAfter:
		case carrying(i.Status.Phase):
		default:
			err := c.ledger.update(ctx, key, func(s *v1alpha1.IncidentStatus) (bool, error) {
				c.resolve(s, "requests do not fail any more, or there are none", true)
				return true, nil
			})
			if err != nil && ctx.Err() == nil {
				c.log.Error("an incident could not be written", "incident", key.String(), "error", err)
			}
			c.changed(key)
		}
	}
}

func (c *clerk) failing(route string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.groups.open(route)
}

// Resume implements [watch.Desk]: what was under way is taken up by the reconciler, and what was held back is asked about
// anew, as the mode and the rules may be others than those of the former leader.
func (c *clerk) Resume(context.Context) error {
	for _, known := range c.ledger.all() {
		key := client.ObjectKeyFromObject(known)
		i, events := c.ledger.get(key)
		if i == nil || over(i) {
			continue
		}
		if heldBack(i, events) {
			c.hurry(key)
		}
		c.changed(key)
	}
	return nil
}

// heldBack reports whether the last repair of an incident ended with a no.
func heldBack(i *v1alpha1.Incident, events []plan.Event) bool {
	these := ofAttempt(i, events)
	return len(these) > 0 && these[len(these)-1].Outcome == plan.Refused
}

// Mended implements [watch.Desk].
func (c *clerk) Mended() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mended
}

func (c *clerk) setMended(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mended = at
}

// Mend implements [watch.Desk]: the case goes to the incident of its route, whose reconciler mends it.
func (c *clerk) Mend(_ context.Context, about watch.Case) (watch.Repair, error) {
	c.mu.Lock()
	if c.groups.open(about.Route) {
		c.groups.take(about.Alarm, "")
	}
	c.mu.Unlock()
	c.news.add(about.Route, news{counts: true, first: true, diagnosis: &about.Diagnosis, about: &about})
	return watch.Repair{HandedOver: true}, nil
}

// wanted gives the case that an incident was given, if its requests still fail.
func (c *clerk) wanted(key types.NamespacedName, route string) (watch.Case, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	about, ok := c.cases[key]
	if !ok {
		return watch.Case{}, false
	}
	if !c.groups.open(route) {
		delete(c.cases, key)
		delete(c.soon, key)
		return watch.Case{}, false
	}
	return about, true
}

// hurry has the next repair of an incident begin without waiting: what stood against it may be gone.
func (c *clerk) hurry(key types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.soon[key] = true
}

// hurried reports whether it need not wait, once.
func (c *clerk) hurried(key types.NamespacedName) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	soon := c.soon[key]
	delete(c.soon, key)
	return soon
}

func (c *clerk) done(key types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.cases, key)
}
