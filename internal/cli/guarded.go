package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// guarded asks the policies first, and a person only for what they leave to one. Without policies a yes
// decides, within what always holds: the kill switch, and namespaces that have opted out.
type guarded struct {
	policies *guardrail.Set // nil: none
	asker    mend.Asker
	session  *session
	journal  mend.Journal
	open     func() []string // the routes that fail now; nil: not known
	held     bool            // the last answer was a rule's no, which another moment may change
	person   bool            // the last answer was a person's
}

// Ask decides on a plan.
func (g *guarded) Ask(ctx context.Context, p model.Plan) (mend.Answer, error) {
	g.held, g.person = false, false
	d, err := g.decide(p)
	if err != nil {
		return mend.Answer{}, err
	}
	switch {
	case d.Verdict <= model.Propose:
		g.held = true
		return mend.Answer{Refused: true, Because: d.String()}, nil
	case d.Verdict == model.Allow && g.policies != nil:
		return mend.Answer{Yes: true}, nil
	}
	a, err := g.asker.Ask(ctx, p)
	g.person = err == nil && a.Yes && a.Person
	switch {
	case err != nil || a.Person:
		return a, err
	case g.policies != nil && a.Because == noTerminal:
		g.held = true
		return mend.Answer{Refused: true, Because: d.String() + "; a person must agree, and nobody could be asked"}, nil
	case a.Yes && d.Rule == guardrail.RuleStop: // a yes in advance knows nothing of it
		g.held = true
		return mend.Answer{Refused: true, Because: d.String() + "; a person must agree to this very plan"}, nil
	default:
		return a, nil
	}
}

func (g *guarded) decide(p model.Plan) (model.PolicyDecision, error) {
	in := guardrail.Input{Plan: p, Now: g.session.now(), Facts: guardrail.Look(g.session.live.Snapshot(), p)}
	if g.policies == nil {
		return guardrail.Yes(in), nil
	}
	events, err := g.journal.Events()
	if err != nil {
		return model.PolicyDecision{}, fmt.Errorf("read journal: %w", err)
	}
	in.History = guardrail.Recall(events)
	if g.open != nil {
		in.Facts.Open = g.open()
	}
	return g.policies.Decide(in), nil
}

// planPolicy is what policies let the planner do.
func planPolicy(set *guardrail.Set) plan.Policy {
	if set == nil {
		return plan.Policy{}
	}
	return plan.Policy{AllowOwner: set.AllowOwner}
}

// policyUsage is the help of --policy.
const policyUsage = "file of RemediationPolicies that say what may be done, and who must agree"

// hold says what holds every change back, as the engine asks right before it.
func (g *guarded) hold(s *snapshot.Snapshot) string { return guardrail.StopOf(s).Objection(g.person) }

// readPolicies reads the file of --policy; "" is none.
func readPolicies(env Env, path string) (*guardrail.Set, error) {
	if path == "" {
		return nil, nil
	}
	data, err := env.ReadFile(path, env.In)
	if err != nil {
		return nil, err
	}
	set, err := guardrail.Parse(path, data)
	if _, wrong := errors.AsType[*guardrail.Problem](err); wrong {
		return nil, usagef("'gatemend policy check' checks a policy", "%v", err)
	}
	if err != nil {
		return nil, err
	}
	return &set, nil
}
