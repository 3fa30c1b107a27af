package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Incident is a route that fails: what was seen, why it fails, what is done about it, who decided that, and how it
// ended. gatemend's controller makes one for each route that begins to fail, and its status is the controller's
// memory: whoever leads next goes on from it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,categories=gatemend,shortName=inc
// +kubebuilder:printcolumn:name="Route",type=string,JSONPath=`.spec.route`
// +kubebuilder:printcolumn:name="Cause",type=string,JSONPath=`.status.diagnosis.cause`
// +kubebuilder:printcolumn:name="Object",type=string,JSONPath=`.status.diagnosis.where`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.observed.statuses[0]`,priority=1
// +kubebuilder:printcolumn:name="Errors",type=integer,JSONPath=`.status.observed.errors`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Plan",type=string,JSONPath=`.status.plan.summary`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.message`,priority=1
type Incident struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="what failed, and since when, is a fact that does not change"
	Spec IncidentSpec `json:"spec"`
	// +optional
	Status IncidentStatus `json:"status,omitempty"`
}

// IncidentList is a list of incidents.
//
// +kubebuilder:object:root=true
type IncidentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Incident `json:"items"`
}

// IncidentSpec says what fails.
type IncidentSpec struct {
	// Route is the host and path of the requests that fail.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Route string `json:"route"`
	// Object is the Ingress, HTTPRoute or the like that has the route; missing where none has.
	// +optional
	Object *ObjectReference `json:"object,omitempty"`
	// Since is the time of the first request that failed.
	Since metav1.MicroTime `json:"since"`
}

// ObjectReference names an object of the cluster.
type ObjectReference struct {
	// +kubebuilder:validation:MaxLength=253
	APIVersion string `json:"apiVersion"`
	// +kubebuilder:validation:MaxLength=253
	Kind string `json:"kind"`
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// Phase says where an incident stands.
// +kubebuilder:validation:Enum=Detected;Diagnosed;Proposed;AwaitingApproval;Mending;Verifying;Resolved;Undone;Escalated
type Phase string

// The phases.
const (
	PhaseDetected         Phase = "Detected"         // requests fail; why is not known yet
	PhaseDiagnosed        Phase = "Diagnosed"        // the cause is known
	PhaseProposed         Phase = "Proposed"         // a plan is shown; a person carries it out
	PhaseAwaitingApproval Phase = "AwaitingApproval" // a plan is carried out once a RemediationApproval says so
	PhaseMending          Phase = "Mending"          // changes are being made, or taken back
	PhaseVerifying        Phase = "Verifying"        // changes were made; do the errors stop?
	PhaseResolved         Phase = "Resolved"         // requests do not fail any more
	PhaseUndone           Phase = "Undone"           // what was tried did not help and was taken back; requests still fail
	PhaseEscalated        Phase = "Escalated"        // a person must look
)

// The types of an incident's conditions.
const (
	ConditionDiagnosed = "Diagnosed" // the cause is known
	ConditionApproved  = "Approved"  // a rule or a person lets the plan be carried out
	ConditionMended    = "Mended"    // what was changed helped
	ConditionResolved  = "Resolved"  // requests do not fail any more
)

// IncidentStatus is all that happened.
type IncidentStatus struct {
	// +optional
	Phase Phase `json:"phase,omitempty"`
	// Message says in one sentence what is being done, or what is to be done by a person.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Message string `json:"message,omitempty"`
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// +optional
	Observed *Observed `json:"observed,omitempty"`
	// +optional
	Diagnosis *Diagnosis `json:"diagnosis,omitempty"`
	// Plan is the one that is being carried out, or the last one.
	// +optional
	Plan *Plan `json:"plan,omitempty"`
	// Decisions are what rules and people said, oldest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Decisions []DecisionRecord `json:"decisions,omitempty"`
	// Actions are the changes that were made, oldest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2048
	Actions []ActionRecord `json:"actions,omitempty"`
	// Timeline is what happened in words, oldest first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	Timeline []TimelineEntry `json:"timeline,omitempty"`
	// Attempts is how many times a repair was begun.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// Journal is the record of the repair by which whoever leads goes on, written before and after every step. It is
	// for the controller; Timeline tells the same to people.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=4096
	Journal []JournalEntry `json:"journal,omitempty"`
	// +optional
	DetectedAt *metav1.MicroTime `json:"detectedAt,omitempty"`
	// +optional
	DiagnosedAt *metav1.MicroTime `json:"diagnosedAt,omitempty"`
	// +optional
	ResolvedAt *metav1.MicroTime `json:"resolvedAt,omitempty"`
}

// Observed counts the requests of the incident's routes since it began.
type Observed struct {
	Requests int64 `json:"requests"`
	Errors   int64 `json:"errors"`
	// LastError is when the last request failed.
	// +optional
	LastError *metav1.MicroTime `json:"lastError,omitempty"`
	// Kind is outage, partial, slow-burn or vanished.
	// +optional
	Kind string `json:"kind,omitempty"`
	// Statuses are those with which requests failed, the most frequent one first; 0: no answer was sent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Statuses []int32 `json:"statuses,omitempty"`
	// Routes are further routes that began to fail with the incident's own, most likely for the same cause, those with most
	// errors first. Their requests are counted, too, also of those that found no room here.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=2048
	Routes []string `json:"routes,omitempty"`
}

// Diagnosis is why requests fail.
type Diagnosis struct {
	// Cause is an id of the catalogue; 'gatemend explain' explains it.
	Cause string `json:"cause"`
	// +optional
	Family string `json:"family,omitempty"`
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	ConfidencePercent int32 `json:"confidencePercent"`
	// Where is the object, for people.
	Where  string          `json:"where"`
	Object ObjectReference `json:"object"`
	// Field is the part of the object, such as spec.ports[0].targetPort.
	// +optional
	Field   string `json:"field,omitempty"`
	Summary string `json:"summary"`
	// Evidence are the facts that speak for it.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Evidence []string `json:"evidence,omitempty"`
}

// Plan is the change that is to mend it.
type Plan struct {
	// ID names this very plan; a RemediationApproval names it.
	ID      string `json:"id"`
	Action  string `json:"action"`
	Summary string `json:"summary"`
	// Risk is low, medium or high.
	Risk string `json:"risk"`
	// Diff is the change as a unified diff of YAML.
	// +optional
	Diff string `json:"diff,omitempty"`
	// Kubectl is the same as a command.
	// +optional
	Kubectl string `json:"kubectl,omitempty"`
	// ApprovalNamespaces are those in which a RemediationApproval must be created before the plan is carried out.
	// +optional
	// +listType=atomic
	ApprovalNamespaces []string `json:"approvalNamespaces,omitempty"`
}

// DecisionRecord is what a rule or a person said of a plan.
type DecisionRecord struct {
	At   metav1.MicroTime `json:"at"`
	Plan string           `json:"plan"`
	// Verdict is allow, approve (a person must agree), propose or refuse of a rule; Approve or Reject of a person.
	Verdict string `json:"verdict"`
	// Rule is the rule that decided, as POLICY/RULE; empty for a person.
	// +optional
	Rule string `json:"rule,omitempty"`
	// User is the person who decided; empty for a rule.
	// +optional
	User string `json:"user,omitempty"`
	// Through is how the person said it, such as kubectl or slack, as the approval's annotation gatemend.dev/through says.
	// +optional
	Through string `json:"through,omitempty"`
	// Because names the rule, or is the person's reason.
	// +optional
	Because string `json:"because,omitempty"`
}

// ActionRecord is one change.
type ActionRecord struct {
	At metav1.MicroTime `json:"at"`
	// Action is that of the plan, such as patch-service.
	// +optional
	Action string `json:"action,omitempty"`
	// Operation is patch, create, evict or delete.
	Operation string          `json:"operation"`
	Object    ObjectReference `json:"object"`
	// +optional
	// +listType=atomic
	Fields []FieldChange `json:"fields,omitempty"`
	// Result is Begun, Applied, NotApplied, InDoubt, Undoing, Undone or NotUndone.
	Result string `json:"result"`
	// +optional
	Because string `json:"because,omitempty"`
}

// FieldChange is one field before and after, as JSON; empty: it was, or is, not there.
type FieldChange struct {
	// Path is a JSON pointer.
	Path string `json:"path"`
	// +optional
	Before string `json:"before,omitempty"`
	// +optional
	After string `json:"after,omitempty"`
}

// TimelineEntry is one thing that happened.
type TimelineEntry struct {
	At metav1.MicroTime `json:"at"`
	// What is the kind of event, such as detected, diagnosed, planned, applied, mended.
	What string `json:"what"`
	Text string `json:"text"`
}

// JournalEntry is one recorded step of a repair.
type JournalEntry struct {
	At metav1.MicroTime `json:"at"`
	// Attempt is the number of the repair, from 1.
	Attempt int32  `json:"attempt"`
	Kind    string `json:"kind"`
	// +optional
	Index int32 `json:"index,omitempty"`
	// +optional
	OK bool `json:"ok,omitempty"`
	// +optional
	UID string `json:"uid,omitempty"`
	// +optional
	Outcome string `json:"outcome,omitempty"`
	// +optional
	Because string `json:"because,omitempty"`
	// Data holds what only the controller reads: the whole plan, the target, the judgement.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	Data *runtime.RawExtension `json:"data,omitempty"`
}
