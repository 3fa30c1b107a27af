package snapshot

import (
	"iter"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// podIndex finds the pods of one namespace. Each way of finding them is made when it is first wanted: in a big cluster
// most namespaces are never asked about before they change.
type podIndex struct {
	pods []Stored
	of   func() map[types.UID][]Stored // by controller
	byIP func() map[string][]Stored

	mu     sync.Mutex
	labels map[string]map[string][]Stored // by key and value, of the keys that were asked for
}

func newPodIndex(pods []Stored) *podIndex {
	return &podIndex{
		pods: pods,
		of:   sync.OnceValue(func() map[types.UID][]Stored { return podsByController(pods) }),
		byIP: sync.OnceValue(func() map[string][]Stored { return podsByIP(pods) }),
	}
}

func podsByController(pods []Stored) map[types.UID][]Stored {
	by := map[types.UID][]Stored{}
	for s, p := range eachPod(pods) {
		if c := metav1.GetControllerOfNoCopy(p); c != nil {
			by[c.UID] = append(by[c.UID], s)
		}
	}
	return by
}

func podsByIP(pods []Stored) map[string][]Stored {
	by := map[string][]Stored{}
	for s, p := range eachPod(pods) {
		for _, ip := range p.Status.PodIPs {
			by[ip.IP] = append(by[ip.IP], s)
		}
		if len(p.Status.PodIPs) == 0 && p.Status.PodIP != "" {
			by[p.Status.PodIP] = append(by[p.Status.PodIP], s)
		}
	}
	return by
}

// labelled gives the pods that have a label, by its value.
func (x *podIndex) labelled(key string) map[string][]Stored {
	x.mu.Lock()
	defer x.mu.Unlock()
	by, ok := x.labels[key]
	if ok {
		return by
	}
	by = map[string][]Stored{}
	for s, p := range eachPod(x.pods) {
		if value, ok := p.Labels[key]; ok {
			by[value] = append(by[value], s)
		}
	}
	if x.labels == nil {
		x.labels = map[string]map[string][]Stored{}
	}
	x.labels[key] = by
	return by
}

// eachPod yields pods beside how they are stored.
func eachPod(all []Stored) iter.Seq2[Stored, *corev1.Pod] {
	return func(yield func(Stored, *corev1.Pod) bool) {
		for _, s := range all {
			if p, ok := open[*corev1.Pod](s); ok && !yield(s, p) {
				return
			}
		}
	}
}
