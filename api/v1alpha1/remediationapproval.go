package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RemediationApproval is a person's yes or no to one plan of one incident. Who may create one in a namespace may
// decide on what is changed in that namespace. It is never changed: another decision is another object.
//
// The ValidatingAdmissionPolicy gatemend-approvals has the API server refuse a spec.user that is not the user who
// creates it. The controller takes no approval that was made while that policy was not in force.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Namespaced,categories=gatemend,shortName=rapproval
// +kubebuilder:printcolumn:name="Incident",type=string,JSONPath=`.spec.incident.name`
// +kubebuilder:printcolumn:name="Plan",type=string,JSONPath=`.spec.plan`
// +kubebuilder:printcolumn:name="Decision",type=string,JSONPath=`.spec.decision`
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.spec.user`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RemediationApproval struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a decision cannot be changed; create another RemediationApproval"
	Spec RemediationApprovalSpec `json:"spec"`
}

// AnnotationThrough says how an approval was given, such as slack. It is for those who read the record: anybody who may
// create the approval may write it.
const AnnotationThrough = Group + "/through"

// RemediationApprovalList is a list of approvals.
//
// +kubebuilder:object:root=true
type RemediationApprovalList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []RemediationApproval `json:"items"`
}

// RemediationApprovalSpec is what was decided, and by whom.
type RemediationApprovalSpec struct {
	// Incident is what the decision is about.
	Incident IncidentReference `json:"incident"`
	// Plan is the id of the plan that was looked at, as the incident's status.plan.id names it: a yes to one plan is
	// none to another.
	// +kubebuilder:validation:MinLength=8
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[0-9a-f]+$`
	Plan     string   `json:"plan"`
	Decision Decision `json:"decision"`
	// User is who decides: the name by which the API server knows the one who creates this object.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	User string `json:"user"`
	// Reason is for those who read the record.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
}

// IncidentReference names an incident.
type IncidentReference struct {
	// Namespace is the incident's; default that of the approval. They differ where an incident's plan changes objects
	// of several namespaces: then it takes a yes in each of them.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// Decision is a person's answer.
// +kubebuilder:validation:Enum=Approve;Reject
type Decision string

// The decisions.
const (
	Approve Decision = "Approve"
	Reject  Decision = "Reject"
)
