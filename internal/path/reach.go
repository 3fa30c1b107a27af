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
	var first *Block
	for _, g := range gateways {
		if g.Spec.HostNetwork {
			return verdict, blind // seen as its node, which plugins let through
		}
		v, b := m.between(g, e, backend)
		if v == model.Broken {
			if first == nil {
				first = b
			}
			continue
		}
		if v == model.Unknown {
			verdict, blind = v, b
		}
		if c, b := m.covered(g.Namespace); c != model.OK {
			verdict, blind = c, b
		}
		return verdict, blind // which of several gateways serves the route is not known: this one gets through
	}
	return model.Broken, first
}

// between judges the connection from one pod of a gateway by the policies that are known.
func (m *Map) between(g *corev1.Pod, e End, backend []*networkingv1.NetworkPolicy) (model.Verdict, *Block) {
	from, to := m.end(g), m.end(e.Pod)
	to.IP = e.IP
	in := netpol.Ingress(backend, from, to, e.Port)
	out := netpol.Egress(m.policies(g.Namespace), from, to, e.Port)
	switch {
	case !in.Allowed && !in.Unsure:
		return model.Broken, block(in, true, g, e.Pod, e.Port)
	case !out.Allowed && !out.Unsure:
		return model.Broken, block(out, false, g, e.Pod, e.Port)
	case in.Unsure || out.Unsure:
		return model.Unknown, &Block{Why: "they ask for labels of namespaces, which could not be looked at"}
	default:
		return model.OK, nil
	}
}

// end is a pod with the labels of its namespace. Each namespace has its name as label, written by the
// API server (Kubernetes 1.22 on), so that much is known of one that could not be read.
func (m *Map) end(p *corev1.Pod) netpol.End {
	out := netpol.End{Pod: p, Namespace: m.s.NamespaceLabels(p.Namespace)}
	if _, presence := m.s.Namespaces().Get("", p.Namespace); presence != snapshot.Present {
		out.Namespace = map[string]string{corev1.LabelMetadataName: p.Namespace}
		out.Unread = presence == snapshot.Unknown
	}
	return out
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
