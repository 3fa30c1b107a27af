package model

import (
	"fmt"
	"slices"
	"time"
)

// Permission is what may be done with a plan.
type Permission int

// The permissions, strictest first.
const (
	Refuse  Permission = iota // nothing is done, and nobody is asked to
	Propose                   // it is shown; nothing is done, whoever says yes
	Approve                   // it is carried out after a person's yes
	Allow                     // it is carried out
)

func permissions() []string { return []string{"refuse", "propose", "approve", "allow"} }

// String is the word for a permission.
func (p Permission) String() string {
	if words := permissions(); p >= 0 && int(p) < len(words) {
		return words[p]
	}
	return "unknown"
}

// MarshalText writes the word.
func (p Permission) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the word.
func (p *Permission) UnmarshalText(text []byte) error {
	i := slices.Index(permissions(), string(text))
	if i < 0 {
		return fmt.Errorf("%q is no permission", text)
	}
	*p = Permission(i)
	return nil
}

// PolicyReason is what one rule says of a plan.
type PolicyReason struct {
	Verdict Permission `json:"verdict"`
	// Rule is where it is written: "POLICY/RULE", "POLICY: limits.cooldown", or a rule that always holds.
	Rule    string `json:"rule"`
	Because string `json:"because"`
}

// String reads "shop/automatic: mode auto".
func (r PolicyReason) String() string { return r.Rule + ": " + r.Because }

// PolicyDecision is what may be done with a plan, and which rule says so.
type PolicyDecision struct {
	PolicyReason
	// Others are the further rules that hold it back, strictest first.
	Others []PolicyReason `json:"others,omitempty"`
}

// String is the decision with everything that holds the plan back.
func (d PolicyDecision) String() string {
	text := d.PolicyReason.String()
	for _, r := range d.Others {
		text += "; " + r.String()
	}
	return text
}

// KindPolicyTest is the kind of a PolicyTest.
const KindPolicyTest = "PolicyTest"

// PolicyTest is what policies would let be done with some plans.
type PolicyTest struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Plans      []PolicyCase `json:"plans"`
}

// PolicyCase is one plan, and what would be done with it.
type PolicyCase struct {
	At       time.Time      `json:"at,omitzero"`
	Incident string         `json:"incident,omitempty"`
	Cause    CauseID        `json:"cause"`
	Action   string         `json:"action"`
	Summary  string         `json:"summary"`
	Decision PolicyDecision `json:"decision"`
	// Ended is how the incident ended at the time, if it is from a journal.
	Ended string `json:"ended,omitempty"`
}
