package watch

import (
	"context"
	"fmt"

	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Guard asks the policies first, and a person only for what they leave to one. Without policies a yes
// decides, within what always holds: the kill switch, and namespaces that have opted out.
type Guard struct {
	Policies *guardrail.Set // nil: none
	Asker    mend.Asker
	Session  *Session
	Journal  mend.Journal
	Open     func() []string // the routes that fail now; nil: not known

	person bool // the last answer was a person's
}

// Ask decides on a plan.
func (g *Guard) Ask(ctx context.Context, p model.Plan) (mend.Answer, error) {
	g.person = false
	d, err := g.decide(p)
	if err != nil {
		return mend.Answer{}, err
	}
	switch {
	case d.Verdict <= model.Propose:
		return mend.Answer{Refused: true, Because: d.String()}, nil
	case d.Verdict == model.Allow && g.Policies != nil:
		return mend.Answer{Yes: true}, nil
	}
	a, err := g.Asker.Ask(ctx, p)
	g.person = err == nil && a.Yes && a.Person
	switch {
	case err != nil || a.Person:
		return a, err
	case g.Policies != nil && a.Nobody:
		return mend.Answer{Refused: true, Because: d.String() + "; a person must agree, and nobody could be asked"}, nil
	case a.Yes && d.Rule == guardrail.RuleStop: // a yes in advance knows nothing of it
		return mend.Answer{Refused: true, Because: d.String() + "; a person must agree to this very plan"}, nil
	default:
		return a, nil
	}
}

func (g *Guard) decide(p model.Plan) (model.PolicyDecision, error) {
	in := guardrail.Input{Plan: p, Now: g.Session.Now(), Facts: guardrail.Look(g.Session.Live.Snapshot(), p)}
	if g.Policies == nil {
		return guardrail.Yes(in), nil
	}
	events, err := g.Journal.Events()
	if err != nil {
		return model.PolicyDecision{}, fmt.Errorf("read journal: %w", err)
	}
	in.History = guardrail.Recall(events)
	if g.Open != nil {
		in.Facts.Open = g.Open()
	}
	return g.Policies.Decide(in), nil
}

// PlanPolicy is what policies let the planner do; nil: there are none.
func PlanPolicy(set *guardrail.Set) plan.Policy {
	if set == nil {
		return plan.Policy{}
	}
	return plan.Policy{AllowOwner: set.AllowOwner, MaxChanges: max(plan.MaxChanges, set.Burst())}
}

// hold says what holds every change back, as the engine asks right before it.
func (g *Guard) hold(s *snapshot.Snapshot, p model.Plan) string {
	return guardrail.StopOf(s, p, "").Objection(g.person)
}
