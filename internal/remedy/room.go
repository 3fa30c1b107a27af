package remedy

import (
	"math"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	podresource "k8s.io/component-helpers/resource"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"

	scheduling "k8s.io/component-helpers/scheduling/corev1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// room says how many more pods of a workload the nodes can take at most, by what pods ask for and nodes have. It is not known
// where nodes or pods could not be looked at. Affinity between pods and spreading are not looked at: less may fit, never more.
func room(s *snapshot.Snapshot, workload model.Ref) (n int, known bool) {
	t := templateOf(s, workload)
	nodes, _ := s.Coverage(snapshot.Nodes)
	pods, _ := s.Coverage(snapshot.Pods)
	if t == nil || !nodes.Whole() || !pods.Whole() || s.Nodes().Len() == 0 {
		return 0, false
	}
	pod := &corev1.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec}
	pod.Namespace = workload.Namespace
	on := map[string][]*corev1.Pod{}
	for p := range s.Pods().All() {
		if p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			on[p.Spec.NodeName] = append(on[p.Spec.NodeName], p)
		}
	}
	for node := range s.Nodes().All() {
		if len(node.Status.Allocatable) == 0 {
			return 0, false
		}
		if takes(node, pod) {
			n += fits(node, on[node.Name], pod)
		}
	}
	return n, true
}

// takes reports whether the scheduler would think of a node for a pod, as its filters for cordons, taints
// and node affinity do.
func takes(node *corev1.Node, pod *corev1.Pod) bool {
	if node.Spec.Unschedulable || !nodeReady(node) {
		return false
	}
	hard := func(t *corev1.Taint) bool {
		return t.Effect == corev1.TaintEffectNoSchedule || t.Effect == corev1.TaintEffectNoExecute
	}
	if _, untolerated := scheduling.FindMatchingUntoleratedTaint(klog.Logger{}, node.Spec.Taints, pod.Spec.Tolerations, hard, false); untolerated {
		return false
	}
	match, err := nodeaffinity.GetRequiredNodeAffinity(pod).Match(node)
	return err == nil && match
}

func nodeReady(node *corev1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// fits says how many more pods fit on a node beside those that are there.
func fits(node *corev1.Node, there []*corev1.Pod, pod *corev1.Pod) int {
	free := node.Status.Allocatable.DeepCopy()
	used := corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(int64(len(there)), resource.DecimalSI)}
	for _, p := range there {
		addTo(used, podresource.PodRequests(p, podresource.PodResourcesOptions{}))
	}
	for name, have := range free {
		have.Sub(used[name])
		free[name] = have
	}
	return howOften(free, asked(pod))
}

// asked is what one pod takes of a node, its place included.
func asked(pod *corev1.Pod) corev1.ResourceList {
	out := podresource.PodRequests(pod, podresource.PodResourcesOptions{})
	out[corev1.ResourcePods] = *resource.NewQuantity(1, resource.DecimalSI)
	return out
}

// howOften says how often what is asked for goes into what is free.
func howOften(free, wants corev1.ResourceList) int {
	n := math.MaxInt32
	for name, one := range wants {
		if one.IsZero() {
			continue
		}
		have := free[name]
		n = min(n, max(0, int(have.AsApproximateFloat64()/one.AsApproximateFloat64()+1e-9)))
	}
	return n
}

func addTo(sum, more corev1.ResourceList) {
	for name, q := range more {
		have := sum[name]
		have.Add(q)
		sum[name] = have
	}
}
