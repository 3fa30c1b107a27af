package act

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/owner"
)

// Release gives the fields of a patch back that was taken back by undo: the API server records that they are no longer
// gatemend's, but theirs who held them before. No value changes. Where there is nothing to give back, also since it was
// done before, nothing is written. Errors are those of [Actor.Apply].
func (a *Actor) Release(ctx context.Context, undo model.Change) error {
	if undo.Op != model.OpPatch {
		return nil
	}
	if err := a.release(ctx, undo); err != nil {
		return fmt.Errorf("give back the fields of %s: %w", undo.Target, err)
	}
	return nil
}

func (a *Actor) release(ctx context.Context, undo model.Change) error {
	api, resource, err := a.resource(undo.Target)
	if err != nil {
		return err
	}
	now, err := api.Get(ctx, undo.Target.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	look := model.Change{Op: model.OpPatch, Target: undo.Target}
	if err != nil {
		return a.explain(ctx, err, look, "get", resource, api)
	}
	if undo.UID != "" && undo.UID != string(now.GetUID()) {
		return nil // another object, which gatemend has not touched
	}
	entries, changed, err := owner.GiveBack(now, FieldManager, undo)
	if err != nil || !changed {
		return err
	}
	if len(entries) == 0 {
		// An empty list is taken for a client that knows nothing of managed fields, and one entry without content for
		// the wish to have none (Kubernetes documentation, "Server-Side Apply", section "Clearing managedFields").
		entries = []metav1.ManagedFieldsEntry{{}}
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/resourceVersion", "value": now.GetResourceVersion()},
		{"op": "replace", "path": "/metadata/managedFields", "value": entries},
	})
	if err != nil {
		return fmt.Errorf("encode patch: %w", err)
	}
	// Through the object itself, not through a subresource: there, the API server ignores managed fields
	// (kubernetes/apimachinery, pkg/util/managedfields/internal/fieldmanager.go).
	if _, err := api.Patch(ctx, undo.Target.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: FieldManager}); err != nil {
		look.ResourceVersion = now.GetResourceVersion()
		return a.explain(ctx, err, look, "patch", resource, api)
	}
	return nil
}
