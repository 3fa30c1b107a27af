package kube

import (
	"strings"
	"sync"
	"weak"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// packed is an object in its protobuf form, which takes a third of the memory and has no pointers to follow for who
// collects garbage. It implements [snapshot.Packed].
type packed[T any, P object[T]] struct {
	names
	kind snapshot.Kind
	view view[T]
}

// object is a pointer to what Kubernetes' API has as protobuf.
type object[T any] interface {
	*T
	metav1.Object
	Marshal() ([]byte, error)
	Unmarshal(data []byte) error
}

// pack gives the packed form of an object.
func pack[T any, P object[T]](k snapshot.Kind, o P, about string) (any, error) {
	data, err := o.Marshal()
	if err != nil {
		return nil, err
	}
	return &packed[T, P]{names: newNames(o, string(data), about), kind: k}, nil
}

// Kind names the table of the object.
func (p *packed[T, P]) Kind() snapshot.Kind { return p.kind }

// Open gives the object.
func (p *packed[T, P]) Open() metav1.Object {
	return P(p.view.get(func(o *T) error { return P(o).Unmarshal([]byte(p.data)) }))
}

// names are what is asked most often of a packed object, and of which each but the namespace is a part of its data: they
// take no memory of their own.
type names struct {
	data                            string
	namespace, name, version, about string
}

func newNames(o metav1.Object, data, about string) names {
	part := func(s string) string {
		if at := strings.Index(data, s); at >= 0 {
			return data[at : at+len(s)]
		}
		return s
	}
	return names{data, once(o.GetNamespace()), part(o.GetName()), part(o.GetResourceVersion()), part(about)}
}

// GetNamespace is that of the object.
func (n *names) GetNamespace() string { return n.namespace }

// GetName is that of the object.
func (n *names) GetName() string { return n.name }

// About is the Service that an EndpointSlice is of.
func (n *names) About() string { return n.about }

// GetObjectMeta is as much of the metadata as informers ask for (k8s.io/client-go, tools/cache).
func (n *names) GetObjectMeta() metav1.Object {
	return &metav1.ObjectMeta{Namespace: n.namespace, Name: n.name, ResourceVersion: n.version}
}

// view is an opened object for as long as anybody holds it.
type view[T any] struct {
	mu   sync.Mutex
	last weak.Pointer[T]
}

// get gives the object, and has it read if nobody holds it. What was encoded by this program can be decoded by it: if not,
// as much is given as could be.
func (v *view[T]) get(read func(*T) error) *T {
	v.mu.Lock()
	defer v.mu.Unlock()
	if o := v.last.Value(); o != nil {
		return o
	}
	o := new(T)
	_ = read(o)
	v.last = weak.Make(o)
	return o
}

// pack gives the form in which an object is kept.
func (s *sharer) pack(o metav1.Object) (any, error) {
	switch o := o.(type) {
	case *corev1.Pod:
		return s.packPod(o)
	case *discoveryv1.EndpointSlice:
		return pack(snapshot.EndpointSlices, o, o.Labels[discoveryv1.LabelServiceName])
	case *appsv1.ReplicaSet:
		return pack(snapshot.ReplicaSets, o, "")
	case *appsv1.Deployment:
		return pack(snapshot.Deployments, o, "")
	case *appsv1.StatefulSet:
		return pack(snapshot.StatefulSets, o, "")
	case *batchv1.Job:
		return pack(snapshot.Jobs, o, "")
	case *corev1.Service:
		return pack(snapshot.Services, o, "")
	case *corev1.Node:
		return pack(snapshot.Nodes, o, "")
	case *networkingv1.Ingress:
		return pack(snapshot.Ingresses, o, "")
	default:
		return o, nil // of the other kinds there are few, or there is no smaller form
	}
}

// opened has a handler told of objects themselves.
type opened struct{ cache.ResourceEventHandler }

// OnAdd opens the object.
func (h opened) OnAdd(o any, initial bool) { h.ResourceEventHandler.OnAdd(open(o), initial) }

// OnUpdate opens both objects.
func (h opened) OnUpdate(before, after any) {
	h.ResourceEventHandler.OnUpdate(open(before), open(after))
}

// OnDelete opens the object.
func (h opened) OnDelete(o any) {
	if unknown, ok := o.(cache.DeletedFinalStateUnknown); ok {
		unknown.Obj = open(unknown.Obj)
		o = unknown
	}
	h.ResourceEventHandler.OnDelete(open(o))
}

// open gives an object of an informer's cache itself.
func open(o any) any {
	if p, ok := o.(snapshot.Packed); ok {
		return p.Open()
	}
	return o
}
