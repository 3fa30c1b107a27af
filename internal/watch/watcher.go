package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/metrics"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/rates"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// The rhythm of a watch.
const (
	tickEvery    = 100 * time.Millisecond // alarms open at a tick, so this is lost of the second they may take
	failingEvery = 15 * time.Second       // how often open alarms are said again
	lately       = 3 * time.Second        // an error this young means that a route is failing now
	aheadOf      = 2 * time.Second        // by how much a request's stamp may be ahead; beyond, it counts as of now
	queueLength  = 256                    // of what is read and waits to be counted
)

// Watcher turns signals into alarms, and alarms into diagnoses and repairs. One goroutine reads signals
// and prints; another one works on alarms, one at a time, so that no two repairs run at once.
//
// Fill in the exported fields, then call [Watcher.Run] once.
type Watcher struct {
	Session *Session
	Target  model.Target // what is watched; zero: everything
	Sources []Source     // beside the gateways' logs
	Early   bool         // warn of routes that are about to fail
	// Print tells people and programs of an event; it is called by the goroutine that reads.
	Print func(printer.EventDoc) error
	// Desk has mended what may be; nil: nothing is.
	Desk Desk
	// OnAlarm hears of alarms that open, go on (every 15 seconds) and end; it must not wait. first is the route of another
	// alarm, which was told before and most likely has the same cause as the one that opens; empty: there is none. nil:
	// nobody hears.
	OnAlarm func(a detect.Alarm, first string)
	// Draw shows the present moment, twice a second; nil: nobody looks.
	Draw    func(Moment)
	Metrics *metrics.Metrics // nil: nobody asks for them
	Memory  *Memory          // what is known from an earlier watch; nil: nothing, and nothing is kept

	events    chan printer.EventDoc
	foresight *foresight // nil: no early warnings
	heard     heard
	asked     asked
	sources   *sources
	detector  *detect.Detector
	counted   *detect.Detector // of requests that were only counted
	voices    voices
	routes    *path.Map // of the state at the last tick
	stale     bool      // there was a change since
	began     time.Time
	former    former
	grown     map[string]int // routes of an incident when it was last told of, by its first route
	blind     blindness
	overflow  overflow
	rates     *rates.Table      // for Draw
	causes    map[string]string // of alarms, for Draw

	open    atomic.Pointer[[]string] // see Open
	refused refusals
}

// prepare makes what a watch begins with.
func (w *Watcher) prepare() {
	if w.Memory == nil {
		w.Memory = NewMemory(nil)
	}
	w.detector, w.counted = w.Memory.detectors[0], w.Memory.detectors[1]
	w.voices, w.blind, w.began = voices{}, blindness{}, w.Session.Now()
	w.grown, w.heard = map[string]int{}, heard{}
	w.refused = refusals{}
	w.rates, w.causes = rates.New(rates.Options{}), map[string]string{}
	w.events, w.sources = make(chan printer.EventDoc), newSources(w.Sources)
	if w.Early {
		w.foresight = newForesight()
	}
}

// Run watches until the context ends, which is the regular end of a watch and no error.
func (w *Watcher) Run(ctx context.Context) error {
	w.prepare()
	ctx, cancel := context.WithCancel(ctx)
	alarms := newInbox()
	failed, done := make(chan error, 1), make(chan struct{})
	w.sources.start(ctx, failed)
	go func() {
		defer close(done)
		defer w.sources.group.Wait()
		if err := w.work(ctx, alarms); err != nil && ctx.Err() == nil {
			failed <- err
		}
	}()
	err := w.loop(ctx, alarms, failed)
	if saving := w.Memory.Save(); err == nil {
		err = saving
	}
	cancel()
	for {
		select {
		case <-w.events: // what the worker still had to say is too late to be printed
		case <-done:
			return err
		}
	}
}

// loop is the reading and printing side.
func (w *Watcher) loop(ctx context.Context, alarms *inbox, failed <-chan error) error {
	if err := w.hello(); err != nil {
		return err
	}
	tick, again, draw, save := time.NewTicker(tickEvery), time.NewTicker(failingEvery), time.NewTicker(drawEvery), time.NewTicker(saveEvery)
	defer save.Stop()
	defer tick.Stop()
	defer again.Stop()
	defer draw.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case sig, open := <-w.Session.Live.Signals():
			if !open {
				return nil
			}
			if w.heard.counts(sig, false, w.Session.Now()) {
				w.take(sig)
			}
		case sig := <-w.sources.signals:
			w.takeFurther(sig)
		case counts := <-w.sources.counts:
			w.takeCounts(counts)
		case accounts := <-w.sources.accounts:
			w.takeAccounts(accounts)
		case n := <-w.sources.notices:
			err = w.noted(n, alarms)
		case <-tick.C:
			err = w.tick(alarms)
		case <-draw.C:
			w.draw()
		case <-again.C:
			err = w.failing()
		case <-save.C:
			err = w.save()
		case e := <-w.events:
			w.remember(e)
			err = w.Print(e)
		case err = <-failed:
		}
		if err != nil {
			return err
		}
	}
}

// hello says what is watched.
func (w *Watcher) hello() error {
	gateways, unseen := w.Session.Live.Gateways()
	names := make([]string, 0, len(gateways))
	for _, g := range gateways {
		names = append(names, g.Namespace+"/"+g.Name)
	}
	text := fmt.Sprintf("%d routes behind %d gateway pods: %s", len(w.locator().Routes()), len(gateways), strings.Join(names, ", "))
	switch {
	case len(gateways) == 0 && len(unseen) > 0:
		text = fmt.Sprintf("%d routes, but no gateway can be followed", len(w.locator().Routes()))
	case len(gateways) == 0:
		text = "no gateway pod is running yet; nginx, Envoy, HAProxy and Traefik would be followed"
		if only := w.locator().Snapshot().Scope(snapshot.Pods); only != "" {
			text = fmt.Sprintf("no gateway pod is seen in namespace %s, and no other may be looked at", only)
		}
	}
	return w.Print(printer.NewEvent(printer.EventWatching, w.Session.Now(), text))
}

// locator gives the routes. They are those of the state after a change, though not more often than a tick: in a big
// cluster something changes all the time.
func (w *Watcher) locator() *path.Map {
	if w.routes == nil || w.stale {
		before := w.routes
		w.routes, w.stale = w.Session.Map(), false
		if before != nil && !w.routes.SameRules(before) {
			w.former.replaced(before, w.Session.Now())
		}
	}
	return w.routes
}

// locate finds the rule that a signal is about.
func (w *Watcher) locate(sig model.Signal) (path.Route, bool) {
	r, ok := w.locator().Locate(sig)
	if !ok && (sig.Service != "" || sig.RouteName != "") {
		return w.former.locate(sig, w.Session.Now())
	}
	return r, ok
}

func (w *Watcher) refresh() {
	select {
	case <-w.Session.Live.Changed():
		w.stale = true
	default:
	}
}

// take counts one signal, if it is on a route that is watched.
func (w *Watcher) take(sig model.Signal) {
	w.Session.Ring.Add(sig)
	if sig.ErrorLog || way(sig) != "probe" && w.asked.twin(sig) {
		return
	}
	route, ok := w.locate(sig)
	if name, ok := w.nameOf(sig, route, ok); ok {
		w.count(name, route.Object, sig)
	}
}

// count hands one request of a route to all that count.
func (w *Watcher) count(route string, object model.Ref, sig model.Signal) {
	w.detector.Add(route, object, sig)
	w.tally(route, object, sig, detect.Failing(&sig), 1)
}

// tally counts requests that ended alike for those who look at gatemend.
func (w *Watcher) tally(route string, object model.Ref, sig model.Signal, failed bool, requests int) {
	now := w.Session.Now()
	if w.Draw != nil {
		at := sig.At
		if at.Sub(now) > aheadOf { // one clock that is wrong must not make all others' requests too old to be shown
			at = now
		}
		w.rates.Add(route, object, at, sig.Status, sig.Failure, failed, requests)
	}
	if w.Metrics != nil {
		w.Metrics.Request(route, sig.Status, sig.Failure, failed, requests, now.Sub(sig.At))
	}
}

// selects reports whether a route is meant by a target.
func selects(t model.Target, r path.Route) bool {
	if t.IsZero() {
		return true
	}
	if req := t.Request; req != nil {
		return (req.Host == "" || r.Host == "" || strings.EqualFold(req.Host, r.Host)) && strings.HasPrefix(req.Path, r.Path)
	}
	if t.Object.Kind == string(snapshot.Namespaces) && r.Object.Namespace == t.Object.Name {
		return true
	}
	same := func(o model.Ref) bool {
		return o.Kind == t.Object.Kind && o.Namespace == t.Object.Namespace && o.Name == t.Object.Name
	}
	if same(r.Object) || same(r.Gateway) {
		return true
	}
	for _, b := range r.Backends {
		if same(b.Service) {
			return true
		}
	}
	return false
}

// tick prints alarms that opened or ended and hands open ones to the worker.
func (w *Watcher) tick(alarms *inbox) error {
	w.refresh()
	if err := w.foresee(alarms); err != nil {
		return err
	}
	now := w.Session.Now()
	for _, text := range w.blind.update(w.unseen(), now) {
		if err := w.Print(printer.NewEvent(printer.EventWarning, now, text)); err != nil {
			return err
		}
	}
	w.miss(w.detector, now)
	for _, pair := range [][2]*detect.Detector{{w.detector, w.counted}, {w.counted, w.detector}} {
		if err := w.tickOne(pair[0], pair[1], now, alarms); err != nil {
			return err
		}
	}
	return nil
}

// tickOne does so for one of the two detectors.
func (w *Watcher) tickOne(d, other *detect.Detector, now time.Time, alarms *inbox) error {
	changed := slices.DeleteFunc(d.Tick(now), func(a detect.Alarm) bool { return !w.voices.says(a, d, other) })
	found := w.incidentsOf(d, changed)
	for _, a := range changed {
		first := found.first(a)
		if err := w.announce(a, now, first); err != nil {
			return err
		}
		alarms.put(alarmNews{a, first != ""})
	}
	return w.tellIncidents(found, changed, now)
}

// announce tells of an alarm that opened or ended; first is the route of the first of several with one cause, of which is told.
func (w *Watcher) announce(a detect.Alarm, now time.Time, first string) error {
	if w.OnAlarm != nil {
		w.OnAlarm(a, first)
	}
	if w.Metrics != nil {
		switch {
		case a.Ended:
			w.Metrics.AlarmEnded()
		case !a.Worse:
			w.Metrics.AlarmOpened(now.Sub(a.From))
		}
	}
	doc := AlarmDoc(a, now)
	doc.Routine = first != ""
	w.remember(doc)
	return w.Print(doc)
}

// AlarmDoc words an alarm that opened or ended for people and programs.
func AlarmDoc(a detect.Alarm, now time.Time) printer.EventDoc {
	kind := printer.EventAlarm
	if a.Ended {
		kind = printer.EventCalm
	}
	doc := printer.NewEvent(kind, now, alarmText(a, now))
	doc.Route, doc.FirstError, doc.Requests, doc.Errors = a.Route, a.From.UTC(), a.Requests, a.Errors
	return doc
}

// alarmText is what people read of an alarm.
func alarmText(a detect.Alarm, now time.Time) string {
	switch {
	case a.Ended && a.Quiet:
		return "no more requests, so nobody knows whether it works again"
	case a.Ended && a.Kind == detect.Vanished:
		return fmt.Sprintf("requests come again, after %s", now.Sub(a.From).Round(time.Second))
	case a.Ended && a.Blip:
		return fmt.Sprintf("no longer failing; a blip: %d of %d requests failed within %s", a.Errors, a.Requests, a.To.Sub(a.From).Round(10*time.Millisecond))
	case a.Ended:
		return fmt.Sprintf("no longer failing; %d of %d requests failed within %s", a.Errors, a.Requests, a.To.Sub(a.From).Round(10*time.Millisecond))
	case a.Kind == detect.Vanished:
		return fmt.Sprintf("no request for %s, where there was steady traffic", now.Sub(a.From).Round(time.Second))
	case a.Kind == detect.SlowBurn:
		return fmt.Sprintf("%d of about %d requests failed in the last hours: more than may in the long run", a.Errors, a.Requests)
	case a.Worse:
		return fmt.Sprintf("now every request fails; %d of %d since %s ago", a.Errors, a.Requests, now.Sub(a.From).Round(10*time.Millisecond))
	default:
		return fmt.Sprintf("%d of %d requests failed; the first %s ago", a.Errors, a.Requests, now.Sub(a.From).Round(10*time.Millisecond))
	}
}

// failing says again what is failing.
func (w *Watcher) failing() error {
	now := w.Session.Now()
	for _, a := range w.voices.open(w.detector, w.counted) {
		if now.Sub(a.Heard) > lately || a.Kind == detect.Vanished {
			continue // its errors have stopped; it ends when they stay away
		}
		doc := printer.NewEvent(printer.EventFailing, now, fmt.Sprintf("still failing, for %s: %d of %d requests",
			now.Sub(a.From).Round(time.Second), a.Errors, a.Requests))
		doc.Route, doc.FirstError, doc.Requests, doc.Errors = a.Route, a.From.UTC(), a.Requests, a.Errors
		if w.OnAlarm != nil {
			w.OnAlarm(a, "")
		}
		if err := w.Print(doc); err != nil {
			return err
		}
	}
	return nil
}

// Tell hands an event to the printing side.
func (w *Watcher) Tell(ctx context.Context, e printer.EventDoc) error {
	select {
	case w.events <- e:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
