package model

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Phase is where an incident stands.
type Phase string

// The phases, in the order of an incident's life. The last three are ends.
const (
	PhaseDetected         Phase = "Detected"         // requests fail; why is not known yet
	PhaseDiagnosed        Phase = "Diagnosed"        // the cause is known
	PhaseProposed         Phase = "Proposed"         // there is a plan that only people carry out
	PhaseAwaitingApproval Phase = "AwaitingApproval" // there is a plan that waits for a person's yes
	PhaseMending          Phase = "Mending"          // the plan is being carried out
	PhaseVerifying        Phase = "Verifying"        // it was; whether it helped is being watched
	PhaseResolved         Phase = "Resolved"         // requests succeed again
	PhaseUndone           Phase = "Undone"           // what was done did not help and was taken back
	PhaseEscalated        Phase = "Escalated"        // a person must look: nothing more is done
)

// Phases gives all phases in the order of an incident's life.
func Phases() []Phase {
	return []Phase{
		PhaseDetected, PhaseDiagnosed, PhaseProposed, PhaseAwaitingApproval, PhaseMending, PhaseVerifying,
		PhaseResolved, PhaseUndone, PhaseEscalated,
	}
}

// Ended reports whether nothing more happens in the phase.
func (p Phase) Ended() bool {
	return p == PhaseResolved || p == PhaseUndone || p == PhaseEscalated
}

// Incident is the record of one incident, as history keeps it and notifications tell of it. It says what
// happened; it is not what the next step is decided on.
type Incident struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Cluster is the name that people gave the cluster: several may share one history.
	Cluster string `json:"cluster"`
	// ID names the incident within its cluster, and never another one.
	ID    string `json:"id"`
	Phase Phase  `json:"phase"`
	// Because says in one sentence why the incident is in its phase, where there is more to say.
	Because string `json:"because,omitempty"`
	// Routes are those that fail or failed, most errors first.
	Routes   []string `json:"routes"`
	Requests int      `json:"requests,omitempty"`
	Errors   int      `json:"errors,omitempty"`
	// Statuses are the statuses of the failed requests, most frequent first.
	Statuses []int `json:"statuses,omitempty"`
	// Cause is the diagnosis's first cause, as soon as there is one.
	Cause      CauseID  `json:"cause,omitempty"`
	Confidence float64  `json:"confidence,omitempty"`
	Object     FieldRef `json:"object,omitzero"`
	Summary    string   `json:"summary,omitempty"`

	Started time.Time `json:"started"` // the first failed request
	Opened  time.Time `json:"opened"`  // when it was noticed
	Updated time.Time `json:"updated"`
	Closed  time.Time `json:"closed,omitzero"`

	// Proposal is the plan that was last made, in short.
	Proposal  *IncidentPlan      `json:"proposal,omitempty"`
	Timeline  []IncidentEvent    `json:"timeline"`
	Actions   []IncidentAction   `json:"actions"`
	Decisions []IncidentDecision `json:"decisions"`
}

// KindIncident is the kind of an Incident.
const KindIncident = "Incident"

// IncidentPlan is a plan as an incident's record has it.
type IncidentPlan struct {
	// ID tells this plan from others of the incident: a decision holds for the plan that it was made on.
	ID      string `json:"id"`
	Action  string `json:"action"`
	Summary string `json:"summary"`
	Risk    Risk   `json:"risk"`
	Kubectl string `json:"kubectl,omitempty"`
	Diff    string `json:"diff,omitempty"`
	Touches string `json:"touches,omitempty"`
}

// IncidentEvent is something that happened in an incident.
type IncidentEvent struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // a kind of package plan's events, or a phase
	Text string    `json:"text"`
}

// ActionResult is how a change of the cluster went.
type ActionResult string

// The results.
const (
	ActionBegun   ActionResult = "begun"   // it is being made, or a crash left it in doubt
	ActionApplied ActionResult = "applied" // it was made
	ActionFailed  ActionResult = "failed"  // it was certainly not made
	ActionUndone  ActionResult = "undone"  // it was made and taken back
)

// IncidentAction is one change that was made to the cluster, or tried.
type IncidentAction struct {
	At      time.Time    `json:"at"`
	Action  string       `json:"action"`
	Change  Change       `json:"change"` // former and new values
	Result  ActionResult `json:"result"`
	Because string       `json:"because,omitempty"`
}

// IncidentDecision is a yes or no to a plan, and who said it.
type IncidentDecision struct {
	At   time.Time `json:"at"`
	Plan string    `json:"plan"` // IncidentPlan.ID
	// Verdict is what may be done.
	Verdict Permission `json:"verdict"`
	// Who is the user whom the API server knows, or the policy and its rule.
	Who string `json:"who"`
	// Through is how it was said: "policy", "kubectl", "slack".
	Through string `json:"through"`
	Because string `json:"because,omitempty"`
}

// Title says in a few words what the incident is about.
func (i Incident) Title() string {
	what := "errors"
	if len(i.Statuses) > 0 {
		what = statusWords(i.Statuses)
	}
	where := "of a gateway"
	switch n := len(i.Routes); {
	case n == 1:
		where = "on " + i.Routes[0]
	case n > 1:
		where = fmt.Sprintf("on %s and %d more", i.Routes[0], n-1)
	}
	return what + " " + where
}

// Duration is how long requests failed, until now for one that goes on.
func (i Incident) Duration(now time.Time) time.Duration {
	to := now
	if !i.Closed.IsZero() {
		to = i.Closed
	}
	return max(0, to.Sub(i.Began()))
}

// Began is when requests began to fail, or, where that is not known, when it was noticed.
func (i Incident) Began() time.Time {
	if i.Started.IsZero() {
		return i.Opened
	}
	return i.Started
}

func statusWords(statuses []int) string {
	const most = 3
	words := make([]string, 0, most)
	for _, s := range statuses[:min(most, len(statuses))] {
		if s == 0 {
			words = append(words, "no answer")
			continue
		}
		words = append(words, strconv.Itoa(s))
	}
	return strings.Join(words, ", ")
}
