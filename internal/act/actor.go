package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// FieldManager is the name under which the API server records what gatemend wrote.
const FieldManager = model.OwnManager

// Actor carries out changes against one API server. It is safe for use by several goroutines.
type Actor struct {
	kube    kubernetes.Interface
	dynamic dynamic.Interface
	mapper  meta.RESTMapper
}

// New makes an actor of the clients of one API server.
func New(kube kubernetes.Interface, dynamic dynamic.Interface, mapper meta.RESTMapper) *Actor {
	return &Actor{kube: kube, dynamic: dynamic, mapper: mapper}
}

// Receipt says what a change did.
type Receipt struct {
	Change model.Change `json:"change"`
	DryRun bool         `json:"dryRun,omitempty"`
	// ResourceVersion and UID are those of the object after the change; empty after a deletion or
	// an eviction.
	ResourceVersion string `json:"resourceVersion,omitempty"`
	UID             string `json:"uid,omitempty"`
	// Object is the object after the change, as the API server would show it.
	Object json.RawMessage `json:"object,omitempty"`
	// Undo takes the change back; nil if it cannot be. It carries no resource version, since
	// controllers write status in between, but it fails if a changed field has moved on.
	Undo *model.Change `json:"undo,omitempty"`
}

// mode says whether a call is a rehearsal: it is what the API calls the dryRun option.
type mode []string

func rehearsal() mode { return mode{metav1.DryRunAll} }

// DryRun has the API server do everything but store the change: admission, validation, quota.
// Errors are those of [Actor.Apply].
func (a *Actor) DryRun(ctx context.Context, c model.Change) (Receipt, error) {
	return a.do(ctx, c, rehearsal())
}

// Apply carries a change out. The error is a [*StaleError] if the object is not as the change
// expects it, a [*BlockedError] if a PodDisruptionBudget forbids an eviction, a [*ForbiddenError] if
// a right is lacking, a [*RejectedError] if the API server or an admission webhook says no. With
// any of them nothing was changed.
func (a *Actor) Apply(ctx context.Context, c model.Change) (Receipt, error) {
	return a.do(ctx, c, nil)
}

func (a *Actor) do(ctx context.Context, c model.Change, m mode) (Receipt, error) {
	var (
		after *unstructured.Unstructured
		err   error
	)
	switch c.Op {
	case model.OpPatch:
		after, err = a.patch(ctx, c, m)
	case model.OpCreate:
		after, err = a.create(ctx, c, m)
	case model.OpDelete:
		err = a.delete(ctx, c, m)
	case model.OpEvict:
		err = a.evict(ctx, c, m)
	default:
		err = errors.New("unknown operation")
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("%s %s: %w", c.Op, c.Target, err)
	}
	return receipt(c, m, after)
}

// receipt describes a change that succeeded.
func receipt(c model.Change, m mode, after *unstructured.Unstructured) (Receipt, error) {
	r := Receipt{Change: c, DryRun: m != nil}
	undo, ok := c.Inverse()
	if after != nil {
		r.ResourceVersion, r.UID = after.GetResourceVersion(), string(after.GetUID())
		data, err := after.MarshalJSON()
		if err != nil {
			return Receipt{}, fmt.Errorf("%s %s: encode the result: %w", c.Op, c.Target, err)
		}
		r.Object = data
		undo.UID = r.UID
		if undo, err = undoOn(data, undo); err != nil {
			return Receipt{}, fmt.Errorf("%s %s: %w", c.Op, c.Target, err)
		}
	}
	if ok {
		r.Undo = &undo
	}
	return r, nil
}

// resource finds the API of a kind of object.
func (a *Actor) resource(ref model.Ref) (dynamic.ResourceInterface, schema.GroupResource, error) {
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return nil, schema.GroupResource{}, fmt.Errorf("read apiVersion: %w", err)
	}
	m, err := a.mapper.RESTMapping(schema.GroupKind{Group: gv.Group, Kind: ref.Kind}, gv.Version)
	if err != nil {
		return nil, schema.GroupResource{}, fmt.Errorf("find resource: %w", err)
	}
	api := a.dynamic.Resource(m.Resource)
	if m.Scope.Name() == meta.RESTScopeNameNamespace {
		return api.Namespace(ref.Namespace), m.Resource.GroupResource(), nil
	}
	return api, m.Resource.GroupResource(), nil
}

// patch sets fields, if every one still has its former value.
func (a *Actor) patch(ctx context.Context, c model.Change, m mode) (*unstructured.Unstructured, error) {
	if len(c.Fields) == 0 {
		return nil, errors.New("a patch without fields")
	}
	api, resource, err := a.resource(c.Target)
	if err != nil {
		return nil, err
	}
	ops, err := patchOf(c)
	if err != nil {
		return nil, err
	}
	var through []string
	if c.Subresource != "" {
		through = append(through, c.Subresource)
		resource.Resource += "/" + c.Subresource
	}
	after, err := api.Patch(ctx, c.Target.Name, types.JSONPatchType, ops, metav1.PatchOptions{
		FieldManager:    FieldManager,
		DryRun:          m,
		FieldValidation: metav1.FieldValidationStrict,
	}, through...)
	if err != nil {
		return nil, a.explain(ctx, err, c, "patch", resource, api)
	}
	return after, nil
}

// create makes an object anew from what it was.
func (a *Actor) create(ctx context.Context, c model.Change, m mode) (*unstructured.Unstructured, error) {
	api, resource, err := a.resource(c.Target)
	if err != nil {
		return nil, err
	}
	o, err := pristine(c)
	if err != nil {
		return nil, err
	}
	opts := metav1.CreateOptions{FieldManager: FieldManager, DryRun: m}
	after, err := api.Create(ctx, o, opts)
	if takenAddress(err) && withoutAddresses(o) && a.stale(ctx, c, metav1.Status{}, api) == nil {
		// Another Service got the address in the meantime. A Service at a new one is what clients
		// that use its name need; no Service helps nobody.
		after, err = api.Create(ctx, o, opts)
	}
	if err != nil {
		return nil, a.explain(ctx, err, c, "create", resource, api)
	}
	return after, nil
}

// delete removes what a create made, and nothing else: without the UID of that very object it
// refuses.
func (a *Actor) delete(ctx context.Context, c model.Change, m mode) error {
	if c.UID == "" {
		return errors.New("a deletion must name the UID of what was created")
	}
	api, resource, err := a.resource(c.Target)
	if err != nil {
		return err
	}
	if err := api.Delete(ctx, c.Target.Name, metav1.DeleteOptions{DryRun: m, Preconditions: preconditions(c)}); err != nil {
		return a.explain(ctx, err, c, "delete", resource, api)
	}
	return nil
}

// evict asks for a pod to go, in the way that respects PodDisruptionBudgets.
func (a *Actor) evict(ctx context.Context, c model.Change, m mode) error {
	if c.Target.Kind != string(snapshot.Pods) {
		return errors.New("only a pod can be evicted")
	}
	api, _, err := a.resource(c.Target)
	if err != nil {
		return err
	}
	err = a.kube.CoreV1().Pods(c.Target.Namespace).EvictV1(ctx, &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: c.Target.Namespace, Name: c.Target.Name},
		DeleteOptions: &metav1.DeleteOptions{DryRun: m, Preconditions: preconditions(c)},
	})
	if err != nil {
		return a.explain(ctx, err, c, "create", schema.GroupResource{Resource: "pods/eviction"}, api)
	}
	return nil
}

// preconditions pin a deletion to the object that was planned for. The UID is enough: a pod in a
// crash loop gets a new resource version with every restart and is the same pod still.
func preconditions(c model.Change) *metav1.Preconditions {
	if c.UID != "" {
		uid := types.UID(c.UID)
		return &metav1.Preconditions{UID: &uid}
	}
	if c.ResourceVersion != "" {
		return &metav1.Preconditions{ResourceVersion: &c.ResourceVersion}
	}
	return nil
}
