package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/printer"
)

// mender runs repairs one at a time and tells what they do.
type mender struct {
	session *session
	journal mend.Journal
	guard   *guarded
	policy  plan.Policy
	print   func(printer.EventDoc) error
}

// run mends what fails at the target. route is what stands on the events; it may be empty.
// since is when it began to fail; zero: not known.
func (m *mender) run(ctx context.Context, route string, target model.Target, since time.Time) (mend.Result, error) {
	return m.drive(ctx, route, mend.Incident{ID: m.newID(), Target: target, Since: since})
}

// resume takes up the incidents that an earlier run left open: finished or taken back, never begun
// again. What failed before one of them was mended says nothing about the present any more.
func (m *mender) resume(ctx context.Context) error {
	open, err := mend.Open(m.journal)
	if err != nil {
		return err
	}
	for _, id := range open {
		abandoned, err := mend.Abandon(m.journal, id, m.session.now())
		if err != nil {
			return fmt.Errorf("close %s: %w", id, err)
		}
		if abandoned {
			continue
		}
		result, err := m.drive(ctx, "", mend.Incident{ID: id})
		if err != nil {
			return fmt.Errorf("take up %s: %w", id, err)
		}
		if result.Outcome == plan.Mended || result.Outcome == plan.Unverified {
			m.session.from = m.session.now()
		}
	}
	return nil
}

func (m *mender) drive(ctx context.Context, route string, incident mend.Incident) (mend.Result, error) {
	var current *model.Plan
	var printing error
	engine := &mend.Engine{
		Observer: m.session, Feed: m.session.ring, Actor: m.session.cluster.Actor(), Asker: m.guard,
		Journal: m.journal, Now: m.session.now,
		Options: mend.Options{Policy: m.policy, Hold: m.guard.hold, OnEvent: func(e plan.Event) {
			if e.Plan != nil {
				current = e.Plan
			}
			doc := stepDoc(e, current)
			doc.Route = route
			printing = errors.Join(printing, m.print(doc))
		}},
	}
	result, err := engine.Run(ctx, incident)
	return result, errors.Join(err, printing)
}

// newID names an incident by the moment at which it began, which is unique in one journal.
func (m *mender) newID() string {
	return "incident-" + m.session.now().UTC().Format("20060102T150405.000000000")
}
