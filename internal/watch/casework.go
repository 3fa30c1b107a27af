package watch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
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
	// What stood against a repair, such as a rule, a right that was lacking or an owner, may be gone at another moment.
	askAgain = 5 * time.Minute
	// A plan to which a person has said no is not shown again as long as it is the same one.
	askDeclined = 24 * time.Hour
	// A route that is mended elsewhere is looked at seldom: whoever mends it looks, too.
	lookHanded = time.Minute
	// Of many routes whose causes are known, as in a storm, one is looked at in each lookOne.
	lookOne = 2 * time.Second
	// hearsayFor is how long the cause of somebody's word is looked for: nothing says when what was told is over, and where
	// requests begin to fail there is an alarm of its own.
	hearsayFor = time.Minute
	// patience is how long a cause that nobody may act on yet is kept back, for a better one.
	patience = 10 * time.Second
	// margin is how long before an alarm's first error failures still belong to it: what failed on the same
	// route before that was something else.
	margin = 10 * time.Second
)

// alarmCase is an alarm that is being worked on.
type alarmCase struct {
	detect.Alarm
	next   time.Time     // when to look
	wait   time.Duration // before the look after that
	told   model.CauseID // the cause that has been printed last
	matter string        // what was given to the desk last, as [matter] names it
	lost   bool          // that no cause is known yet has been printed
	done   bool          // a cause that one may act on has been printed
	// follows: it most likely has the same cause as another one.
	follows bool
	// left is what was left to a person, as [matter] names it, and until when nobody need be asked about it again.
	left map[string]time.Time
	said string // the last warning that was printed
	over bool   // it is hearsay, of which nothing more is to be found out
}

// outlived reports whether a case is somebody's word that was looked into for long enough, also where the clock was set back.
func (c *alarmCase) outlived(now time.Time) bool {
	return hearsay(c.Alarm) && now.Sub(c.Opened).Abs() >= hearsayFor
}

// leave notes that a matter is a person's. The route is still looked at: what the person does may put something else
// in its place, or another cause may show with time that can be mended.
func (c *alarmCase) leave(what string, now time.Time, until time.Duration, of caseload) {
	if c.left == nil {
		c.left, c.wait = map[string]time.Time{}, lookAgain
	}
	maps.DeleteFunc(c.left, func(_ string, over time.Time) bool { return !over.After(now) })
	c.left[what] = now.Add(until)
	c.next = now.Add(of.apart(c.wait))
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

// open lists the routes that fail, without those that follow from another one and those that only somebody speaks of.
func (c caseload) open() []string {
	var out []string
	for route, a := range c {
		if !a.Ended && !a.follows && !hearsay(a.Alarm) {
			out = append(out, route)
		}
	}
	slices.Sort(out)
	return out
}

// apart is how long to wait for the next look at a case: longer where there are many.
func (c caseload) apart(least time.Duration) time.Duration {
	return max(least, time.Duration(len(c)-1)*lookOne)
}

// due gives the case that has waited longest, or how long it takes until there is one.
func (c caseload) due(now time.Time) (*alarmCase, time.Duration) {
	wait := time.Hour
	var first *alarmCase
	for _, a := range c {
		if a.next.Sub(now) > c.apart(lookHanded) { // the clock was set back: nobody waits longer than that
			a.next = now
		}
		switch {
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
	// Open is [Watcher.Open].
	Open func() []string
}

// refusals are the matters of each route to which a person has said no, and until when nobody need be asked again. They
// outlast the alarm: what fails now and then would be asked about each time.
type refusals map[string]map[string]time.Time

func (r refusals) add(route, what string, now time.Time) {
	for known, of := range r {
		maps.DeleteFunc(of, func(_ string, until time.Time) bool { return !until.After(now) })
		if len(of) == 0 {
			delete(r, known)
		}
	}
	if r[route] == nil {
		r[route] = map[string]time.Time{}
	}
	r[route][what] = now.Add(askDeclined)
}

// Repair is what a desk did about a case.
type Repair struct {
	Result mend.Result
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
		w.publish(cases)
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
		if c.Ended || c.over {
			delete(cases, c.Route)
		}
	}
}

// publish lets others know which routes fail.
func (w *Watcher) publish(cases caseload) {
	open := cases.open()
	w.open.Store(&open)
}

// Open are the routes that fail, without those that follow from another one and those that only somebody speaks of. Any
// goroutine may ask.
func (w *Watcher) Open() []string {
	if open := w.open.Load(); open != nil {
		return *open
	}
	return nil
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
	c.over = c.outlived(now)
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
		return w.act(ctx, c, Case{Alarm: c.Alarm, Target: target, Diagnosis: d, View: view, Open: w.Open}, of)
	case len(d.Causes) > 0 && now.Sub(c.Opened) < patience && !c.Ended:
		return nil
	case len(d.Causes) > 0 || c.Ended && c.told == "" && mended.Before(c.To):
		return w.explain(ctx, c, d)
	case !c.lost && c.told == "" && now.Sub(c.Opened) >= patience && now.Sub(c.Heard) < patience:
		c.lost = true // and looked for again: a person who waits for an answer must not wait for ever
		return w.explain(ctx, c, d)
	default:
		return nil
	}
}

// act tells a cause that is certain, and has it mended unless it is left to a person.
func (w *Watcher) act(ctx context.Context, c *alarmCase, about Case, of caseload) error {
	now, what := w.Session.Now(), matter(about.Diagnosis)
	if c.left == nil {
		c.left = maps.Clone(w.refused[c.Route])
	}
	until, left := c.left[what]
	if left && now.Before(until) { // a person knows; of an alarm that opened since, the cause is told all the same
		c.next = now.Add(of.apart(c.wait))
		return w.explain(ctx, c, about.Diagnosis)
	}
	if !left && len(c.left) > 0 && c.matter != what {
		c.told = "" // the same cause at another object, or in another way, is news
	}
	c.matter = what
	c.done = true
	if err := w.explain(ctx, c, about.Diagnosis); err != nil {
		return err
	}
	switch {
	case hearsay(c.Alarm):
		c.over = true
		return nil
	case w.Desk == nil:
		c.leave(what, now, askAgain, of)
		return nil
	default:
		return w.mend(ctx, c, about, of)
	}
}

// matter names what is wrong so that it is another one when the cause is, or its object, or what would mend it: somebody
// who mends by hand may have set one wrong value in place of another.
func matter(d model.Diagnosis) string {
	f := d.Causes[0]
	h := sha256.New()
	fmt.Fprintln(h, f.ID, f.Object, f.Wanted)
	for _, r := range d.Remedies {
		if r.Cause != f.ID {
			continue
		}
		for _, c := range r.Changes {
			fmt.Fprintln(h, r.Action, c.Op, c.Target)
			for _, v := range c.Fields {
				fmt.Fprintln(h, v.Path, string(v.Old), string(v.New))
			}
		}
	}
	return string(h.Sum(nil))
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
		// One repair that cannot go on must not end the watch: the desk takes it up before it begins another one.
		c.done, c.next = false, now.Add(lookRarely)
		return w.warn(ctx, c, "the repair stopped: "+err.Error())
	case err != nil:
		return err
	case repair.HandedOver: // until the alarm ends something else may break the same route
		c.done, c.next = false, now.Add(of.apart(lookHanded))
	case repair.Result.Outcome == plan.Declined:
		c.done = false
		w.refused.add(c.Route, matter(about.Diagnosis), now)
		c.leave(matter(about.Diagnosis), now, askDeclined, of)
	case needsPerson(repair.Result):
		c.done = false
		c.leave(matter(about.Diagnosis), now, askAgain, of)
		return w.warn(ctx, c, "a person is needed: "+repair.Result.Because)
	default:
		// Until the alarm has ended something else may break the same route, and a cause that went
		// away between two looks may not have been the one.
		c.done, c.next = false, now.Add(lookRarely)
	}
	return nil
}

func needsPerson(r mend.Result) bool {
	return r.Outcome == plan.Refused || r.Outcome == plan.OnlyAdvice
}

// warn prints a warning, unless it is the one before.
func (w *Watcher) warn(ctx context.Context, c *alarmCase, text string) error {
	if c.said == text {
		return nil
	}
	c.said = text
	return w.Tell(ctx, w.about(c, printer.EventWarning, text, nil))
}

// about is an event of an alarm's route.
func (w *Watcher) about(c *alarmCase, kind, text string, d *model.Diagnosis) printer.EventDoc {
	doc := printer.NewEvent(kind, w.Session.Now(), text)
	doc.Route, doc.Diagnosis = c.Route, d
	return doc
}
