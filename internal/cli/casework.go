package cli

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
	// crash loop. Where none is found it is looked again after lookAgain, then less and less often.
	lookAgain  = time.Second
	lookRarely = 15 * time.Second
	// A rule that holds a repair back may let it go at another moment.
	lookHeld = 5 * time.Minute
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
}

// caseload holds the alarms that are being worked on, one per route.
type caseload map[string]*alarmCase

// take brings an alarm in, or the news that it has ended. An ended alarm is looked at once more if
// nobody knows its cause: what a race leaves behind is often clear only when it is over.
func (c caseload) take(n alarmNews, now time.Time) {
	a := n.Alarm
	known, ok := c[a.Route]
	switch {
	case a.Worse && ok:
		known.Alarm = a // it is worked on, and what fails now is the same route
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

// work diagnoses alarms, and mends what it may, one at a time.
func (w *watcher) work(ctx context.Context, alarms <-chan alarmNews) error {
	if w.mender != nil {
		if err := w.mender.resume(ctx); err != nil {
			return err
		}
		w.mended = w.session.from
	}
	cases := caseload{}
	if w.mender != nil {
		w.mender.guard.open = cases.open
	}
	for {
		for len(alarms) > 0 { // what ended during a repair needs no look of its own
			cases.take(<-alarms, w.session.now())
		}
		c, wait := cases.due(w.session.now())
		timer := time.NewTimer(wait)
		if c == nil {
			select {
			case <-ctx.Done():
				timer.Stop()
				return nil
			case a := <-alarms:
				cases.take(a, w.session.now())
			case <-timer.C:
			}
			timer.Stop()
			continue
		}
		timer.Stop()
		if err := w.look(ctx, c); err != nil {
			return err
		}
		if c.Ended {
			delete(cases, c.Route)
		}
	}
}

// look diagnoses one alarm, tells the cause once there is one, and mends.
func (w *watcher) look(ctx context.Context, c *alarmCase) error {
	now := w.session.now()
	c.next, c.wait = now.Add(c.wait), min(2*c.wait, lookRarely)
	w.session.onset = c.From.Add(-margin)
	w.session.from = w.mended // what was before a repair says nothing about what it left
	target := model.Target{Object: &c.Object}
	if c.Object.IsZero() {
		target = w.target
	}
	d, err := w.session.Diagnose(ctx, w.session.live.Snapshot(), target)
	if err != nil {
		return err
	}
	if w.metrics != nil {
		w.metrics.Diagnosed(firstCause(d), w.session.now().Sub(now))
	}
	switch {
	case len(d.Causes) > 0 && d.Causes[0].Confidence >= plan.MinConfidence:
		c.done, c.next = true, time.Time{}
		if err := w.explain(ctx, c, d); err != nil || w.mender == nil || c.hearsay() {
			return err
		}
		return w.mend(ctx, c, target)
	case len(d.Causes) > 0 && now.Sub(c.Opened) < patience && !c.Ended:
		return nil
	case len(d.Causes) > 0 || c.Ended && w.mended.Before(c.To):
		return w.explain(ctx, c, d)
	case !c.lost && now.Sub(c.Opened) >= patience && now.Sub(c.Heard) < patience:
		c.lost = true // and looked for again: a person who waits for an answer must not wait for ever
		return w.explain(ctx, c, d)
	default:
		return nil
	}
}

func firstCause(d model.Diagnosis) model.CauseID {
	if len(d.Causes) == 0 {
		return ""
	}
	return d.Causes[0].ID
}

// explain tells the diagnosis of an alarm, unless it says the same as the one before.
func (w *watcher) explain(ctx context.Context, c *alarmCase, d model.Diagnosis) error {
	text := "no cause found"
	if len(d.Causes) > 0 {
		if c.told == d.Causes[0].ID {
			return nil
		}
		c.told = d.Causes[0].ID
		text = string(c.told) + ": " + d.Causes[0].Summary
	}
	return w.tell(ctx, w.about(c, printer.EventDiagnosis, text, &d))
}

// mend repairs what an alarm is about.
func (w *watcher) mend(ctx context.Context, c *alarmCase, target model.Target) error {
	result, err := w.mender.run(ctx, c.Route, target, c.From)
	w.mended = w.session.now()
	switch {
	case err != nil && ctx.Err() == nil:
		// One repair that cannot go on must not end the watch: the journal has what is needed to take
		// it up again.
		return w.tell(ctx, w.about(c, printer.EventWarning, "the repair stopped: "+err.Error(), nil))
	case err != nil:
		return err
	case needsPerson(result):
		if w.mender.guard.held { // a window opens, a cool-down or a storm ends
			c.done, c.next = false, w.mended.Add(lookHeld)
		}
		return w.tell(ctx, w.about(c, printer.EventWarning, "a person is needed: "+result.Because, nil))
	case !c.Ended:
		// Until the alarm has ended something else may break the same route, and a cause that went
		// away between two looks may not have been the one.
		c.done, c.next = false, w.mended.Add(lookRarely)
	}
	return nil
}

func needsPerson(r mend.Result) bool {
	return r.Outcome == plan.Refused || r.Outcome == plan.OnlyAdvice
}

// about is an event of an alarm's route.
func (w *watcher) about(c *alarmCase, kind, text string, d *model.Diagnosis) printer.EventDoc {
	doc := printer.NewEvent(kind, w.session.now(), text)
	doc.Route, doc.Diagnosis = c.Route, d
	return doc
}
