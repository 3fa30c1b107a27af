package watch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gatemend/gatemend/internal/detect"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/printer"
)

// Storm limits go by what fails now: not by predictions and alerts, by what has ended, or by what another alarm explains.
func TestOpenRoutes(t *testing.T) {
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	fails := detect.Alarm{Route: "fails", Requests: 9, Errors: 9}
	cases := caseload{}
	for _, n := range []alarmNews{
		{Alarm: fails},
		{Alarm: detect.Alarm{Route: "quiet", Kind: detect.Vanished}},
		{Alarm: detect.Alarm{Route: "warned of"}},
		{Alarm: detect.Alarm{Route: "follows", Requests: 9, Errors: 9}, follows: true},
		{Alarm: detect.Alarm{Route: "ended", Requests: 9, Errors: 9}},
		{Alarm: detect.Alarm{Route: "ended", Requests: 9, Errors: 9, Ended: true}},
		{Alarm: detect.Alarm{Route: "fails"}}, // an alert of what is known to fail
	} {
		cases.take(n, now)
	}
	if got, want := cases.open(), []string{"fails", "quiet"}; !slices.Equal(got, want) {
		t.Errorf("%v fail, want %v", got, want)
	}
}

// The desk's reconcilers ask which routes fail while alarms come and go. The race detector watches.
func TestAnybodyMayAskWhatFails(t *testing.T) {
	w := &Watcher{}
	var asking sync.WaitGroup
	done := make(chan struct{})
	asking.Go(func() {
		for {
			w.Open()
			select {
			case <-done:
				return
			default:
			}
		}
	})
	cases := caseload{}
	for i := range 1000 {
		cases.take(alarmNews{Alarm: detect.Alarm{Route: fmt.Sprint(i % 20), Requests: 1, Errors: 1}}, time.Time{})
		w.publish(cases)
	}
	close(done)
	asking.Wait()
	if got := w.Open(); len(got) != 20 {
		t.Errorf("%d routes fail, want 20", len(got))
	}
}

// sayer is a watcher at a moment that can be moved, and what it says.
func sayer(now *time.Time) (*Watcher, func() []string) {
	w := &Watcher{Session: &Session{Now: func() time.Time { return *now }}, events: make(chan printer.EventDoc, 16), refused: refusals{}}
	return w, func() (said []string) {
		for len(w.events) > 0 {
			e := <-w.events
			said = append(said, e.Type+" "+e.Route)
		}
		return said
	}
}

var noReplicas = model.Diagnosis{Causes: []model.Finding{{ID: "no-replicas", Summary: "nobody is there", Confidence: 1}}}

// Somebody's word is looked into until its cause is told, or for a minute: nothing says when what was told is over.
func TestHearsayEnds(t *testing.T) {
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	w, said := sayer(&now)
	cases := caseload{}
	for range 2 { // another day it is news again
		cases.take(alarmNews{Alarm: detect.Alarm{Route: "a", Opened: now}}, now)
		c, _ := cases.due(now)
		if err := w.act(t.Context(), c, Case{Alarm: c.Alarm, Diagnosis: noReplicas}, cases); err != nil {
			t.Fatal(err)
		}
		if got := said(); !c.over || !slices.Equal(got, []string{printer.EventDiagnosis + " a"}) {
			t.Errorf("over: %t, said: %v", c.over, got)
		}
		delete(cases, c.Route)
		now = now.Add(24 * time.Hour)
	}
	heard := alarmCase{Alarm: detect.Alarm{Route: "a", Opened: now}}
	counted := alarmCase{Alarm: detect.Alarm{Route: "a", Opened: now, Requests: 9, Errors: 9}}
	for after, over := range map[time.Duration]bool{0: false, hearsayFor - 1: false, hearsayFor: true, -time.Hour: true} {
		if got := heard.outlived(now.Add(after)); got != over {
			t.Errorf("hearsay after %s is over: %t", after, got)
		}
		if counted.outlived(now.Add(after)) {
			t.Errorf("what was seen to fail is over after %s", after)
		}
	}
}

// refuser is a desk at which a person says no.
type refuser struct {
	Desk
	asked int
}

func (d *refuser) Mend(context.Context, Case) (Repair, error) {
	d.asked++
	return Repair{Result: mend.Result{Outcome: plan.Declined}}, nil
}

// A no holds for a day for the same plan, also when the route fails now and then. What the cause is, is told each time.
func TestANoOutlastsTheAlarm(t *testing.T) {
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	w, said := sayer(&now)
	desk := &refuser{}
	w.Desk = desk
	other := model.Diagnosis{Causes: []model.Finding{{ID: "wrong-port", Summary: "nobody listens", Confidence: 1}}}
	for _, step := range []struct {
		name      string
		later     time.Duration
		route     string
		diagnosis model.Diagnosis
		asked     int
	}{
		{"at first", 0, "a", noReplicas, 1},
		{"it flaps", time.Hour, "a", noReplicas, 1},
		{"another cause", time.Hour, "a", other, 2},
		{"another route", time.Hour, "b", noReplicas, 3},
		{"the next day", askDeclined, "a", noReplicas, 4},
	} {
		now = now.Add(step.later)
		cases := caseload{}
		cases.take(alarmNews{Alarm: detect.Alarm{Route: step.route, Opened: now, Requests: 9, Errors: 9}}, now)
		c := cases[step.route]
		for range 2 {
			if err := w.act(t.Context(), c, Case{Alarm: c.Alarm, Diagnosis: step.diagnosis}, cases); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := said(), []string{printer.EventDiagnosis + " " + step.route}; desk.asked != step.asked || !slices.Equal(got, want) {
			t.Errorf("%s: asked %d times, want %d; said %v, want %v", step.name, desk.asked, step.asked, got, want)
		}
	}
	if len(w.refused["b"]) != 0 || len(w.refused["a"]) != 1 {
		t.Errorf("old refusals are kept: %v", w.refused)
	}
}

// hander is a desk that leaves repairs to somebody else.
type hander struct{ Desk }

func (hander) Mend(context.Context, Case) (Repair, error) { return Repair{HandedOver: true}, nil }

// A no to something else does not have a cause told again at each look.
func TestARefusalOfAnotherMatterIsNoNews(t *testing.T) {
	now := time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)
	w, said := sayer(&now)
	w.Desk = hander{}
	w.refused.add("a", "another matter", now)
	cases := caseload{}
	cases.take(alarmNews{Alarm: detect.Alarm{Route: "a", Opened: now, Requests: 9, Errors: 9}}, now)
	for range 5 {
		now = now.Add(askDeclined / 2) // the no expires, too
		if err := w.act(t.Context(), cases["a"], Case{Alarm: cases["a"].Alarm, Diagnosis: noReplicas}, cases); err != nil {
			t.Fatal(err)
		}
	}
	if got := said(); len(got) != 1 {
		t.Errorf("said %v, want the cause once", got)
	}
}
