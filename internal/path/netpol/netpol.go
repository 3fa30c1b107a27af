// Package netpol decides whether NetworkPolicies let one pod open a TCP connection to another.
//
// It follows the networking.k8s.io/v1 rules: policies add up, a pod that no policy selects for a
// direction is open in that direction, an empty list of rules admits nothing and an empty rule
// admits everything. What a network plugin does beyond that (node traffic, host-network pods,
// which policies do not cover) is the caller's business.
package netpol

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// End is one end of a connection.
type End struct {
	Pod       *corev1.Pod
	Namespace map[string]string // the labels of the pod's namespace
	IP        string            // empty: the pod's own
	// Unread is set when Namespace is not all that the namespace has, because nobody could read it.
	Unread bool
	guess  bool // take it that what is not known would fit
}

// Verdict says whether a connection is let through.
type Verdict struct {
	Allowed bool
	// Unsure is set on a connection that is not allowed as far as is known, and would be if the
	// peer's namespace had the labels that are asked for; they could not be read.
	Unsure bool
	// Policies are those that select the pod; when the connection is not allowed, none of them
	// admits it.
	Policies []*networkingv1.NetworkPolicy
	// Near is the policy, with the field of the rule, that would admit the connection but for one
	// selector or port; nil if there is none such.
	Near      *networkingv1.NetworkPolicy
	NearField string
	Why       string // what the nearest rule asks for and what the connection has
}

// Ingress decides by the policies on the receiving pod; policies are those of its namespace. port
// is the container port that is dialled.
func Ingress(policies []*networkingv1.NetworkPolicy, from, to End, port int32) Verdict {
	return doubted(policies, to, from, to.Pod, port, networkingv1.PolicyTypeIngress)
}

// Egress decides by the policies on the sending pod; policies are those of its namespace.
func Egress(policies []*networkingv1.NetworkPolicy, from, to End, port int32) Verdict {
	return doubted(policies, from, to, to.Pod, port, networkingv1.PolicyTypeEgress)
}

// doubted judges, and once more in the peer's favour where its labels are not known.
func doubted(policies []*networkingv1.NetworkPolicy, subject, peer End, target *corev1.Pod, port int32, direction networkingv1.PolicyType) Verdict {
	v := judge(policies, subject, peer, target, port, direction)
	if !v.Allowed && peer.Unread {
		peer.guess = true
		v.Unsure = judge(policies, subject, peer, target, port, direction).Allowed
	}
	return v
}

// rule is an ingress or egress rule in one form.
type rule struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
	field string // "spec.ingress[0]"
	side  string // "from" or "to"
}

func judge(policies []*networkingv1.NetworkPolicy, subject, peer End, target *corev1.Pod, port int32, direction networkingv1.PolicyType) Verdict {
	v := Verdict{}
	nearest := 0
	for _, p := range policies {
		if p.Namespace != subject.Pod.Namespace || !slices.Contains(Types(p), direction) || !selects(&p.Spec.PodSelector, subject.Pod.Labels) {
			continue
		}
		v.Policies = append(v.Policies, p)
		for _, r := range rules(p, direction) {
			peerFits, peerWhy, peerField := admitsPeer(p, r, peer)
			portFits := admitsPort(r.ports, target, port)
			if peerFits && portFits {
				return Verdict{Allowed: true}
			}
			if score := grade(peerFits, portFits); score > nearest {
				nearest, v.Near = score, p
				if peerFits {
					v.NearField = r.field + ".ports"
					v.Why = fmt.Sprintf("its rule is for %s, not for port %d", ports(r.ports), port)
				} else {
					v.NearField, v.Why = peerField, peerWhy
				}
			}
		}
	}
	v.Allowed = len(v.Policies) == 0
	return v
}

// grade ranks a rule that does not admit: the right port from the wrong peer is nearest, since a
// rule made for this traffic names its port.
func grade(peer, port bool) int {
	switch {
	case port && !peer:
		return 3
	case peer && !port:
		return 2
	default:
		return 1
	}
}

// Types are the directions that a policy is about; egress is implied by having egress rules.
func Types(p *networkingv1.NetworkPolicy) []networkingv1.PolicyType {
	if len(p.Spec.PolicyTypes) > 0 {
		return p.Spec.PolicyTypes
	}
	if len(p.Spec.Egress) > 0 {
		return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	}
	return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
}

func rules(p *networkingv1.NetworkPolicy, direction networkingv1.PolicyType) []rule {
	var out []rule
	if direction == networkingv1.PolicyTypeIngress {
		for i, r := range p.Spec.Ingress {
			out = append(out, rule{r.From, r.Ports, fmt.Sprintf("spec.ingress[%d]", i), "from"})
		}
		return out
	}
	for i, r := range p.Spec.Egress {
		out = append(out, rule{r.To, r.Ports, fmt.Sprintf("spec.egress[%d]", i), "to"})
	}
	return out
}

func admitsPeer(p *networkingv1.NetworkPolicy, r rule, peer End) (fits bool, why, field string) {
	if len(r.peers) == 0 {
		return true, "", ""
	}
	for i, x := range r.peers {
		at := fmt.Sprintf("%s.%s[%d]", r.field, r.side, i)
		ok, reason, where := onePeer(p, x, peer)
		if ok {
			return true, "", ""
		}
		if why == "" {
			why, field = reason, at+where
		}
	}
	return false, why, field
}

func onePeer(p *networkingv1.NetworkPolicy, x networkingv1.NetworkPolicyPeer, peer End) (ok bool, why, field string) {
	if x.IPBlock != nil {
		if inBlock(x.IPBlock, cmp.Or(peer.IP, peer.Pod.Status.PodIP)) {
			return true, "", ""
		}
		return false, fmt.Sprintf("it is for addresses in %s, and the peer is %s", x.IPBlock.CIDR, cmp.Or(peer.IP, peer.Pod.Status.PodIP)), ".ipBlock"
	}
	if x.NamespaceSelector == nil {
		if peer.Pod.Namespace != p.Namespace {
			return false, fmt.Sprintf("without a namespaceSelector it is for pods of namespace %s alone, and the peer is in %s", p.Namespace, peer.Pod.Namespace), ".podSelector"
		}
	} else if !selects(x.NamespaceSelector, peer.Namespace) && (!peer.guess || !asksMore(x.NamespaceSelector, peer.Namespace)) {
		return false, fmt.Sprintf("it is for namespaces with %s, and namespace %s has %s",
			metav1.FormatLabelSelector(x.NamespaceSelector), peer.Pod.Namespace, show(peer.Namespace)), ".namespaceSelector"
	}
	if x.PodSelector != nil && !selects(x.PodSelector, peer.Pod.Labels) {
		return false, fmt.Sprintf("it is for pods with %s, and pod %s has %s",
			metav1.FormatLabelSelector(x.PodSelector), peer.Pod.Name, show(peer.Pod.Labels)), ".podSelector"
	}
	return true, "", ""
}

func selects(s *metav1.LabelSelector, have map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(have))
}

// asksMore reports whether a selector asks for labels other than those that are known.
func asksMore(s *metav1.LabelSelector, known map[string]string) bool {
	for key := range s.MatchLabels {
		if _, ok := known[key]; !ok {
			return true
		}
	}
	return slices.ContainsFunc(s.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool {
		_, ok := known[r.Key]
		return !ok
	})
}

func inBlock(b *networkingv1.IPBlock, ip string) bool {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	if cidr, err := netip.ParsePrefix(b.CIDR); err != nil || !cidr.Contains(addr) {
		return false
	}
	for _, e := range b.Except {
		if cidr, err := netip.ParsePrefix(e); err == nil && cidr.Contains(addr) {
			return false
		}
	}
	return true
}

func admitsPort(ps []networkingv1.NetworkPolicyPort, target *corev1.Pod, port int32) bool {
	if len(ps) == 0 {
		return true
	}
	return slices.ContainsFunc(ps, func(p networkingv1.NetworkPolicyPort) bool {
		if p.Protocol != nil && *p.Protocol != corev1.ProtocolTCP {
			return false
		}
		switch {
		case p.Port == nil:
			return true
		case p.Port.Type == intstr.String:
			return named(target, p.Port.StrVal) == port
		case p.EndPort != nil:
			return p.Port.IntVal <= port && port <= *p.EndPort
		default:
			return p.Port.IntVal == port
		}
	})
}

func named(pod *corev1.Pod, name string) int32 {
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == name {
				return p.ContainerPort
			}
		}
	}
	return 0
}

func ports(ps []networkingv1.NetworkPolicyPort) string {
	var out []string
	for _, p := range ps {
		switch {
		case p.Port == nil:
			out = append(out, "any port")
		case p.EndPort != nil:
			out = append(out, fmt.Sprintf("ports %s to %d", p.Port, *p.EndPort))
		default:
			out = append(out, "port "+p.Port.String())
		}
	}
	return strings.Join(out, " and ")
}

func show(have map[string]string) string {
	if len(have) == 0 {
		return "no labels"
	}
	return labels.FormatLabels(have)
}
