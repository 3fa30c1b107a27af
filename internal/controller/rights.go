package controller

import (
	"context"
	"fmt"
	"slices"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/gatemend/gatemend/internal/act"
	"github.com/gatemend/gatemend/internal/mend"
	"github.com/gatemend/gatemend/internal/model"
)

// rights asks the API server what this controller may do. Roles are bound for each action and namespace (config/rbac), so
// that what a plan needs may be lacking: then the plan is a proposal.
type rights struct {
	client client.Client
	mapper meta.RESTMapper
}

// lacking names the first right that a plan needs, its undo included, and that this controller does not have; empty: it has
// all.
func (r rights) lacking(ctx context.Context, p model.Plan) (string, error) {
	for _, f := range p.Each() {
		for _, c := range slices.Concat(f.Remedy.Changes, f.Remedy.Undo) {
			lacks, err := r.lacks(ctx, c)
			if err != nil {
				return "", err
			}
			if lacks != "" {
				return fmt.Sprintf("rights: gatemend has no right to %s: bind role gatemend-action-%s there (config/rbac/actions.yaml), or carry the plan out by hand", lacks, f.Remedy.Action), nil
			}
		}
	}
	return "", nil
}

func (r rights) lacks(ctx context.Context, c model.Change) (string, error) {
	what, err := r.needed(c)
	if err != nil {
		return "", err
	}
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &what}}
	if err := r.client.Create(ctx, review); err != nil {
		return "", fmt.Errorf("ask what gatemend may do: %w", err)
	}
	if review.Status.Allowed {
		return "", nil
	}
	resource := what.Resource
	if what.Subresource != "" {
		resource += "/" + what.Subresource
	}
	where := ""
	if what.Namespace != "" {
		where = " in namespace " + what.Namespace
	}
	return what.Verb + " " + resource + where, nil
}

// needed is the right that a change needs.
func (r rights) needed(c model.Change) (authorizationv1.ResourceAttributes, error) {
	version, err := schema.ParseGroupVersion(c.Target.APIVersion)
	if err != nil {
		return authorizationv1.ResourceAttributes{}, fmt.Errorf("API version of %s: %w", c.Target, err)
	}
	mapping, err := r.mapper.RESTMapping(version.WithKind(c.Target.Kind).GroupKind(), version.Version)
	if err != nil {
		return authorizationv1.ResourceAttributes{}, fmt.Errorf("resource of %s: %w", c.Target, err)
	}
	what := authorizationv1.ResourceAttributes{
		Namespace: c.Target.Namespace, Name: c.Target.Name, Group: version.Group, Resource: mapping.Resource.Resource, Subresource: c.Subresource, Verb: string(c.Op),
	}
	switch c.Op {
	case model.OpEvict:
		what.Verb, what.Subresource = "create", "eviction"
	case model.OpCreate:
		what.Name = "" // the API server is not told the name of what is created when it authorizes that
	default:
	}
	return what, nil
}

// rightful is an actor that rehearses nothing that this controller may not do: who decides says so.
type rightful struct {
	mend.Actor
	rights rights
}

// DryRun tries a change if this controller may make it.
func (a rightful) DryRun(ctx context.Context, c model.Change) (act.Receipt, error) {
	lacks, err := a.rights.lacks(ctx, c)
	if err == nil && lacks != "" {
		return act.Receipt{}, fmt.Errorf("%w: no right to %s", mend.ErrNotRehearsed, lacks)
	}
	return a.Actor.DryRun(ctx, c) // also where it cannot be told: the API server says
}
