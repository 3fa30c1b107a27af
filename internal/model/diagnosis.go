package model

import (
	"strings"
	"time"
)

// APIVersion and the kinds of gatemend's printed documents.
const (
	APIVersion    = "gatemend.dev/v1alpha1"
	KindDiagnosis = "Diagnosis"
	KindPlan      = "Plan"
)

// CauseID is a stable id of the catalogue, for example "target-port-mismatch".
type CauseID string

// Target is what somebody asked about: an object, a request, or (zero) everything.
type Target struct {
	Object  *Ref     `json:"object,omitempty"`
	Request *Request `json:"request,omitempty"`
}

// IsZero reports whether everything is asked about.
func (t Target) IsZero() bool { return t.Object == nil && t.Request == nil }

// Observation is what gateways reported of one route and one kind of failure.
type Observation struct {
	Route   string      `json:"route"` // host and path prefix of the rule, or what the log says
	Object  Ref         `json:"object"`
	Proxy   string      `json:"proxy"`
	Status  int         `json:"status"`
	Failure FailureKind `json:"failure"`
	Reason  string      `json:"reason,omitempty"`
	Count   int         `json:"count"`
	// Requests is how many requests the same route saw in the same time, successes included; 0: not known.
	Requests  int       `json:"requests,omitempty"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Upstreams []string  `json:"upstreams,omitempty"` // the addresses tried, most frequent first
	Samples   []Signal  `json:"samples,omitempty"`   // at most three
}

// Evidence is one fact that speaks for a cause, and where it was seen.
type Evidence struct {
	Kind   string    `json:"kind"` // object, event, proxy-log, app-log, status, model, change
	Text   string    `json:"text"`
	Object *Ref      `json:"object,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Source string    `json:"source,omitempty"` // file:line or pod/container of a log line
}

// Finding is a cause at an object, with the reasons to believe it.
type Finding struct {
	ID         CauseID    `json:"id"`
	Family     string     `json:"family"`
	Confidence float64    `json:"confidence"` // 0 to 1; see package diagnose for what the steps mean
	Object     FieldRef   `json:"object"`
	Summary    string     `json:"summary"` // one sentence with the names and values in it
	Evidence   []Evidence `json:"evidence"`
	// Explains lists what follows from it: routes that fail, findings that are only its symptoms.
	Explains []string  `json:"explains,omitempty"`
	Since    time.Time `json:"since,omitzero"` // zero: not known
	// Routes are the Ingresses or HTTPRoutes that fail because of it.
	Routes []Ref `json:"routes,omitempty"`
	// Related are other objects that a repair needs to know, by role ("workload", "service", "route").
	Related map[string]Ref `json:"related,omitempty"`
	// Wanted is the value that Object.Field should have, where the cause knows it, as JSON.
	Wanted string `json:"wanted,omitempty"`
}

// Workload is whose pods the finding is about: the workload that it names beside its object, else that itself.
func (f Finding) Workload() Ref {
	if w, ok := f.Related["workload"]; ok {
		return w
	}
	return f.Object.Ref
}

// RuledOut is a cause that was considered and is not it.
type RuledOut struct {
	ID      CauseID `json:"id"`
	Because string  `json:"because"`
}

// Unseen is something that could not be looked at, and why. While there are any that bear on the
// target, nothing may be called healthy.
type Unseen struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// Changed is something that changed in the cluster before or while requests failed.
type Changed struct {
	At     time.Time `json:"at"`
	Object Ref       `json:"object"`
	Field  string    `json:"field,omitempty"` // empty: the object as a whole
	Who    string    `json:"who,omitempty"`   // the field manager or component; empty: not known
	What   string    `json:"what"`            // one clause: "changed spec.selector", "revision 7 changed the image of container web"
	Old    string    `json:"old,omitempty"`   // where it is known
	New    string    `json:"new,omitempty"`
}

// String says who changed what: "kubectl-edit changed spec.replicas: 2 -> 0".
func (c Changed) String() string {
	text := c.What
	if c.Who != "" && !strings.HasPrefix(c.What, "revision ") {
		text = c.Who + " " + c.What
	} else if c.Who != "" {
		text += " (by " + c.Who + ")"
	}
	switch {
	case c.Old != "" && c.New != "":
		return text + ": " + c.Old + " -> " + c.New
	case c.New != "":
		return text + ": now " + c.New
	case c.Old != "":
		return text + ": was " + c.Old
	}
	return text
}

// Diagnosis is the answer to "why does this fail?".
type Diagnosis struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Target     Target        `json:"target"`
	At         time.Time     `json:"at"` // the snapshot's time
	Healthy    bool          `json:"healthy"`
	Traces     []Trace       `json:"traces"`
	Observed   []Observation `json:"observed"`
	Causes     []Finding     `json:"causes"`
	AlsoWrong  []Finding     `json:"alsoWrong"`
	RuledOut   []RuledOut    `json:"ruledOut"`
	Unknown    []Unseen      `json:"unknown"`
	Changes    []Changed     `json:"changes"` // around the onset, newest first; empty while nothing is wrong
	Remedies   []Remedy      `json:"remedies"`
	// Probes are the active checks that were made, if any were asked for.
	Probes []Probe `json:"probes,omitempty"`
}
