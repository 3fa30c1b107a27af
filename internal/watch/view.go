package watch

import (
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/rates"
)

// drawEvery is how often a new moment is shown.
const drawEvery = 500 * time.Millisecond

// Moment is what there is to show at one moment.
type Moment struct {
	Now      time.Time
	What     string // what is watched
	Routes   []rates.Route
	Alarms   []OpenAlarm
	Warnings []string // what cannot be looked at
}

// OpenAlarm is an alarm that is open.
type OpenAlarm struct {
	Route            string
	Since            time.Time
	Requests, Errors int
	Cause            string // empty: not known yet
}

// draw shows the present moment.
func (w *Watcher) draw() {
	if w.Draw == nil {
		return
	}
	now := w.Session.Now()
	gateways, _ := w.Session.Live.Gateways()
	m := Moment{
		Now:    now,
		What:   fmt.Sprintf("%d routes behind %d gateway pods", len(w.locator().Routes()), len(gateways)),
		Routes: w.rates.Routes(now),
	}
	for _, a := range w.voices.open(w.detector, w.counted) {
		m.Alarms = append(m.Alarms, OpenAlarm{Route: a.Route, Since: a.From, Requests: a.Requests, Errors: a.Errors, Cause: w.causes[a.Route]})
	}
	for _, u := range w.unseen() {
		m.Warnings = append(m.Warnings, u.What+": "+u.Why)
	}
	w.Draw(m)
}

// remember keeps what is shown of an alarm: its cause, until it ends.
func (w *Watcher) remember(e printer.EventDoc) {
	switch e.Type {
	case printer.EventDiagnosis:
		w.causes[e.Route] = e.Text
	case printer.EventCalm:
		delete(w.causes, e.Route)
	}
}
