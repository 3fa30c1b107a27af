package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// NodePods are the pods of one node, as they are now.
type NodePods struct {
	store  cache.Store
	synced cache.InformerSynced
}

// FollowNodePods begins to follow the pods of a node in a namespace, or in all, until the context ends. While the API server does not
// answer, it is asked again and again.
func FollowNodePods(ctx context.Context, client kubernetes.Interface, namespace, node string) *NodePods {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", node).String()
		}),
		informers.WithTransform(func(o any) (any, error) {
			if pod, ok := o.(*corev1.Pod); ok {
				pod.ManagedFields = nil
			}
			return o, nil
		}))
	informer := factory.Core().V1().Pods().Informer()
	factory.StartWithContext(ctx)
	return &NodePods{store: informer.GetStore(), synced: informer.HasSynced}
}

// Get finds a pod.
func (p *NodePods) Get(namespace, name string) (*corev1.Pod, bool) {
	o, ok, err := p.store.GetByKey(namespace + "/" + name)
	if err != nil || !ok {
		return nil, false
	}
	pod, ok := o.(*corev1.Pod)
	return pod, ok
}

// Known reports whether the pods were listed.
func (p *NodePods) Known() bool { return p.synced() }
