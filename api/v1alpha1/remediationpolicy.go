package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// RemediationPolicy says what gatemend may repair, where, when, how often, and who must agree.
//
// Several policies hold at once. Of each policy that is about an object, the first rule that matches decides
// its mode; of all these modes the strictest counts. Windows, freezes and limits of every such policy hold; default
// limits and the opt-in of namespaces come with a policy of which a rule decides. What no rule matches is only
// proposed.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=gatemend,shortName=rpolicy
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RemediationPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec RemediationPolicySpec `json:"spec"`
	// +optional
	Status RemediationPolicyStatus `json:"status,omitempty"`
}

// RemediationPolicyList is a list of policies.
//
// +kubebuilder:object:root=true
type RemediationPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []RemediationPolicy `json:"items"`
}

// ConditionReady says whether the policy as it is written is in force.
const ConditionReady = "Ready"

// RemediationPolicyStatus says whether a policy is in force. Its parts are written by the controller.
type RemediationPolicyStatus struct {
	// Conditions has Ready: False where the policy cannot be read, with the field and what is wrong with it.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// ObservedGeneration is the generation that was looked at last.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// InForce is the last version that could be read. It holds while a newer one cannot.
	// +optional
	InForce *PolicyVersion `json:"inForce,omitempty"`
}

// PolicyVersion is a policy as it was at one generation.
type PolicyVersion struct {
	Generation int64 `json:"generation"`
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:XPreserveUnknownFields
	Spec RemediationPolicySpec `json:"spec"`
}

// RemediationPolicySpec is what a policy says.
type RemediationPolicySpec struct {
	// Match says what the policy is about; empty: everything.
	// +optional
	Match Match `json:"match,omitempty"`
	// Rules are asked in order; the first that matches decides.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=256
	Rules []Rule `json:"rules,omitempty"`
	// Limits bound how often and how much is done.
	// +optional
	Limits Limits `json:"limits,omitempty"`
	// Windows are the times in which gatemend may act without asking; empty: always. Outside of them
	// automatic becomes a question to a person.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Windows []Window `json:"windows,omitempty"`
	// Freezes are times in which nothing is changed, only proposed.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Freezes []Freeze `json:"freezes,omitempty"`
	// NamespaceOptIn says whether gatemend acts without asking only in namespaces with the label
	// gatemend.dev/remediation=enabled. Default Required. A namespace with =disabled is never changed.
	// +optional
	// +kubebuilder:validation:Enum=Required;NotRequired
	NamespaceOptIn NamespaceOptIn `json:"namespaceOptIn,omitempty"`
}

// Mode is how far gatemend may go by itself.
// +kubebuilder:validation:Enum=off;propose;approve;auto
type Mode string

// The modes, strictest first. YAML 1.1 reads a bare off as false: write "off" where such tools read it.
const (
	ModeOff     Mode = "off"     // nothing is done, and nobody is asked to
	ModePropose Mode = "propose" // the plan is shown; a person carries it out
	ModeApprove Mode = "approve" // carried out after a person's yes
	ModeAuto    Mode = "auto"    // carried out
)

// NamespaceOptIn says whether namespaces must opt in.
type NamespaceOptIn string

// The values of NamespaceOptIn.
const (
	OptInRequired    NamespaceOptIn = "Required"
	OptInNotRequired NamespaceOptIn = "NotRequired"
)

// RemediationLabel is the label by which a namespace opts in or out, with the values below it.
const (
	RemediationLabel    = "gatemend.dev/remediation"
	RemediationEnabled  = "enabled"
	RemediationDisabled = "disabled"
)

// Rule gives repairs that match it a mode.
type Rule struct {
	// Name is unique in the policy; refusals name it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Match says which repairs; empty: all.
	// +optional
	Match Match `json:"match,omitempty"`
	Mode  Mode  `json:"mode"`
	// MinConfidencePercent is how certain the cause must be, from 90, which always holds, to 100.
	// +optional
	// +kubebuilder:validation:Minimum=90
	// +kubebuilder:validation:Maximum=100
	MinConfidencePercent *int32 `json:"minConfidencePercent,omitempty"`
	// MaxUnavailable is how many ready pods of a workload a repair may take away at once, as a number or as a
	// share of its ready pods, rounded up. Default 25%.
	// +optional
	// +kubebuilder:validation:XIntOrString
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// AllowOwners are tools whose objects may be edited in place though the tool may revert it: argo-cd, flux,
	// helm, kustomize, operator.
	// +optional
	// +listType=set
	// +kubebuilder:validation:items:Enum=argo-cd;flux;helm;kustomize;operator
	AllowOwners []string `json:"allowOwners,omitempty"`
}

// Match selects repairs. All fields that are set must match.
type Match struct {
	// Namespaces are names or patterns with * of the namespace of the object to be changed.
	// +optional
	Namespaces []string `json:"namespaces,omitempty"`
	// NamespaceSelector selects by the labels of that namespace.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// ObjectSelector selects by the labels of the object to be changed.
	// +optional
	ObjectSelector *metav1.LabelSelector `json:"objectSelector,omitempty"`
	// Causes are ids of the catalogue ('gatemend explain' lists them).
	// +optional
	Causes []string `json:"causes,omitempty"`
	// Actions are names of repairs, such as patch-service or rollback.
	// +optional
	Actions []string `json:"actions,omitempty"`
	// +kubebuilder:validation:MaxLength=4096
	// Expression is a CEL expression that gives a bool. Its variables are cause, family, confidence, action,
	// risk, machine, kind, namespace, name, labels, annotations, namespaceLabels, owners and fields.
	// +optional
	Expression string `json:"expression,omitempty"`
}

// Limits bound how often gatemend acts. A field that is not set means its default.
type Limits struct {
	// +optional
	ActionsPerHour ActionsPerHour `json:"actionsPerHour,omitempty"`
	// Cooldown is how long an object is left alone after it was changed; default 10m.
	// +optional
	Cooldown *metav1.Duration `json:"cooldown,omitempty"`
	// Storm is the brake for many incidents at once.
	// +optional
	Storm *Storm `json:"storm,omitempty"`
}

// ActionsPerHour counts changes that were begun in the last hour, undoing not included.
type ActionsPerHour struct {
	// Object is how many changes of one object; evicted pods count for their workload. Default 2.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	Object *int32 `json:"object,omitempty"`
	// Namespace is how many changes in one namespace; default 10.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	Namespace *int32 `json:"namespace,omitempty"`
	// Cluster is how many changes in all; default 20.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	Cluster *int32 `json:"cluster,omitempty"`
}

// Storm stops acting when so much fails at once that it most likely has one cause elsewhere.
type Storm struct {
	// Incidents is how many different ones are too many; default 5.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	Incidents *int32 `json:"incidents,omitempty"`
	// Within is the time in which they are counted; default 10m.
	// +optional
	Within *metav1.Duration `json:"within,omitempty"`
}

// Window is a time of the week.
type Window struct {
	// Days are Mon, Tue, Wed, Thu, Fri, Sat, Sun; empty: every day. A window over midnight belongs to the day
	// on which it begins.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=7
	// +kubebuilder:validation:items:Enum=Mon;Tue;Wed;Thu;Fri;Sat;Sun
	Days []string `json:"days,omitempty"`
	// From and To are times of the day, such as 09:00. Where To is not after From the window ends on the next
	// day.
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	From string `json:"from"`
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$`
	To string `json:"to"`
	// TimeZone is a name of the IANA time zone database; default UTC.
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
}

// Freeze is a time in which nothing is changed.
// +kubebuilder:validation:XValidation:rule="self.from < self.to",message="a freeze must end after it begins"
type Freeze struct {
	From metav1.Time `json:"from"`
	To   metav1.Time `json:"to"`
	// Reason is shown with every refusal.
	// +optional
	Reason string `json:"reason,omitempty"`
}
