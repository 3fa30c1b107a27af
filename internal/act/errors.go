package act

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/gatemend/gatemend/internal/model"
)

// StaleError says that the world moved between planning and acting. Nothing was changed.
type StaleError struct {
	Object  model.Ref
	Planned string // the resource version or UID on which the change was planned; may be empty
	Found   string // the one that the object has now; empty if the object is gone
	Because string // what has moved
}

// Error says which object moved and how.
func (e *StaleError) Error() string {
	return fmt.Sprintf("%s has changed since the plan was made: %s (look again: it needs a new plan)", e.Object, e.Because)
}

// BlockedError says that a PodDisruptionBudget forbids an eviction for now. Nothing was changed.
type BlockedError struct {
	Pod    model.Ref
	Budget string // the budget's name, if the API server told it
	Words  string // the API server's words
}

// Error names the pod and the budget.
func (e *BlockedError) Error() string {
	if e.Budget == "" {
		return fmt.Sprintf("%s may not be evicted now: %s", e.Pod, e.Words)
	}
	return fmt.Sprintf("%s may not be evicted now, PodDisruptionBudget %q allows no disruption: %s (it will when more of its pods are ready: kubectl describe pdb %s%s)",
		e.Pod, e.Budget, e.Words, model.ShellWord(e.Budget), inNamespace(e.Pod))
}

// ForbiddenError says which right is lacking. Nothing was changed.
type ForbiddenError struct {
	Verb      string // patch, create, delete
	Resource  schema.GroupResource
	Namespace string // empty for cluster-scoped resources
	Words     string // the API server's words
}

// Error names the right and the rule that would give it.
func (e *ForbiddenError) Error() string {
	where := "in a ClusterRole"
	if e.Namespace != "" {
		where = fmt.Sprintf("in a Role in namespace %q", e.Namespace)
	}
	return fmt.Sprintf("may not %s %s: %s (to allow it, add %s: %s)", e.Verb, e.Resource, e.Words, where, e.Rule())
}

// Rule is the RBAC rule that would give the right, as YAML in one line.
func (e *ForbiddenError) Rule() string {
	return fmt.Sprintf("{apiGroups: [%q], resources: [%q], verbs: [%q]}", e.Resource.Group, e.Resource.Resource, e.Verb)
}

// RejectedError says that the API server, or an admission webhook, does not accept a change, now or
// ever. Nothing was changed.
type RejectedError struct {
	Object model.Ref
	Err    error // in the API server's words
}

// Error gives the API server's words, and what to do about them where that is known.
func (e *RejectedError) Error() string {
	text, next := e.Err.Error(), ""
	switch {
	case strings.Contains(text, "exceeded quota"):
		next = " (free some of the quota or raise it: kubectl describe quota" + inNamespace(e.Object) + ")"
	case strings.Contains(text, webhookSilent):
		next = " (mend the webhook, or have it ignore failures: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations)"
	case strings.Contains(text, "denied the request"), strings.Contains(text, "denied request"):
		next = " (whoever keeps that webhook or policy can say what it would let pass)"
	}
	return "the API server rejects it: " + text + next
}

// webhookSilent is how the API server says that an admission webhook did not answer, or not rightly. Nothing is stored
// then (kubernetes/apiserver, pkg/admission/plugin/webhook).
const webhookSilent = "failed calling webhook"

func inNamespace(r model.Ref) string {
	if r.Namespace == "" {
		return ""
	}
	return " -n " + model.ShellWord(r.Namespace)
}

// Unwrap gives the API server's error.
func (e *RejectedError) Unwrap() error { return e.Err }

// explain turns the API server's answer into an error that callers can act on.
func (a *Actor) explain(ctx context.Context, err error, c model.Change, verb string, r schema.GroupResource, api dynamic.ResourceInterface) error {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok {
		return err // no answer: whether the change was made is not known
	}
	switch {
	case apierrors.IsTooManyRequests(err) && c.Op == model.OpEvict:
		return &BlockedError{Pod: c.Target, Budget: budget(status.ErrStatus), Words: status.ErrStatus.Message}
	case apierrors.IsForbidden(err) && lacksRight(status.ErrStatus):
		return &ForbiddenError{Verb: verb, Resource: r, Namespace: c.Target.Namespace, Words: status.ErrStatus.Message}
	case apierrors.IsNotFound(err) && c.Op != model.OpCreate:
		return &StaleError{Object: c.Target, Planned: planned(c), Because: "it does not exist any more"}
	case apierrors.IsAlreadyExists(err):
		return &StaleError{Object: c.Target, Because: existsAgain}
	case apierrors.IsConflict(err), apierrors.IsInvalid(err):
		if stale := a.stale(ctx, c, status.ErrStatus, api); stale != nil {
			return stale
		}
	}
	if apierrors.IsInternalError(err) && strings.Contains(status.ErrStatus.Message, webhookSilent) {
		return &RejectedError{Object: c.Target, Err: err}
	}
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) || apierrors.IsConflict(err) {
		return &RejectedError{Object: c.Target, Err: err}
	}
	return err
}

// lacksRight tells a refusal of RBAC from one of an admission plugin, which is a 403 as well: the
// former says "cannot VERB resource".
func lacksRight(s metav1.Status) bool {
	return strings.Contains(s.Message, " cannot ") && strings.Contains(s.Message, " resource ")
}

func planned(c model.Change) string {
	if c.ResourceVersion != "" {
		return c.ResourceVersion
	}
	return c.UID
}
