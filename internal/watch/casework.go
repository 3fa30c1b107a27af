package watch

import (
	"context"
	"slices"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/printer"
)

// The rhythm of working on alarms.
const (
	// Some causes show only a while after the first errors: a container must crash twice to be in a
	// crash loop. Where none is found it is looked again after lookAgain, then less and less often: each wait is longer by
	// the sixth part, so that a cause that shows after some time is found a fifth of that later at most, and a second.
	lookAgain  = time.Second
	lookRarely = 15 * time.Second
	// A rule that holds a repair back may let it go at another moment.
	lookHeld = 5 * time.Minute
	// A route that is mended elsewhere is looked at seldom: whoever mends it looks, too. Of many such routes, as in a storm, one
	// is looked at in each lookHandedOne.
	lookHanded    = time.Minute
	lookHandedOne = 2 * time.Second
	// patience is how long a cause that nobody may act on yet is kept back, for a better one.
	patience = 10 * time.Second
	// margin is how long before an alarm's first error failures still belong to it: what failed on the same
	// route before that was something else.
	margin = 10 * time.Second
)

// alarmCase is an alarm that is being worked on.
type alarmCase struct {
	detect.Alarm
	next time.Time     // when to look; zero: not again until the alarm ends
	wait time.Duration // before the look after that
	told model.CauseID // the cause that has been printed last
	lost bool          // that no cause is known yet has been printed
	done bool          // a cause that one may act on has been printed
	// follows: it most likely has the same cause as another one.
	follows bool
	// left is the cause that was left to a person.
	left model.CauseID
}

// caseload holds the alarms that are being worked on, one per route.
type caseload map[string]*alarmCase

// take brings an alarm in, or the news that it has ended. An ended alarm is looked at once more if
// nobody knows its cause: what a race leaves behind is often clear only when it is over.
func (c caseload) take(n alarmNews, now time.Time) {
	a := n.Alarm
	known, ok := c[a.Route]
	switch {
	case ok && !known.Ended && hearsay(a) && !hearsay(known.Alarm):
		known.next = now // somebody else saw it, too
	case a.Worse && ok:
		known.Alarm = a                     // it is worked on, and what fails now is the same route
		known.done, known.next = false, now // perhaps for another cause than the one that is known
	case !a.Ended:
		c[a.Route] = &alarmCase{Alarm: a, next: now, wait: lookAgain, follows: n.follows}
		if n.follows { // what mends the first one most likely mends it too
			c[a.Route].next = now.Add(lookRarely)
		}
	case ok && known.done:
		delete(c, a.Route)
	case ok:
		known.Alarm, known.next = a, now
	}
}

// open lists the routes that fail, without those that follow from another one.
func (c caseload) open() []string {
	var out []string
	for route, a := range c {
		if !a.Ended && !a.follows {
			out = append(out, route)
		}
	}
	slices.Sort(out)
	return out
}

// due gives the case that has waited longest, or how long it takes until there is one.
func (c caseload) due(now time.Time) (*alarmCase, time.Duration) {
	wait := time.Hour
	var first *alarmCase
	for _, a := range c {
		if a.next.Sub(now) > lookHeld { // the clock was set back: nobody waits longer than that
			a.next = now
		}
		switch {
		case a.next.IsZero():
		case a.next.After(now):
			wait = min(wait, a.next.Sub(now))
		case first == nil || a.next.Before(first.next) || a.next.Equal(first.next) && a.Route < first.Route:
			first = a
		}
	}
	return first, wait
}

// Case is an alarm whose cause is certain enough to act on.
type Case struct {
	detect.Alarm
	// Target is what is to be mended.
	Target    model.Target
	Diagnosis model.Diagnosis
	// View is what to observe it by.
	View *View
	// Open are the routes that fail, without those that follow from another one.
	Open func() []string
}

// Repair is what a desk did about a case.
type Repair struct {
	Result mend.Result
	// Held: a rule held it back, and may let it go at another moment.
	Held bool
	// HandedOver: it goes on elsewhere, and there is no result yet.
	HandedOver bool
}

// Desk has done what is to be done about alarms. It is called by one goroutine.
type Desk interface {
	// Resume takes up what an earlier run left behind; it is called once, before anything else.
	Resume(ctx context.Context) error
	// Mended is when the last repair ended: what was before says nothing about what it left.
	Mended() time.Time
	// Mend mends a case, or hands it over. An error means that the repair could not go on.
	Mend(ctx context.Context, c Case) (Repair, error)
}

// work diagnoses alarms, and has mended what may be, one at a time.
func (w *Watcher) work(ctx context.Context, alarms *inbox) error {
	if w.Desk != nil {
		if err := w.Desk.Resume(ctx); err != nil {
			return err
		}
	}
	cases := caseload{}
	for {
		for _, n := range alarms.take() { // what ended during a repair needs no look of its own
			cases.take(n, w.Session.Now())
		}
		c, wait := cases.due(w.Session.Now())
		timer := time.NewTimer(wait)
		if c == nil {
			select {
			case <-ctx.Done():
				timer.Stop()
				return nil
			case <-alarms.some:
			case <-timer.C:
			}
			timer.Stop()
			continue
		}
		timer.Stop()
		if err := w.look(ctx, c, cases); err != nil {
			return err
		}
		if c.Ended {
			delete(cases, c.Route)
		}
	}
}

func (w *Watcher) mended() time.Time {
	if w.Desk == nil {
		return time.Time{}
	}
	return w.Desk.Mended()
}

// look diagnoses one of some alarms, tells the cause once there is one, and has it mended.
func (w *Watcher) look(ctx context.Context, c *alarmCase, of caseload) error {
	now, mended := w.Session.Now(), w.mended()
	c.next, c.wait = now.Add(c.wait), min(longer(c.wait), lookRarely)
	view := &View{Session: w.Session, From: mended, Onset: c.From.Add(-margin)}
	target := model.Target{Object: &c.Object}
	if c.Object.IsZero() {
		target = w.Target
	}
	d, err := view.Diagnose(ctx, w.Session.Live.Snapshot(), target)
	if err != nil {
		return err
	}
	if w.Metrics != nil {
		w.Metrics.Diagnosed(firstCause(d), w.Session.Now().Sub(now))
	}
	switch {
	case len(d.Causes) > 0 && d.Causes[0].Confidence >= plan.MinConfidence:
		if c.left == d.Causes[0].ID { // a person knows
			return nil
		}
		c.done, c.next = true, time.Time{}
		if err := w.explain(ctx, c, d); err != nil || w.Desk == nil || hearsay(c.Alarm) {
			return err
		}
		return w.mend(ctx, c, Case{Alarm: c.Alarm, Target: target, Diagnosis: d, View: view, Open: of.open}, of)
	case len(d.Causes) > 0 && now.Sub(c.Opened) < patience && !c.Ended:
		return nil
	case len(d.Causes) > 0 || c.Ended && mended.Before(c.To):
		return w.explain(ctx, c, d)
	case !c.lost && now.Sub(c.Opened) >= patience && now.Sub(c.Heard) < patience:
		c.lost = true // and looked for again: a person who waits for an answer must not wait for ever
		return w.explain(ctx, c, d)
	default:
		return nil
	}
}

// longer is how long to wait after a wait in which no cause has shown.
func longer(wait time.Duration) time.Duration { return wait * 6 / 5 }

// hearsay reports whether an alarm is somebody's word, or a prediction, and no request was seen to
// fail: nothing is changed for that.
func hearsay(a detect.Alarm) bool {
	return a.Requests == 0 && a.Errors == 0 && !a.Ended && a.Kind != detect.Vanished
}

func firstCause(d model.Diagnosis) model.CauseID {
	if len(d.Causes) == 0 {
		return ""
	}
	return d.Causes[0].ID
}

// explain tells the diagnosis of an alarm, unless it says the same as the one before.
func (w *Watcher) explain(ctx context.Context, c *alarmCase, d model.Diagnosis) error {
	text := "no cause found"
	if len(d.Causes) > 0 {
		if c.told == d.Causes[0].ID {
			return nil
		}
		c.told = d.Causes[0].ID
		text = string(c.told) + ": " + d.Causes[0].Summary
	}
	return w.Tell(ctx, w.about(c, printer.EventDiagnosis, text, &d))
}

// mend has repaired what one of some alarms is about.
func (w *Watcher) mend(ctx context.Context, c *alarmCase, about Case, of caseload) error {
	repair, err := w.Desk.Mend(ctx, about)
	now := w.Session.Now()
	switch {
	case err != nil && ctx.Err() == nil:
		// One repair that cannot go on must not end the watch: the journal has what is needed to take
		// it up again.
		return w.Tell(ctx, w.about(c, printer.EventWarning, "the repair stopped: "+err.Error(), nil))
	case err != nil:
		return err
	case repair.HandedOver:
		if !c.Ended { // until then something else may break the same route
			c.done, c.next = false, now.Add(max(lookHanded, time.Duration(len(of))*lookHandedOne))
		}
	case needsPerson(repair.Result):
		switch {
		case repair.Held: // a window opens, a cool-down or a storm ends
			c.done, c.next = false, now.Add(lookHeld)
		case !c.Ended: // another cause may show with time, and be one that can be mended
			c.done, c.next, c.wait, c.left = false, now.Add(lookAgain), lookAgain, about.Diagnosis.Causes[0].ID
		}
		return w.Tell(ctx, w.about(c, printer.EventWarning, "a person is needed: "+repair.Result.Because, nil))
	case !c.Ended:
		// Until the alarm has ended something else may break the same route, and a cause that went
		// away between two looks may not have been the one.
		c.done, c.next = false, now.Add(lookRarely)
	}
	return nil
}

func needsPerson(r mend.Result) bool {
	return r.Outcome == plan.Refused || r.Outcome == plan.OnlyAdvice
}

// about is an event of an alarm's route.
func (w *Watcher) about(c *alarmCase, kind, text string, d *model.Diagnosis) printer.EventDoc {
	doc := printer.NewEvent(kind, w.Session.Now(), text)
	doc.Route, doc.Diagnosis = c.Route, d
	return doc
}
