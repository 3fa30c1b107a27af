package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/diagnose"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/printer"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Mender is a [Desk] that runs repairs one at a time and tells what they do.
type Mender struct {
	Session *Session
	Actor   mend.Actor
	Journal mend.Journal
	// Outage is how long a repair waits for an API server that does not answer; 0: without end.
	Outage time.Duration
	Guard  *Guard
	Policy plan.Policy
	Print  func(printer.EventDoc) error
	// Probe: requests are sent to a route that has none, to prove that its repair helped.
	Probe bool

	mended time.Time
}

// Mended is when the last repair ended; zero: there was none.
func (m *Mender) Mended() time.Time { return m.mended }

// Mend mends what an alarm is about, once what stopped in the middle before is at its end.
func (m *Mender) Mend(ctx context.Context, c Case) (Repair, error) {
	if err := m.Resume(ctx); err != nil {
		return Repair{}, err
	}
	c.View.From, m.Guard.Open = m.mended, c.Open
	result, err := m.Run(ctx, c.View, c.Route, mend.Incident{ID: m.NewID(), Target: c.Target, Since: c.From})
	m.mended = m.Session.Now()
	return Repair{Result: result}, err
}

// Resume takes up the incidents that an earlier run left open, or that could not go on: finished or taken back, never
// begun again. What failed before one of them was mended says nothing about the present any more.
func (m *Mender) Resume(ctx context.Context) error {
	open, err := mend.Open(m.Journal)
	if err != nil {
		return err
	}
	for _, id := range open {
		abandoned, err := mend.Abandon(m.Journal, id, m.Session.Now())
		if err != nil {
			return fmt.Errorf("close %s: %w", id, err)
		}
		if abandoned {
			continue
		}
		result, err := m.Run(ctx, &View{Session: m.Session, From: m.mended}, "", mend.Incident{ID: id})
		if err != nil {
			return fmt.Errorf("take up %s: %w", id, err)
		}
		if result.Outcome == plan.Mended || result.Outcome == plan.Unverified {
			m.mended = m.Session.Now()
		}
	}
	return nil
}

// Run drives one incident to its end. route is what stands on the events; it may be empty.
func (m *Mender) Run(ctx context.Context, view *View, route string, incident mend.Incident) (mend.Result, error) {
	var current *model.Plan
	var printing error
	engine := &mend.Engine{
		Observer: view, Map: m.Session.MapOf, Feed: m.Session.Ring, Actor: m.Actor, Asker: m.Guard,
		Journal: m.Journal, Now: m.Session.Now,
		Options: mend.Options{Policy: m.Policy, Outage: m.Outage, Hold: m.Guard.hold, OnEvent: func(e plan.Event) {
			if e.Plan != nil {
				current = e.Plan
			}
			doc := stepDoc(e, current)
			doc.Route = route
			printing = errors.Join(printing, m.Print(doc))
		}, OnSilence: func(why string) {
			doc := printer.NewEvent(printer.EventWarning, m.Session.Now(), SilenceText(why))
			doc.Route = route
			printing = errors.Join(printing, m.Print(doc))
		}},
	}
	if m.Probe {
		engine.Prober = prober{m.Session}
	}
	result, err := engine.Run(ctx, incident)
	return result, errors.Join(err, printing)
}

// prober sends requests through gateways by their pods.
type prober struct{ session *Session }

// Probe sends each request once.
func (p prober) Probe(ctx context.Context, s *snapshot.Snapshot, requests []model.Request) (sent int) {
	var ways []model.ProbeRoute
	routes := p.session.MapOf(s)
	for _, q := range requests {
		if way, ok := diagnose.WayIn(routes, q); ok {
			ways = append(ways, way)
		}
	}
	answers, _ := p.session.Pods.Probe(ctx, ways, "") // one that may not be sent proves nothing, which the verdict says
	return len(answers)
}

// NewID names an incident by the moment at which it began, which is unique in one journal.
func (m *Mender) NewID() string {
	return "incident-" + m.Session.Now().UTC().Format("20060102T150405.000000000")
}
