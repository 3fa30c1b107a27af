package path

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path/cilium"
	"github.com/gatemend/gatemend/internal/path/netpol"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Block is a policy that keeps one pod from another.
type Block struct {
	Object  model.Ref                   // the policy
	Policy  *networkingv1.NetworkPolicy // nil: it is of a kind of the network plugin's own
	Changed time.Time                   // when somebody last wrote it
	Ingress bool                        // on the receiving pod; false: on the sending one
	Field   string
	Why     string
	Gateway *corev1.Pod // the sending pod
	Pod     *corev1.Pod // the receiving pod; nil for an address that is no pod's
	// Unless is the block that there is if the doubt that Why names does not hold; nil: there is no doubt, or nothing more is known.
	Unless *Block
}

// Reach asks whether the pods of a route's gateway may connect to an end. Unknown means that
// policies could not be read, or that no pod of the gateway is in the snapshot while policies
// select the backend; the block then only says why. Where some of a gateway's pods get through it is
// OK, as it is for most requests; see Partly.
func (m *Map) Reach(r Route, e End) (model.Verdict, *Block) {
	if m.open {
		return model.OK, nil
	}
	gateways := m.Gateways(r)
	if r.Controller == ciliumGateways && e.Pod != nil && len(m.ciliumIn(e.Pod.Namespace)) > 0 {
		return m.fromCilium(e)
	}
	if len(gateways) == 0 {
		if e.Pod != nil && !e.Pod.Spec.HostNetwork && m.isolates(e.Pod) {
			return model.Unknown, &Block{Why: "no pod of the gateway could be looked at, so whether they let it through to the pods is not known"}
		}
		return m.foreign(nil, e.Pod)
	}
	verdict, block := model.OK, (*Block)(nil)
	for i, g := range distant(gateways, e) {
		v, b := m.Between(g, e, corev1.ProtocolTCP)
		if v == model.OK {
			return v, nil
		}
		if i == 0 || v == model.Unknown && verdict == model.Broken {
			verdict, block = v, b
		}
	}
	return verdict, block
}

// Partly finds the ready pods of a route's gateway that may not connect to an end while others of the same workload
// may, and the block of the first. Such pods differ by their addresses alone, so it can only be a policy that admits by address. It
// is nil where all get through, or none; and for Cilium's own gateway, which no policy takes for a pod.
func (m *Map) Partly(r Route, e End) ([]*corev1.Pod, *Block) {
	if r.Controller == ciliumGateways || e.Pod == nil || !m.admitsByAddress(e.Pod) {
		return nil, nil
	}
	for _, f := range m.Fleets(r) {
		var kept []*corev1.Pod
		var block *Block
		through := false
		for _, g := range distant(f.Pods, e) {
			if !Ready(g) {
				continue
			}
			switch v, b := m.Between(g, e, corev1.ProtocolTCP); v {
			case model.OK:
				through = true
			case model.Broken:
				kept, block = append(kept, g), cmp.Or(block, b)
			default: // whether it gets through is not known
			}
		}
		if through && len(kept) > 0 {
			return kept, block
		}
	}
	return nil, nil
}

// admitsByAddress reports whether a NetworkPolicy that may select a pod admits by address.
func (m *Map) admitsByAddress(p *corev1.Pod) bool {
	block := func(p networkingv1.NetworkPolicyPeer) bool { return p.IPBlock != nil }
	return slices.ContainsFunc(m.s.PoliciesFor(p), func(np *networkingv1.NetworkPolicy) bool {
		return slices.ContainsFunc(np.Spec.Ingress, func(rule networkingv1.NetworkPolicyIngressRule) bool { return slices.ContainsFunc(rule.From, block) })
	})
}

// LetsOutByAddress reports whether a NetworkPolicy of a namespace lets its pods out to addresses, of which a name may have
// one.
func (m *Map) LetsOutByAddress(namespace string) bool {
	block := func(p networkingv1.NetworkPolicyPeer) bool { return p.IPBlock != nil }
	return slices.ContainsFunc(m.s.PoliciesIn(namespace), func(np *networkingv1.NetworkPolicy) bool {
		return slices.ContainsFunc(np.Spec.Egress, func(rule networkingv1.NetworkPolicyEgressRule) bool { return slices.ContainsFunc(rule.To, block) })
	})
}

// ciliumGateways is the name of Cilium's controller of Gateways. What it serves comes from the Envoy on each node with an
// identity of its own, which policies on the backends are asked about before the request leaves (docs.cilium.io, Gateway API
// Support: "Ingress identity").
const ciliumGateways = "io.cilium/gateway-controller"

// fromCilium asks whether Cilium's own gateway may connect to an end, by Cilium's policies on it alone.
func (m *Map) fromCilium(e End) (model.Verdict, *Block) {
	to := m.end(e.Pod)
	to.IP, to.Protocol = e.IP, corev1.ProtocolTCP
	d := door{netpol.Verdict{Allowed: true}, cilium.Ingress(m.ciliumIn(e.Pod.Namespace), netpol.End{Ingress: true}, to, e.Port)}
	switch v := d.open(); {
	case v == model.Unknown:
		return v, d.doubt()
	case v != model.Broken:
		return v, nil
	case d.Cilium.Policy == nil:
		return model.Unknown, &Block{Why: "which of the policies keeps Cilium's gateway out is not known"}
	}
	p := d.Cilium.Policy
	why := fmt.Sprintf("%s on pod %s/%s does not admit Cilium's own gateway, which is no pod: it has the entity ingress", p.Ref, e.Pod.Namespace, e.Pod.Name)
	if d.Cilium.Denies != cilium.No {
		why = fmt.Sprintf("%s refuses Cilium's own gateway at pod %s/%s", p.Ref, e.Pod.Namespace, e.Pod.Name)
	}
	return model.Broken, &Block{Object: p.Ref, Changed: p.Changed, Ingress: true, Field: cmp.Or(d.Cilium.Field, "spec.ingress"), Why: why, Pod: e.Pod}
}

// isolates reports whether policies may close a pod to what they do not name.
func (m *Map) isolates(p *corev1.Pod) bool {
	return cilium.Ingress(m.ciliumIn(p.Namespace), netpol.End{}, m.end(p), 0).Closes != cilium.No ||
		slices.ContainsFunc(m.s.PoliciesFor(p), func(np *networkingv1.NetworkPolicy) bool {
			return netpol.Selects(np, p, networkingv1.PolicyTypeIngress)
		})
}

// distant leaves out the gateway's pods that are on an end's node and use its network, unless they all
// do: what comes from a pod's own node is let through, and speaks for no other one.
func distant(gateways []*corev1.Pod, e End) []*corev1.Pod {
	away := slices.DeleteFunc(slices.Clone(gateways), func(g *corev1.Pod) bool { return sameNode(g, e) })
	if len(away) == 0 {
		return gateways
	}
	return away
}

// sameNode reports whether a pod is, to an end, its own node.
func sameNode(from *corev1.Pod, e End) bool {
	return from.Spec.HostNetwork && e.Pod != nil && from.Spec.NodeName != "" && from.Spec.NodeName == e.Pod.Spec.NodeName
}

// Between judges the connection from a pod to an end by the policies on both. NetworkPolicies do not
// apply to a pod on its node's network, and to others it is its node: its labels do not count, and
// what it may reach on its own node is always let through (kubernetes.io, Network Policies: "traffic
// to and from the node where a Pod is running is always allowed"). Whether labels of such a pod are
// asked for in vain is up to the network plugin, and so is the address by which another node knows it: both are Unknown.
func (m *Map) Between(from *corev1.Pod, e End, protocol corev1.Protocol) (model.Verdict, *Block) {
	if m.open || sameNode(from, e) {
		return model.OK, nil
	}
	a, b := m.end(from), m.end(e.Pod)
	b.IP, b.Protocol = e.IP, protocol
	a.IP = sameFamily(from, e.IP)
	in, out := door{NetworkPolicy: netpol.Verdict{Allowed: true}}, m.outward(a, b, e.Port)
	if e.Pod != nil {
		in = m.inward(a, b, e.Port)
	}
	inside, closed := m.through(in, networkingv1.PolicyTypeIngress, from, e, a, b)
	if inside == model.Broken && a.Host {
		if why := m.otherwise(from, b, e); why != "" {
			inside, closed = model.Unknown, &Block{Why: why, Unless: closed}
		}
	}
	outside, shut := m.through(out, networkingv1.PolicyTypeEgress, from, e, a, b)
	if outside == model.Broken && b.Host && m.toPod(a, b, e) {
		outside, shut = model.Unknown, &Block{Why: labelsInDoubt(e.Pod)}
	}
	switch {
	case inside == model.Broken:
		return inside, closed
	case outside == model.Broken:
		return outside, shut
	case inside == model.Unknown:
		return inside, closed
	case outside == model.Unknown:
		return outside, shut
	default:
		return m.foreign(from, e.Pod)
	}
}

// through is what a door says of the connection from a pod to an end, with the block where it does not let it through for
// sure. a and b are the pod and the end.
func (m *Map) through(d door, direction networkingv1.PolicyType, from *corev1.Pod, e End, a, b netpol.End) (model.Verdict, *Block) {
	switch d.open() {
	case model.Broken:
		return m.unless(d.block(direction, from, e), a, b, e.Port)
	case model.Unknown:
		return model.Unknown, d.doubt()
	default:
		return model.OK, nil
	}
}

// otherwise says as what a pod on its node's network may be known so that it is admitted after all; empty if nothing that is
// known would. It is by its labels, to plugins that go by the addresses of pods; by another address of its node; or by one of
// the pods' network, as what leaves a node through a tunnel has the address of that (flannel's VXLAN, Calico's IP in IP).
func (m *Map) otherwise(from *corev1.Pod, to netpol.End, e End) string {
	as := func(change func(*netpol.End)) bool {
		a := m.end(from)
		change(&a)
		return netpol.Ingress(m.s.PoliciesFor(e.Pod), a, to, e.Port).Allowed
	}
	if as(func(a *netpol.End) { a.Host = false }) {
		return labelsInDoubt(from)
	}
	addresses := []string{e.IP} // as good as any of the pods' network
	if n, _ := m.s.Nodes().Get("", from.Spec.NodeName); n != nil {
		for _, a := range n.Status.Addresses {
			addresses = append(addresses, a.Address)
		}
		for _, cidr := range append(slices.Clone(n.Spec.PodCIDRs), n.Spec.PodCIDR) {
			base, _, _ := strings.Cut(cidr, "/")
			addresses = append(addresses, base)
		}
	}
	for _, ip := range addresses {
		if as(func(a *netpol.End) { a.IP = ip }) {
			return fmt.Sprintf("pod %s/%s is on its node's network; by which address of the node it is known, which may be one that is admitted (%s), depends on the network plugin", from.Namespace, from.Name, ip)
		}
	}
	return ""
}

// labelsInDoubt says why it is not known whether a pod's labels count.
func labelsInDoubt(p *corev1.Pod) string {
	return fmt.Sprintf("pod %s/%s is on its node's network; whether the rules for its labels apply to it depends on the network plugin", p.Namespace, p.Name)
}

// toPod reports whether a pod on its node's network might be dialled if its labels counted.
func (m *Map) toPod(from, to netpol.End, e End) bool {
	to.Host = false
	return netpol.Egress(m.s.PoliciesFor(from.Pod), from, to, e.Port).Allowed
}

// end is a pod with the labels of its namespace. Each namespace has its name as label, written by the
// API server (Kubernetes 1.22 on), so that much is known of one that could not be read.
func (m *Map) end(p *corev1.Pod) netpol.End {
	if p == nil {
		return netpol.End{}
	}
	out := netpol.End{Pod: p, Namespace: m.s.NamespaceLabels(p.Namespace), Host: p.Spec.HostNetwork}
	if _, presence := m.s.Namespaces().Get("", p.Namespace); presence != snapshot.Present {
		out.Namespace = map[string]string{corev1.LabelMetadataName: p.Namespace}
		out.Unread = presence == snapshot.Unknown
	}
	return out
}

// sameFamily is the address with which a pod dials another one: of the same IP family.
func sameFamily(p *corev1.Pod, dialled string) string {
	for _, ip := range p.Status.PodIPs {
		if strings.Contains(ip.IP, ":") == strings.Contains(dialled, ":") {
			return ip.IP
		}
	}
	return cmp.Or(p.Status.PodIP, p.Status.HostIP)
}

// coveredEnds is OK where the policies on both pods are all known.
func (m *Map) coveredEnds(from, to *corev1.Pod) (model.Verdict, *Block) {
	for _, p := range []*corev1.Pod{to, from} {
		if p == nil || p.Spec.HostNetwork {
			continue
		}
		if v, b := m.covered(p.Namespace); v != model.OK {
			return v, b
		}
	}
	return model.OK, nil
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
