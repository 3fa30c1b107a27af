package model

import (
	"encoding/json"
	"time"
)

// Machine says how far a machine may go by default.
type Machine string

// The three levels of the catalogue.
const (
	MachineFix     Machine = "fix"     // reversible and local: may be automatic where policy allows
	MachinePropose Machine = "propose" // a plan and a patch; a person decides
	MachineAdvise  Machine = "advise"  // explain only
)

// Risk is what a change may break.
type Risk string

// The risks, least first.
const (
	RiskLow    Risk = "low"    // takes effect at once and is undone at once
	RiskMedium Risk = "medium" // replaces pods
	RiskHigh   Risk = "high"   // touches more than the failing route, or deletes
)

// Operation is what a change does to its target.
type Operation string

// The operations. All are carried out by package act alone.
const (
	OpPatch  Operation = "patch"  // set the fields in Fields
	OpCreate Operation = "create" // create Object
	OpEvict  Operation = "evict"  // evict the pod Target through the eviction API
	OpDelete Operation = "delete" // delete what OpCreate made; only ever an undo
)

// SubresourceResize is how the resources of a pod that runs are changed, which is then not replaced (Kubernetes
// documentation, "Resize CPU and Memory Resources assigned to Containers").
const SubresourceResize = "resize"

// FieldChange sets one field. Path is a JSON pointer (RFC 6901). A nil Old means that the field is
// absent before, a nil New that it is absent afterwards.
type FieldChange struct {
	Path string          `json:"path"`
	Old  json.RawMessage `json:"old,omitempty"`
	New  json.RawMessage `json:"new,omitempty"`
}

// Change is one write to one object, as data: it can be printed, stored, tried on a copy and refused.
type Change struct {
	Op     Operation `json:"op"`
	Target Ref       `json:"target"`
	// Subresource is through which part of the API a patch goes, empty for the object itself: [SubresourceResize].
	Subresource string `json:"subresource,omitempty"`
	// ResourceVersion is the version on which the change was planned; act refuses another one.
	ResourceVersion string `json:"resourceVersion,omitempty"`
	// UID is that very object, not another one of its name. A deletion is refused without it.
	UID    string          `json:"uid,omitempty"`
	Fields []FieldChange   `json:"fields,omitempty"`
	Object json.RawMessage `json:"object,omitempty"` // for OpCreate
	// Held are those who hold the fields of a patch before it, and get them back when it was taken back.
	Held []Holding `json:"held,omitempty"`
}

// Holding is an entry of metadata.managedFields, as far as it is about the fields of a change.
type Holding struct {
	Manager     string          `json:"manager"`
	Operation   string          `json:"operation"`
	APIVersion  string          `json:"apiVersion"`
	Subresource string          `json:"subresource,omitempty"`
	At          time.Time       `json:"at,omitzero"`
	Fields      json.RawMessage `json:"fields"` // in the form of FieldsV1
}

// Inverse is the change that takes c back. An eviction has none: ok is false.
func (c Change) Inverse() (inverse Change, ok bool) {
	switch c.Op {
	case OpPatch:
		inverse = Change{Op: OpPatch, Target: c.Target, Subresource: c.Subresource, UID: c.UID, Held: c.Held}
		for i := len(c.Fields) - 1; i >= 0; i-- {
			f := c.Fields[i]
			inverse.Fields = append(inverse.Fields, FieldChange{Path: f.Path, Old: f.New, New: f.Old})
		}
		return inverse, true
	case OpCreate:
		return Change{Op: OpDelete, Target: c.Target}, true
	default:
		return Change{}, false
	}
}

// Remedy is a candidate repair as a diagnosis shows it.
type Remedy struct {
	Action   string   `json:"action"`          // the action's name: patch-service, rollback, ...
	Cause    CauseID  `json:"cause"`           // the finding that it mends
	Summary  string   `json:"summary"`         // "targetPort 8080 -> 9090 on Service shop/cart"
	Risk     Risk     `json:"risk"`            //
	Changes  []Change `json:"changes"`         // in the order in which they are made
	Change   Change   `json:"change"`          // the first of Changes: the one that mends
	Predicts string   `json:"predicts"`        // the failing request's outcome afterwards, from the what-if
	Kubectl  string   `json:"kubectl"`         // the same as one command, for a person
	Undo     []Change `json:"undo"`            // in the order in which they are made
	Machine  Machine  `json:"machine"`         //
	Why      string   `json:"why,omitempty"`   // what the chosen value was taken from
	Proof    Proof    `json:"proof,omitempty"` // how it will be known that it helped
	// Touches is what the change reaches at most: its blast radius, in words.
	Touches string `json:"touches,omitempty"`
}

// Proof says how it will be known that a change helped.
type Proof string

// The proofs.
const (
	ProofTraffic Proof = "traffic" // errors stop on the route's real traffic
	// ProofRollout is for races: errors are only due while pods are replaced, so the proof is one
	// rollout without errors.
	ProofRollout Proof = "rollout"
)

// Plan is a remedy chosen for a diagnosis.
type Plan struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Finding    Finding `json:"finding"`
	Remedy     Remedy  `json:"remedy"`
	// Faults are set where several stand in a row on the same routes, so that no repair of one alone helps. Finding is then that
	// of the first one, and Remedy has the changes of all.
	Faults []Fault `json:"faults,omitempty"`
	Diff   string  `json:"diff"` // unified, YAML
	// Before and After are the walks of every route that the change touches, on the snapshot and on the what-if.
	Before []Trace `json:"before"`
	After  []Trace `json:"after"`
	// Mends are the indexes, in Before and After, of the routes that fail because of the finding.
	Mends []int `json:"mends,omitempty"`
	// Refused lists other candidates and why they were not taken.
	Refused []Refusal `json:"refused,omitempty"`
	// Guards lists what forbids carrying the plan out without a person, or at all.
	Guards []GuardResult `json:"guards,omitempty"`
	// Basis is what the plan was made on, for each object that it changes. A saved plan is not carried out on
	// objects that have changed since.
	Basis []Basis `json:"basis,omitempty"`
	// Policy is what people's policies let be done with it, if there are any.
	Policy *PolicyDecision `json:"policy,omitempty"`
	// Owners are who keeps the objects that are changed, or the fields, as a source of their own says.
	Owners []Owner `json:"owners,omitempty"`
	// Managers are who wrote the fields last.
	Managers []FieldManager `json:"managers,omitempty"`
	// Proposals are ready changes of the owners' sources, in place of a live edit that they would take back.
	Proposals []Proposal `json:"proposals,omitempty"`
}

// Basis is an object as a plan found it.
type Basis struct {
	Object Ref `json:"object"`
	// Absent: there was none, and the plan creates it.
	Absent          bool   `json:"absent,omitempty"`
	UID             string `json:"uid,omitempty"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
	// Digest is that of all that people and programs write, without the status, which changes all the time.
	Digest string `json:"digest,omitempty"`
}

// Refusal is a candidate that was not taken, and why.
type Refusal struct {
	Action string `json:"action"`
	// Rule is the id of the rule that refuses it, as the catalogue lists them; empty in what was saved before rules had ids.
	Rule    string `json:"rule,omitempty"`
	Because string `json:"because"`
}

// String reads "rollback: disruption-budget: ...".
func (r Refusal) String() string {
	if r.Rule == "" {
		return r.Action + ": " + r.Because
	}
	return r.Action + ": " + r.Rule + ": " + r.Because
}

// GuardResult is a guard that objects to a plan.
type GuardResult struct {
	Guard string `json:"guard"`
	// Absolute guards are not lifted by a person's yes.
	Absolute bool   `json:"absolute,omitempty"`
	Because  string `json:"because"`
}
