package path

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path/cilium"
	"github.com/gatemend/gatemend/internal/path/netpol"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// door is what the policies on one end of a connection say of it. Those of Cilium and NetworkPolicies add up: what
// either kind admits is let through, though the other closes the pod (docs.cilium.io, Network Policy: "all policy
// types can be used at the same time").
type door struct {
	NetworkPolicy netpol.Verdict
	Cilium        cilium.Verdict
}

func (m *Map) inward(from, to netpol.End, port int32) door {
	return door{netpol.Ingress(m.s.PoliciesFor(to.Pod), from, to, port), cilium.Ingress(m.ciliumIn(to.Pod.Namespace), from, to, port)}
}

func (m *Map) outward(from, to netpol.End, port int32) door {
	return door{netpol.Egress(m.s.PoliciesFor(from.Pod), from, to, port), cilium.Egress(m.ciliumIn(from.Pod.Namespace), from, to, port)}
}

// ciliumIn are the policies of Cilium that may be about a namespace's pods.
func (m *Map) ciliumIn(namespace string) []cilium.Policy {
	own, all := m.cilium[namespace], m.cilium[""]
	if len(all) == 0 {
		return own
	}
	return append(all[:len(all):len(all)], own...)
}

// open reports whether a connection gets through.
func (d door) open() model.Verdict {
	np, c := d.NetworkPolicy, d.Cilium
	admitted := np.Allowed && len(np.Policies) > 0
	closed := !np.Allowed
	switch {
	case c.Denies == cilium.Yes:
		return model.Broken
	case admitted || c.Admits == cilium.Yes || !closed && c.Closes == cilium.No:
		if c.Denies == cilium.Maybe {
			return model.Unknown
		}
		return model.OK
	case np.Unsure || c.Admits == cilium.Maybe || !closed && c.Closes == cilium.Maybe:
		return model.Unknown
	default:
		return model.Broken
	}
}

// doubt says why it is not known whether a connection gets through.
func (d door) doubt() *Block {
	if p := d.Cilium.Doubt; p != nil {
		return &Block{Object: p.Ref, Why: fmt.Sprintf("%s selects the pod by, or lets through, what objects do not show", p.Ref)}
	}
	if p := d.Cilium.Policy; p != nil && !d.NetworkPolicy.Unsure {
		return &Block{Object: p.Ref, Why: fmt.Sprintf("whether %s selects the pod is not known", p.Ref)}
	}
	return &Block{Why: "they ask for labels of namespaces, which could not be looked at"}
}

// block names the rule that keeps a connection out, or the one that is nearest to letting it through.
func (d door) block(direction networkingv1.PolicyType, from *corev1.Pod, e End) *Block {
	b := &Block{Ingress: direction == networkingv1.PolicyTypeIngress, Gateway: from, Pod: e.Pod}
	detail := ""
	if v, c := d.NetworkPolicy, d.Cilium; c.Denies == cilium.Yes || v.Allowed {
		b.Object, b.Changed, b.Field, detail = c.Policy.Ref, c.Policy.Changed, c.Field, c.Why
	} else {
		detail = b.byNetworkPolicy(v, direction)
	}
	verb, to := "does not let out", "address "+e.IP
	if b.Ingress {
		verb = "does not admit"
	}
	if e.Pod != nil {
		to = "pod " + e.Pod.Namespace + "/" + e.Pod.Name
	}
	b.Why = fmt.Sprintf("%s %s pod %s/%s to %s on port %d: %s", b.Object, verb, from.Namespace, from.Name, to, e.Port, detail)
	return b
}

// byNetworkPolicy names the NetworkPolicy that shuts a pod, and gives what it is for.
func (b *Block) byNetworkPolicy(v netpol.Verdict, direction networkingv1.PolicyType) string {
	b.Policy, b.Field = netpol.Closing(v.Policies, direction), "spec.egress"
	if b.Ingress {
		b.Field = "spec.ingress"
	}
	detail := "it admits nothing"
	switch {
	case v.Near != nil:
		b.Policy, b.Field, detail = v.Near, v.NearField, v.Why
	case len(b.Policy.Spec.Ingress) > 0 && b.Ingress, len(b.Policy.Spec.Egress) > 0 && !b.Ingress:
		detail = "none of its rules is for that"
	}
	b.Object, b.Changed = snapshot.RefOf(b.Policy), netpol.Changed(b.Policy)
	return detail
}
