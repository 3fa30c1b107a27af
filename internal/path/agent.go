package path

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// agent is a pod of a network plugin.
type agent struct {
	pod  types.NamespacedName
	node string
}

func (a agent) key() types.NamespacedName { return a.pod }

// pluginImages are parts of the names of the images that network plugins run on every node.
func pluginImages() []string {
	return []string{"calico/node", "cilium/cilium:", "flannel", "weave-kube", "amazon-k8s-cni", "kindnetd", "antrea", "kube-router", "ovn-kubernetes", "canal"}
}

// agentsIn is a pod if it is of a network plugin, by the name of its image, and nothing if not, or if there is no pod.
func agentsIn(p *corev1.Pod) []agent {
	if p == nil || !p.Spec.HostNetwork || p.Spec.NodeName == "" {
		return nil
	}
	for _, c := range p.Spec.Containers {
		if slices.ContainsFunc(pluginImages(), func(part string) bool { return strings.Contains(c.Image, part) }) {
			return []agent{{types.NamespacedName{Namespace: p.Namespace, Name: p.Name}, p.Spec.NodeName}}
		}
	}
	return nil
}

// NetworkAgents are the pods of network plugins on a node.
func (m *Map) NetworkAgents(node string) []*corev1.Pod {
	var out []*corev1.Pod
	for _, a := range m.agents {
		if a.node != node {
			continue
		}
		if p, _ := m.s.Pods().Get(a.pod.Namespace, a.pod.Name); p != nil {
			out = append(out, p)
		}
	}
	return out
}
