package guardrail

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Input is what a decision is made from.
type Input struct {
	Plan    model.Plan
	History History
	Now     time.Time
	Facts   Facts
}

// The names of the rules that hold without any policy.
const (
	RuleStop      = "kill-switch"
	RuleNamespace = "namespace-label"
	RuleDefault   = "default"
	RuleGuard     = "guard " // and the name of the guard
)

// Decide says what may be done with a plan: the strictest that the kill switch, the plan's own guards, the
// labels of namespaces and the policies say of any object that it changes.
func (s Set) Decide(in Input) model.PolicyDecision {
	reasons := always(in)
	in.History = in.History.with(in.Facts.Written)
	for i, t := range in.Facts.Targets {
		for _, p := range in.Plan.AboutEach(i) {
			about := in
			about.Plan = p
			for _, r := range s.about(about, t) {
				if !slices.Contains(reasons, r) { // limits say the same of each fault
					reasons = append(reasons, r)
				}
			}
		}
	}
	if len(in.Facts.Targets) == 0 {
		reasons = append(reasons, says(model.Refuse, RuleDefault, "the plan changes nothing"))
	}
	return decided(reasons)
}

// Yes decides for somebody who has said yes without writing a policy: a person to one plan, or to all of them
// in advance. What always holds still does.
func Yes(in Input) model.PolicyDecision {
	return decided(append(always(in), says(model.Allow, RuleDefault, "there is a yes")))
}

// always is what holds under every policy and without any.
func always(in Input) []model.PolicyReason {
	var out []model.PolicyReason
	switch stop := in.Facts.Stop; {
	case stop.Stopped:
		out = append(out, says(model.Refuse, RuleStop, stop.String()))
	case stop.Unknown != "":
		out = append(out, says(model.Approve, RuleStop, stop.unknown()))
	}
	for _, g := range in.Plan.Guards {
		v := model.Approve
		if g.Absolute {
			v = model.Propose
		}
		out = append(out, says(v, RuleGuard+g.Guard, g.Because))
	}
	for _, t := range in.Facts.Targets {
		if t.NamespaceLabels[v1alpha1.RemediationLabel] == v1alpha1.RemediationDisabled {
			out = append(out, says(model.Propose, RuleNamespace, fmt.Sprintf("namespace %s is labelled %s=%s", t.Namespace, v1alpha1.RemediationLabel, v1alpha1.RemediationDisabled)))
		}
	}
	return out
}

// about is what the policies say of one object.
func (s Set) about(in Input, t Target) []model.PolicyReason {
	var out []model.PolicyReason
	ruled := false
	for _, p := range s.policies {
		answer, unsure := p.match.matches(in.Plan, t)
		if unsure != "" {
			out = append(out, says(model.Propose, p.name+": match", unsure))
		}
		if answer != yes {
			continue
		}
		r, mode := p.ruleFor(in.Plan, t)
		out, ruled = append(out, mode...), ruled || len(mode) > 0
		l := p.given
		if r != nil {
			l = p.limits
			out = append(out, r.holds(p.name, in.Plan, t)...)
			out = append(out, p.opted(t)...)
		}
		out = append(out, p.calendar(in.Now)...)
		out = append(out, l.exceeded(p.name, in.History, in.Now, t, share(in.Facts.Targets, t))...)
		out = append(out, l.storm(p.name, in.History, in.Now, incidentOf(in.Now, in.Plan), in.Facts.Open)...)
	}
	if !ruled {
		out = append(out, says(model.Propose, RuleDefault, "no rule is about it, and what no rule is about is only proposed"))
	}
	return out
}

// share counts a plan's changes: of an object, in its namespace, and in all.
func share(all []Target, t Target) (n [3]int) {
	for _, o := range all {
		if o.Counted == t.Counted {
			n[0]++
		}
		if o.Namespace == t.Namespace {
			n[1]++
		}
		n[2]++
	}
	return n
}

// ruleFor finds the first rule that matches, and what it says by its mode. Where it is not known whether a rule
// matches, nothing after it may decide either.
func (p policy) ruleFor(plan model.Plan, t Target) (*rule, []model.PolicyReason) {
	for i, r := range p.rules {
		name := p.name + "/" + r.name
		answer, unsure := r.match.matches(plan, t)
		switch {
		case unsure != "":
			return nil, []model.PolicyReason{says(model.Propose, name, unsure)}
		case answer == yes:
			return &p.rules[i], []model.PolicyReason{says(verdictOf(r.mode), name, "mode "+string(r.mode))}
		}
	}
	return nil, nil
}

func verdictOf(m v1alpha1.Mode) model.Permission {
	switch m {
	case v1alpha1.ModeAuto:
		return model.Allow
	case v1alpha1.ModeApprove:
		return model.Approve
	case v1alpha1.ModePropose:
		return model.Propose
	case v1alpha1.ModeOff:
		return model.Refuse
	default:
		return model.Refuse
	}
}

// holds says which of a rule's bounds a plan is out of.
func (r rule) holds(policy string, p model.Plan, t Target) []model.PolicyReason {
	var out []model.PolicyReason
	name := policy + "/" + r.name
	if p.Finding.Confidence < r.confidence {
		out = append(out, says(model.Propose, name+": minConfidencePercent", fmt.Sprintf("the cause is only %.2f certain; the rule asks for %.2f", p.Finding.Confidence, r.confidence)))
	}
	most, err := intstr.GetScaledValueFromIntOrPercent(&r.maxUnavailable, t.Serving, true)
	if err == nil && t.Takes > most { // it was checked when it was parsed
		out = append(out, says(model.Propose, name+": maxUnavailable", fmt.Sprintf("up to %d of %d ready pods of %s would be away at once; the rule allows %s", t.Takes, t.Serving, t.Counted, r.maxUnavailable.String())))
	}
	return out
}

// opted asks for a person where a namespace has not opted in.
func (p policy) opted(t Target) []model.PolicyReason {
	switch {
	case !p.optIn || t.NamespaceLabels[v1alpha1.RemediationLabel] == v1alpha1.RemediationEnabled:
		return nil
	case t.Namespace == "":
		return []model.PolicyReason{says(model.Approve, p.name+": namespaceOptIn", t.String()+" is in no namespace that could opt in")}
	case !t.NamespaceKnown:
		return []model.PolicyReason{says(model.Approve, p.name+": namespaceOptIn", "the labels of namespace "+t.Namespace+" are not known")}
	default:
		return []model.PolicyReason{says(model.Approve, p.name+": namespaceOptIn", fmt.Sprintf("namespace %s has not opted in: it has no label %s=%s", t.Namespace, v1alpha1.RemediationLabel, v1alpha1.RemediationEnabled))}
	}
}

// AllowOwner reports whether the policies let an object be edited in place though somebody else keeps it:
// every policy whose rule decides on it must say so.
func (s Set) AllowOwner(snap *snapshot.Snapshot, p model.Plan, o model.Owner) bool {
	allowed := false
	for i, t := range Look(snap, p).Targets {
		if t.Ref != o.Object {
			continue
		}
		for _, about := range p.AboutEach(i) {
			some, all := s.allows(about, t, o)
			if !all {
				return false
			}
			allowed = allowed || some
		}
	}
	return allowed
}

// allows reports whether rules of some, and of all policies that decide on an object for one fault, let it be edited in place.
func (s Set) allows(p model.Plan, t Target, o model.Owner) (some, all bool) {
	for _, pol := range s.policies {
		if answer, _ := pol.match.matches(p, t); answer != yes {
			continue
		}
		r, _ := pol.ruleFor(p, t)
		if r != nil && !slices.Contains(r.allowOwners, string(o.Tool)) {
			return false, false
		}
		some = some || r != nil
	}
	return some, true
}
