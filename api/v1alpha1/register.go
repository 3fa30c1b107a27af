package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Group and Version name the API.
const (
	Group      = "gatemend.dev"
	Version    = "v1alpha1"
	APIVersion = Group + "/" + Version
)

// The kinds of the group.
const (
	KindIncident            = "Incident"
	KindRemediationPolicy   = "RemediationPolicy"
	KindRemediationApproval = "RemediationApproval"
)

// GroupVersion is the group and version of all kinds in this package.
func GroupVersion() schema.GroupVersion { return schema.GroupVersion{Group: Group, Version: Version} }

// AddToScheme makes the kinds of this package known to a scheme.
func AddToScheme(s *runtime.Scheme) error {
	gv := GroupVersion()
	s.AddKnownTypes(gv,
		&Incident{}, &IncidentList{},
		&RemediationPolicy{}, &RemediationPolicyList{},
		&RemediationApproval{}, &RemediationApprovalList{},
	)
	metav1.AddToGroupVersion(s, gv)
	return nil
}
