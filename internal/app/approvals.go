package app

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/gatemend/gatemend/api/v1alpha1"
	"github.com/gatemend/gatemend/internal/approval"
	"github.com/gatemend/gatemend/internal/cli"
	"github.com/gatemend/gatemend/internal/source/kube"
)

// approvals is a desk whose errors say what to do about them.
type approvals struct{ desk approval.Desk }

// Incident implements [cli.Approvals].
func (a approvals) Incident(ctx context.Context, namespace, name string) (*v1alpha1.Incident, error) {
	i, err := a.desk.Incident(ctx, namespace, name)
	if apierrors.IsForbidden(err) {
		return nil, &cli.HintedError{Err: err, Hint: "it takes the role gatemend-approver, or 'view', in namespace " + namespace + " (config/rbac/approver.yaml)"}
	}
	return i, a.hinted(err)
}

// Decide implements [cli.Approvals].
func (a approvals) Decide(ctx context.Context, d approval.Decision) (approval.Given, error) {
	given, err := a.desk.Decide(ctx, d)
	return given, a.hinted(err)
}

// hinted adds to what is no answer of the API server what to do about it. What a desk's own errors say, the command knows.
func (a approvals) hinted(err error) error {
	if err == nil || errors.Is(err, approval.ErrNoIncident) || errors.Is(err, approval.ErrTooLate) || errors.Is(err, approval.ErrDenied) {
		return err
	}
	if access := kube.NoAccess(a.desk.Config.Host, err); access != nil {
		return hinted(access)
	}
	return err
}
