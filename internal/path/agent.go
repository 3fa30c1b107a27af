package path

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// agent is a pod of a network plugin, or of what enforces NetworkPolicies beside one.
type agent struct {
	pod      types.NamespacedName
	node     string
	plugin   bool
	enforces bool // or may
}

func (a agent) key() types.NamespacedName { return a.pod }

// pluginImages are parts of the names of the images that network plugins run on every node.
func pluginImages() []string {
	return []string{"calico/node", "cilium/cilium:", "flannel", "weave-kube", "amazon-k8s-cni", "kindnetd", "antrea", "kube-router", "ovn-kubernetes", "canal"}
}

// flannel is the plugin that leaves NetworkPolicies to others (flannel-io/flannel, README: "Flannel is focused on networking. For
// network policy, other projects such as Calico can be used"; since v0.25.5 its chart can run kube-network-policies beside it).
const flannel = "flannel"

// enforcerImages are parts of the names of the images of what enforces NetworkPolicies besides plugins, or of plugins under
// other names.
func enforcerImages() []string {
	return []string{"network-polic", "calico", "cilium", "weave", "azure-npm", "kube-ovn", "romana"}
}

// agentsIn is a pod if it is of a network plugin or enforces NetworkPolicies, by the names of its images, and nothing if not, or
// if there is no pod.
func agentsIn(p *corev1.Pod) []agent {
	if p == nil || !p.Spec.HostNetwork || p.Spec.NodeName == "" {
		return nil
	}
	a := agent{pod: types.NamespacedName{Namespace: p.Namespace, Name: p.Name}, node: p.Spec.NodeName}
	for _, c := range p.Spec.Containers {
		is := func(part string) bool { return strings.Contains(c.Image, part) }
		plugin := slices.ContainsFunc(pluginImages(), is)
		a.plugin = a.plugin || plugin
		a.enforces = a.enforces || plugin && !is(flannel) || slices.ContainsFunc(enforcerImages(), is)
	}
	if !a.plugin && !a.enforces {
		return nil
	}
	return []agent{a}
}

// unenforced reports whether nothing enforces the cluster's NetworkPolicies: flannel is its plugin, and alone. k3s and RKE2 run it
// without pods, and beside it what enforces them.
func unenforced(s *snapshot.Snapshot, agents []agent) bool {
	if len(agents) == 0 || !s.Pods().Covers("") || slices.ContainsFunc(agents, func(a agent) bool { return a.enforces }) {
		return false
	}
	for n := range s.Nodes().All() {
		if v := n.Status.NodeInfo.KubeletVersion; strings.Contains(v, "+k3s") || strings.Contains(v, "+rke2") {
			return false
		}
	}
	return true
}

// NetworkAgents are the pods of network plugins on a node.
func (m *Map) NetworkAgents(node string) []*corev1.Pod {
	var out []*corev1.Pod
	for _, a := range m.agents {
		if a.node != node || !a.plugin {
			continue
		}
		if p, _ := m.s.Pods().Get(a.pod.Namespace, a.pod.Name); p != nil {
			out = append(out, p)
		}
	}
	return out
}
