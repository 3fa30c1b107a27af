package snapshot

import (
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// podIndex finds the pods of one namespace. Each way of finding them is made when it is first wanted: in a big cluster
// most namespaces are never asked about before they change.
type podIndex struct {
	pods []*corev1.Pod
	of   func() map[types.UID][]*corev1.Pod // by controller
	byIP func() map[string][]*corev1.Pod

	mu     sync.Mutex
	labels map[string]map[string][]*corev1.Pod // by key and value, of the keys that were asked for
}

func newPodIndex(pods []*corev1.Pod) *podIndex {
	return &podIndex{
		pods: pods,
		of:   sync.OnceValue(func() map[types.UID][]*corev1.Pod { return podsByController(pods) }),
		byIP: sync.OnceValue(func() map[string][]*corev1.Pod { return podsByIP(pods) }),
	}
}

func podsByController(pods []*corev1.Pod) map[types.UID][]*corev1.Pod {
	by := map[types.UID][]*corev1.Pod{}
	for _, p := range pods {
		if c := metav1.GetControllerOfNoCopy(p); c != nil {
			by[c.UID] = append(by[c.UID], p)
		}
	}
	return by
}

func podsByIP(pods []*corev1.Pod) map[string][]*corev1.Pod {
	by := map[string][]*corev1.Pod{}
	for _, p := range pods {
		for _, ip := range p.Status.PodIPs {
			by[ip.IP] = append(by[ip.IP], p)
		}
		if len(p.Status.PodIPs) == 0 && p.Status.PodIP != "" {
			by[p.Status.PodIP] = append(by[p.Status.PodIP], p)
		}
	}
	return by
}

// labelled gives the pods that have a label, by its value.
func (x *podIndex) labelled(key string) map[string][]*corev1.Pod {
	x.mu.Lock()
	defer x.mu.Unlock()
	by, ok := x.labels[key]
	if ok {
		return by
	}
	by = map[string][]*corev1.Pod{}
	for _, p := range x.pods {
		if value, ok := p.Labels[key]; ok {
			by[value] = append(by[value], p)
		}
	}
	if x.labels == nil {
		x.labels = map[string]map[string][]*corev1.Pod{}
	}
	x.labels[key] = by
	return by
}
