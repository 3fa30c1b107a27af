package manifest

import (
	"context"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Owner is the field manager of everything that the lab writes: whoever deploys the shop.
const Owner = "shop-deploy"

// Client writes objects to one cluster and waits for them.
type Client struct {
	Kube    kubernetes.Interface
	Dynamic dynamic.Interface
	mapper  meta.ResettableRESTMapper
	scheme  *runtime.Scheme
}

// New makes a client. It does not talk to the cluster yet.
func New(config *rest.Config) (*Client, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 200, 400 // the lab is the API server's only user
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, gatewayv1.Install} {
		if err := add(s); err != nil {
			return nil, fmt.Errorf("make client: %w", err)
		}
	}
	return &Client{Kube: kube, Dynamic: dyn, scheme: s, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco))}, nil
}

// Apply writes objects by server-side apply, in the given order, and takes fields from other owners.
// What others have added and the objects do not mention stays.
func (c *Client) Apply(ctx context.Context, objects ...runtime.Object) error {
	for _, o := range objects {
		u, err := c.plain(o)
		if err != nil {
			return err
		}
		if err := c.apply(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// Replace makes objects exactly what is given: fields that anybody added are gone afterwards, other than
// status and what the API server filled in. A missing object is created.
func (c *Client) Replace(ctx context.Context, objects ...runtime.Object) error {
	for _, o := range objects {
		u, err := c.plain(o)
		if err != nil {
			return err
		}
		if err := c.replace(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes objects; one that is gone already is no error.
func (c *Client) Delete(ctx context.Context, objects ...runtime.Object) error {
	for _, o := range objects {
		u, err := c.plain(o)
		if err != nil {
			return err
		}
		to, err := c.resource(u)
		if err != nil {
			return err
		}
		if err := to.Delete(ctx, u.GetName(), metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete %s: %w", title(u), err)
		}
	}
	return nil
}

func (c *Client) apply(ctx context.Context, u *unstructured.Unstructured) error {
	to, err := c.resource(u)
	if err != nil {
		return err
	}
	if _, err := to.Apply(ctx, u.GetName(), u, metav1.ApplyOptions{FieldManager: Owner, Force: true}); err != nil {
		return fmt.Errorf("apply %s: %w", title(u), err)
	}
	return nil
}

func (c *Client) replace(ctx context.Context, u *unstructured.Unstructured) error {
	to, err := c.resource(u)
	if err != nil {
		return err
	}
	for {
		live, err := to.Get(ctx, u.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return c.apply(ctx, u)
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", title(u), err)
		}
		_, err = to.Update(ctx, merge(live, u), metav1.UpdateOptions{FieldManager: Owner})
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			continue // it moved between reading and writing: look again
		}
		if err != nil {
			return fmt.Errorf("replace %s: %w", title(u), err)
		}
		return nil
	}
}

// merge puts the wanted content into the live object's shell.
func merge(live, want *unstructured.Unstructured) *unstructured.Unstructured {
	out := want.DeepCopy()
	for _, field := range []string{"resourceVersion", "uid"} {
		if v, ok, _ := unstructured.NestedString(live.Object, "metadata", field); ok { // a string in every object of the API
			out.Object["metadata"].(map[string]any)[field] = v
		}
	}
	// Kubernetes keeps a Deployment's revision in an annotation; without it the history would start anew.
	if annotations := live.GetAnnotations(); annotations["deployment.kubernetes.io/revision"] != "" {
		next := maps.Clone(out.GetAnnotations())
		if next == nil {
			next = map[string]string{}
		}
		next["deployment.kubernetes.io/revision"] = annotations["deployment.kubernetes.io/revision"]
		out.SetAnnotations(next)
	}
	// A Service's addresses are assigned once and may not change.
	for _, field := range []string{"clusterIP", "clusterIPs"} {
		if v, ok, _ := unstructured.NestedFieldCopy(live.Object, "spec", field); ok {
			out.Object["spec"].(map[string]any)[field] = v
		}
	}
	return out
}

// plain turns a typed object into what goes over the wire, without the fields that belong to the server.
func (c *Client) plain(o runtime.Object) (*unstructured.Unstructured, error) {
	if u, ok := o.(*unstructured.Unstructured); ok {
		return u.DeepCopy(), nil
	}
	kinds, _, err := c.scheme.ObjectKinds(o)
	if err != nil {
		return nil, fmt.Errorf("write object: %w", err)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", kinds[0].Kind, err)
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(kinds[0])
	unstructured.RemoveNestedField(u.Object, "status")
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(u.Object, "spec", "template", "metadata", "creationTimestamp")
	return u, nil
}

func (c *Client) resource(u *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	gvk := u.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset() // a definition may have arrived since
		mapping, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("find resource of %s: %w", gvk.Kind, err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return c.Dynamic.Resource(mapping.Resource), nil
	}
	return c.Dynamic.Resource(mapping.Resource).Namespace(u.GetNamespace()), nil
}

func title(u *unstructured.Unstructured) string {
	if u.GetNamespace() == "" {
		return u.GetKind() + " " + u.GetName()
	}
	return u.GetKind() + " " + u.GetNamespace() + "/" + u.GetName()
}
