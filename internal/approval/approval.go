// Package approval makes RemediationApprovals: a person's yes or no to a plan of gatemend's controller, as 'gatemend
// approve' and the buttons of a notification give it.
//
// It can forge nobody's: the API server refuses an approval whose spec.user is not who creates it
// (config/admission/approvals.yaml). For somebody who clicked a button the controller creates it in that user's name, by
// impersonation, so that the API server decides as if the user had asked for it itself.
package approval

import (
	"context"
	"errors"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/gatemend/gatemend/api/v1alpha1"
)

// Decision is what is to be decided.
type Decision struct {
	// Namespace and Incident name the incident.
	Namespace, Incident string
	// Plan is the id of the plan that was looked at: if it is not the one that waits, nothing is decided.
	Plan    string
	Answer  v1alpha1.Decision
	Reason  string
	Through string // as v1alpha1.AnnotationThrough tells it; empty: it does not
	// As is the user in whose name it is decided, by impersonation; empty: who the clients are.
	As string
}

// Given says where an approval was created, and where the user may not create one.
type Given struct {
	User   string
	In     []string
	Denied []string
}

// The errors that callers tell apart.
var (
	ErrNoIncident = errors.New("there is no such incident")
	// ErrTooLate says that the plan waits for no answer, or no longer.
	ErrTooLate = errors.New("this plan waits for no answer")
	// ErrDenied says that the user may create no approval in any of the plan's namespaces.
	ErrDenied = errors.New("no right to decide")
)

// Desk makes approvals in one cluster.
type Desk struct{ Config *rest.Config }

// Incident reads an incident.
func (d Desk) Incident(ctx context.Context, namespace, name string) (*v1alpha1.Incident, error) {
	client, err := dynamic.NewForConfig(d.Config)
	if err != nil {
		return nil, fmt.Errorf("read incident: %w", err)
	}
	o, err := client.Resource(v1alpha1.GroupVersion().WithResource("incidents")).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%w: %s/%s", ErrNoIncident, namespace, name)
	case err != nil:
		return nil, fmt.Errorf("read incident: %w", err)
	}
	var i v1alpha1.Incident
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &i); err != nil {
		return nil, fmt.Errorf("read incident %s/%s: %w", namespace, name, err)
	}
	return &i, nil
}

// Waiting reports whether a plan of an incident waits for an answer.
func Waiting(i *v1alpha1.Incident, plan string) bool {
	return i.Status.Phase == v1alpha1.PhaseAwaitingApproval && i.Status.Plan != nil && i.Status.Plan.ID == plan && plan != ""
}

// Decide creates the approval in each of the namespaces that the plan changes. Where the user may in some of them only, it
// counts there, and somebody else must decide in the others.
func (d Desk) Decide(ctx context.Context, decision Decision) (Given, error) {
	i, err := d.Incident(ctx, decision.Namespace, decision.Incident)
	if err != nil {
		return Given{}, err
	}
	if !Waiting(i, decision.Plan) {
		return Given{}, fmt.Errorf("%w: incident %s/%s is %s", ErrTooLate, i.Namespace, i.Name, i.Status.Phase)
	}
	user := rest.CopyConfig(d.Config)
	if decision.As != "" {
		user.Impersonate = rest.ImpersonationConfig{UserName: decision.As}
	}
	given := Given{User: decision.As}
	if given.User == "" {
		if given.User, err = whoAmI(ctx, user); err != nil {
			return given, err
		}
	}
	client, err := dynamic.NewForConfig(user)
	if err != nil {
		return given, fmt.Errorf("create approval: %w", err)
	}
	approvals := client.Resource(v1alpha1.GroupVersion().WithResource("remediationapprovals"))
	var denied error
	for _, ns := range i.Status.Plan.ApprovalNamespaces {
		o, err := objectOf(decision, given.User, ns)
		if err != nil {
			return given, err
		}
		_, err = approvals.Namespace(ns).Create(ctx, o, metav1.CreateOptions{FieldManager: "gatemend"})
		switch {
		case apierrors.IsForbidden(err):
			given.Denied, denied = append(given.Denied, ns), err
		case err != nil:
			return given, fmt.Errorf("create approval in namespace %s: %w", ns, err)
		default:
			given.In = append(given.In, ns)
		}
	}
	if len(given.In) == 0 {
		return given, fmt.Errorf("%w: %w", ErrDenied, denied)
	}
	return given, nil
}

// whoAmI asks the API server by which name it knows a client.
func whoAmI(ctx context.Context, config *rest.Config) (string, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", fmt.Errorf("ask who you are: %w", err)
	}
	review, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("ask the API server who you are: %w", err)
	}
	return review.Status.UserInfo.Username, nil
}

// objectOf is the RemediationApproval of a decision in a namespace.
func objectOf(d Decision, user, namespace string) (*unstructured.Unstructured, error) {
	const mostName = 200
	a := v1alpha1.RemediationApproval{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.KindRemediationApproval},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: d.Incident[:min(len(d.Incident), mostName)] + "-"},
		Spec: v1alpha1.RemediationApprovalSpec{
			Incident: v1alpha1.IncidentReference{Namespace: d.Namespace, Name: d.Incident}, Plan: d.Plan, Decision: d.Answer, User: user, Reason: d.Reason,
		},
	}
	if d.Through != "" {
		a.Annotations = map[string]string{v1alpha1.AnnotationThrough: d.Through}
	}
	o, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&a)
	if err != nil {
		return nil, fmt.Errorf("encode approval: %w", err)
	}
	return &unstructured.Unstructured{Object: o}, nil
}
