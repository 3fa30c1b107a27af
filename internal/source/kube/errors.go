package kube

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/gatemend/gatemend/internal/model"
)

// The reasons for which a cluster cannot be looked at.
var (
	// ErrUnreachable means that the API server did not answer.
	ErrUnreachable = errors.New("the API server did not answer")
	// ErrUnauthorized means that the API server does not know who is asking.
	ErrUnauthorized = errors.New("the API server does not accept the credentials")
	// ErrForbidden means that the API server lets the user read nothing that gatemend needs.
	ErrForbidden = errors.New("the API server lets this user read nothing that is needed")
)

// AccessError says that a cluster could not be looked at, and what a person may do about it. It
// is one of [ErrUnreachable], [ErrUnauthorized] and [ErrForbidden].
type AccessError struct {
	Server string // its address
	Case   error  // one of the three
	Err    error  // in the words of the network or the API server
}

// Error says which server and why.
func (e *AccessError) Error() string {
	return fmt.Sprintf("read cluster at %s: %v: %v", e.Server, e.Case, e.Err)
}

// Unwrap lets errors.Is see the case and the cause.
func (e *AccessError) Unwrap() []error { return []error{e.Case, e.Err} }

// Hint is one sentence on what to do next.
func (e *AccessError) Hint() string {
	switch {
	case errors.Is(e.Case, ErrUnauthorized):
		return "log in again, or choose another user with --context or --kubeconfig; 'kubectl auth whoami' shows who you are"
	case errors.Is(e.Case, ErrForbidden):
		return "ask for the ClusterRole " + model.ReaderRole + " (config/rbac/reader.yaml), or name a namespace that you may read with -n"
	default:
		return "check the address, the network and any VPN; 'kubectl cluster-info' should answer, or choose another cluster with --context"
	}
}

// accessError sorts the error of a call that needs no rights of its own.
func accessError(server string, err error) *AccessError {
	switch {
	case apierrors.IsUnauthorized(err):
		return &AccessError{server, ErrUnauthorized, err}
	case apierrors.IsForbidden(err):
		return &AccessError{server, ErrForbidden, err}
	default:
		return &AccessError{server, ErrUnreachable, err}
	}
}

// NoAccess says of an error of a call that the API server did not answer it, or does not know who asks; nil: neither is so.
func NoAccess(server string, err error) *AccessError {
	if answered(err) && !apierrors.IsUnauthorized(err) {
		return nil
	}
	return accessError(server, err)
}

// answered reports whether an error is an answer of the API server, not the lack of one.
func answered(err error) bool {
	_, ok := errors.AsType[*apierrors.StatusError](err)
	return ok
}
