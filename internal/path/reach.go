package path

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path/netpol"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Block is a NetworkPolicy that keeps a gateway's pod from a backend's.
type Block struct {
	Policy  *networkingv1.NetworkPolicy
	Ingress bool // on the backend; false: on the gateway
	Field   string
	Why     string
	Gateway *corev1.Pod
	Pod     *corev1.Pod
}

// Reach asks whether the pods of a route's gateway may connect to an end. Unknown means that
// policies could not be read, or that no pod of the gateway is in the snapshot while policies
// select the backend; the block then only says why.
func (m *Map) Reach(r Route, e End) (model.Verdict, *Block) {
	if e.Pod == nil || e.Pod.Spec.HostNetwork {
		return model.OK, nil // policies do not apply to pods on their node's network
	}
	backend := m.policies(e.Pod.Namespace)
	gateways := m.Gateways(r)
	if len(gateways) == 0 {
		if len(netpol.Ingress(backend, netpol.End{Pod: &corev1.Pod{}}, netpol.End{Pod: e.Pod}, e.Port).Policies) > 0 {
			return model.Unknown, &Block{Why: "no pod of the gateway could be looked at, so whether they let it through to the pods is not known"}
		}
		return m.covered(e.Pod.Namespace)
	}
	verdict, blind := m.covered(e.Pod.Namespace)
	for _, g := range gateways {
		if g.Spec.HostNetwork {
			continue // seen as its node, which plugins let through
		}
		from := netpol.End{Pod: g, Namespace: m.s.NamespaceLabels(g.Namespace)}
		to := netpol.End{Pod: e.Pod, Namespace: m.s.NamespaceLabels(e.Pod.Namespace), IP: e.IP}
		if v := netpol.Ingress(backend, from, to, e.Port); !v.Allowed {
			return model.Broken, block(v, true, g, e.Pod, e.Port)
		}
		if v := netpol.Egress(m.policies(g.Namespace), from, to, e.Port); !v.Allowed {
			return model.Broken, block(v, false, g, e.Pod, e.Port)
		}
		if c, b := m.covered(g.Namespace); c != model.OK {
			verdict, blind = c, b
		}
	}
	return verdict, blind
}

func block(v netpol.Verdict, ingress bool, gateway, pod *corev1.Pod, port int32) *Block {
	b := &Block{Policy: v.Policies[0], Ingress: ingress, Gateway: gateway, Pod: pod, Field: "spec.egress"}
	if ingress {
		b.Field = "spec.ingress"
	}
	detail := "it admits nothing"
	if v.Near != nil {
		b.Policy, b.Field, detail = v.Near, v.NearField, v.Why
	}
	verb := "does not admit"
	if !ingress {
		verb = "does not let out"
	}
	b.Why = fmt.Sprintf("NetworkPolicy %s %s pod %s/%s to pod %s/%s on port %d: %s",
		snapshot.RefOf(b.Policy).Namespace+"/"+b.Policy.Name, verb, gateway.Namespace, gateway.Name, pod.Namespace, pod.Name, port, detail)
	return b
}

// covered is OK where the policies of a namespace are all known.
func (m *Map) covered(namespace string) (model.Verdict, *Block) {
	if m.s.NetworkPolicies().Covers(namespace) {
		return model.OK, nil
	}
	c, why := m.s.Coverage(snapshot.NetworkPolicies)
	if c == snapshot.NotRead {
		why = "not in what was read"
	}
	return model.Unknown, &Block{Why: cmp.Or(why, c.String()) + "; one that keeps the gateway from the pods would not be seen"}
}

func (m *Map) policies(namespace string) []*networkingv1.NetworkPolicy {
	var out []*networkingv1.NetworkPolicy
	for p := range m.s.NetworkPolicies().In(namespace) {
		out = append(out, p)
	}
	return out
}

// NodeReady says whether a node can run pods: Broken with a sentence if its Ready condition is
// false or unknown.
func NodeReady(s *snapshot.Snapshot, name string) (model.Verdict, string) {
	if name == "" {
		return model.OK, ""
	}
	n, presence := s.Nodes().Get("", name)
	switch presence {
	case snapshot.Unknown:
		return model.Unknown, "node " + name + " could not be looked at"
	case snapshot.Absent:
		return model.Broken, "node " + name + " does not exist any more"
	case snapshot.Present:
	}
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			return model.Broken, fmt.Sprintf("node %s is not ready (%s): %s", name, c.Reason, c.Message)
		}
	}
	return model.OK, ""
}
