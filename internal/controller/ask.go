package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/guardrail"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/plan"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// errPending says that a person has to decide, and has not yet.
var errPending = errors.New("nobody has decided yet")

// Mode is how far the controller goes.
type Mode string

// The modes.
const (
	Observe Mode = "observe" // incidents are recorded and diagnosed
	Propose Mode = "propose" // plans are made and shown, and nothing is changed, whoever says yes
	Auto    Mode = "auto"    // policies and approvals decide
)

// Modes are all modes, the most careful one first.
func Modes() []Mode { return []Mode{Observe, Propose, Auto} }

// holdsBack says why nothing is changed in another mode than auto.
func (m Mode) holdsBack() string { return fmt.Sprintf("mode %s: nothing is changed", m) }

// asker decides on the plans of one incident: by the mode, by policies, and where they leave it to people, by their
// approvals. It is a [mend.Asker].
type asker struct {
	mode    Mode
	alone   string // see [guardrail.StopOf]
	rules   rules
	ledger  *ledger
	key     types.NamespacedName
	cached  client.Reader // of approvals
	voucher *voucher
	rights  rights
	routes  func() *path.Map // of the present state
	open    func() []string
	now     func() time.Time
	moved   bool // the cluster is another one than the plan was made for
}

// Ask decides on a plan; errPending is the error where a person has to.
func (a *asker) Ask(ctx context.Context, p model.Plan) (mend.Answer, error) {
	a.moved = false
	if a.mode != Auto {
		return mend.Answer{Refused: true, Because: a.mode.holdsBack()}, nil
	}
	present := a.routes()
	if err := plan.Recheck(p, present); err != nil {
		a.moved = true
		return mend.Answer{Refused: true, Because: err.Error()}, nil //nolint:nilerr // that the cluster moved on is the answer
	}
	d := a.decide(p, present.Snapshot())
	if err := a.record(ctx, v1alpha1.DecisionRecord{Plan: planID(p), Verdict: d.Verdict.String(), Rule: d.Rule, Because: d.String()}); err != nil {
		return mend.Answer{}, err
	}
	if d.Verdict <= model.Propose {
		return mend.Answer{Refused: true, Because: d.String()}, nil
	}
	lacking, err := a.rights.lacking(ctx, p)
	switch {
	case err != nil:
		return mend.Answer{}, err
	case lacking != "":
		return mend.Answer{Refused: true, Because: lacking}, nil
	case d.Verdict == model.Allow && a.rules.set != nil:
		return a.unlessRejected(ctx, p)
	default:
		return a.people(ctx, p)
	}
}

// decide is what policies say.
func (a *asker) decide(p model.Plan, s *snapshot.Snapshot) model.PolicyDecision {
	in := guardrail.Input{Plan: p, Now: a.now(), Facts: guardrail.Look(s, p), History: guardrail.Recall(a.ledger.events())}
	in.Facts.Stop = guardrail.StopOf(s, p, a.alone)
	if a.rules.broken != "" {
		return model.PolicyDecision{PolicyReason: model.PolicyReason{Verdict: model.Propose, Rule: "policies", Because: a.rules.broken}}
	}
	if a.rules.set == nil {
		d := guardrail.Yes(in)
		if d.Verdict == model.Allow {
			d.PolicyReason = model.PolicyReason{Verdict: model.Approve, Rule: guardrail.RuleDefault, Because: "there is no policy, so a person decides"}
		}
		return d
	}
	in.Facts.Open = a.open()
	return a.rules.set.Decide(in)
}

// unlessRejected is the yes of a policy, unless a person has said no to that very plan before. Whose no that is need not be
// vouched for: it only keeps something from being done.
func (a *asker) unlessRejected(ctx context.Context, p model.Plan) (mend.Answer, error) {
	shown := planOf(p)
	said, err := a.approvals(ctx)
	if err != nil {
		return mend.Answer{}, err
	}
	if v := decidedBy(said, a.key, *shown, time.Time{}); v.no {
		return a.rejected(ctx, shown.ID, v)
	}
	return mend.Answer{Yes: true}, nil
}

// approvals are what people have said, of whatever incident.
func (a *asker) approvals(ctx context.Context) ([]v1alpha1.RemediationApproval, error) {
	var list v1alpha1.RemediationApprovalList
	if err := a.cached.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("read approvals: %w", err)
	}
	return list.Items, nil
}

// rejected is a person's no.
func (a *asker) rejected(ctx context.Context, plan string, v verdict) (mend.Answer, error) {
	if err := a.record(ctx, v.recorded(plan, v1alpha1.Reject)); err != nil {
		return mend.Answer{}, err
	}
	return mend.Answer{Because: "rejected by " + v.names() + reasonText(v.because)}, nil
}

// people looks for approvals.
func (a *asker) people(ctx context.Context, p model.Plan) (mend.Answer, error) {
	shown := planOf(p)
	since, why, err := a.voucher.since(ctx)
	if err != nil {
		return mend.Answer{}, err
	}
	if why != "" {
		return mend.Answer{}, a.wait(ctx, why)
	}
	said, err := a.approvals(ctx)
	if err != nil {
		return mend.Answer{}, err
	}
	v := decidedBy(said, a.key, *shown, since)
	switch {
	case v.no:
		return a.rejected(ctx, shown.ID, v)
	case v.yes:
		if err := a.record(ctx, v.recorded(shown.ID, v1alpha1.Approve)); err != nil {
			return mend.Answer{}, err
		}
		return mend.Answer{Yes: true, Person: true}, nil
	default:
		return mend.Answer{}, a.wait(ctx, v.wanted(shown.ID, since))
	}
}

func reasonText(because string) string {
	if because == "" {
		return ""
	}
	return ": " + because
}

// wait says in the incident what is waited for.
func (a *asker) wait(ctx context.Context, what string) error {
	now := a.now()
	err := a.ledger.update(ctx, a.key, func(s *v1alpha1.IncidentStatus) (bool, error) {
		if s.Phase == v1alpha1.PhaseAwaitingApproval && s.Message == clip(what) {
			return false, nil
		}
		s.Phase, s.Message = v1alpha1.PhaseAwaitingApproval, clip(what)
		setCondition(s, now, v1alpha1.ConditionApproved, metav1.ConditionUnknown, "Asking", what)
		tell(s, metav1.NewMicroTime(now), "awaiting-approval", what)
		return true, nil
	})
	if err != nil {
		return err
	}
	return errPending
}

// mostDecisions is how many decisions an incident keeps, the latest ones.
const mostDecisions = 32

// record keeps what was decided, once.
func (a *asker) record(ctx context.Context, d v1alpha1.DecisionRecord) error {
	because := d.Because
	d.At, d.Because = metav1.NewMicroTime(a.now()), clip(because)
	return a.ledger.update(ctx, a.key, func(s *v1alpha1.IncidentStatus) (bool, error) {
		if n := len(s.Decisions); n > 0 {
			last := s.Decisions[n-1]
			if last.At = d.At; last == d {
				return false, nil
			}
		}
		s.Decisions = append(s.Decisions, d)
		s.Decisions = s.Decisions[max(0, len(s.Decisions)-mostDecisions):]
		if d.User != "" {
			verdict := strings.ToLower(d.Verdict)
			tell(s, d.At, verdict, fmt.Sprintf("%s says %s%s", d.User, verdict, reasonText(because)))
		}
		return true, nil
	})
}

// byPerson reports whether a person has agreed to the plan that is being carried out.
func byPerson(s v1alpha1.IncidentStatus) bool {
	for _, d := range s.Decisions {
		if s.Plan != nil && d.Plan == s.Plan.ID && d.Verdict == string(v1alpha1.Approve) && d.User != "" {
			return true
		}
	}
	return false
}
