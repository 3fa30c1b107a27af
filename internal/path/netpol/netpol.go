// Package netpol decides whether NetworkPolicies let one pod open a connection to another.
//
// It follows the networking.k8s.io/v1 rules: policies add up, a pod that no policy selects for a
// direction is open in that direction, an empty list of rules admits nothing and an empty rule
// admits everything. A node (a pod on its node's network is one, to a policy) fits no selector, only
// blocks of addresses. What a network plugin does beyond that is the caller's business.
package netpol

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// End is one end of a connection.
type End struct {
	Pod       *corev1.Pod       // nil: an address that is no pod's
	Namespace map[string]string // the labels of the pod's namespace
	IP        string            // the address that the other end sees; empty: the pod's first
	// Host is set for an end that is a node, or a pod on its node's network.
	Host bool
	// Ingress is set for Cilium's own gateway: no pod, but an identity of its own, which only its policies can name.
	Ingress bool
	// Unread is set when Namespace is not all that the namespace has, because nobody could read it.
	Unread bool
	// Protocol is that of the connection, set on the end that is dialled; empty: TCP.
	Protocol corev1.Protocol
	guess    bool // take it that what is not known would fit
}

// Verdict says whether a connection is let through.
type Verdict struct {
	Allowed bool
	// Unsure is set on a connection that is not allowed as far as is known, and would be if the
	// peer's namespace had the labels that are asked for; they could not be read.
	Unsure bool
	// Policies are those that select the pod; when the connection is not allowed, none of them
	// admits it, when it is, the last one does.
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
	return doubted(policies, to, from, to, port, networkingv1.PolicyTypeIngress)
}

// Egress decides by the policies on the sending pod; policies are those of its namespace.
func Egress(policies []*networkingv1.NetworkPolicy, from, to End, port int32) Verdict {
	return doubted(policies, from, to, to, port, networkingv1.PolicyTypeEgress)
}

// doubted judges, and once more in the peer's favour where its labels are not known.
func doubted(policies []*networkingv1.NetworkPolicy, subject, peer, target End, port int32, direction networkingv1.PolicyType) Verdict {
	v := judge(policies, subject, peer, target, port, direction)
	if !v.Allowed && peer.Unread {
		peer.guess = true
		v.Unsure = judge(policies, subject, peer, target, port, direction).Allowed
	}
	return v
}

func judge(policies []*networkingv1.NetworkPolicy, subject, peer, target End, port int32, direction networkingv1.PolicyType) Verdict {
	v := Verdict{}
	if subject.Pod == nil || subject.Host {
		return Verdict{Allowed: true} // policies select pods, and not those on their node's network
	}
	if peer.Pod != nil && peer.Pod.Namespace == subject.Pod.Namespace && peer.Pod.Name == subject.Pod.Name {
		return Verdict{Allowed: true} // a pod cannot block access to itself
	}
	var best miss
	for _, p := range policies {
		if !Selects(p, subject.Pod, direction) {
			continue
		}
		v.Policies = append(v.Policies, p)
		for _, r := range rules(p, direction) {
			if admitsPeer(p, r, peer) && admitsPort(r.ports, target, port) {
				return Verdict{Allowed: true, Policies: v.Policies}
			}
			if m := missed(p, r, peer, target, port); m.before(best) {
				best = m
			}
		}
	}
	if shut := slices.ContainsFunc(v.Policies, func(p *networkingv1.NetworkPolicy) bool { return len(rules(p, direction)) == 0 }); best.score > scoreLeast || best.score > 0 && !shut {
		v.Near, v.NearField, v.Why = best.policy, best.field, best.why
	}
	v.Allowed = len(v.Policies) == 0
	return v
}

// Selects reports whether a policy isolates a pod in a direction.
func Selects(p *networkingv1.NetworkPolicy, pod *corev1.Pod, direction networkingv1.PolicyType) bool {
	return p.Namespace == pod.Namespace && selects(&p.Spec.PodSelector, pod.Labels) && slices.Contains(directions(p), direction)
}

// directions are the directions that a policy is about; egress is implied by having egress rules.
func directions(p *networkingv1.NetworkPolicy) []networkingv1.PolicyType {
	if len(p.Spec.PolicyTypes) > 0 {
		return p.Spec.PolicyTypes
	}
	if len(p.Spec.Egress) > 0 {
		return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	}
	return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
}

// rule is an ingress or egress rule in one form.
type rule struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
	at    int
	list  string // "spec.ingress" or "spec.egress"
	side  string // "from" or "to"
}

func rules(p *networkingv1.NetworkPolicy, direction networkingv1.PolicyType) []rule {
	var out []rule
	if direction == networkingv1.PolicyTypeIngress {
		for i, r := range p.Spec.Ingress {
			out = append(out, rule{r.From, r.Ports, i, "spec.ingress", "from"})
		}
		return out
	}
	for i, r := range p.Spec.Egress {
		out = append(out, rule{r.To, r.Ports, i, "spec.egress", "to"})
	}
	return out
}

func admitsPeer(p *networkingv1.NetworkPolicy, r rule, peer End) bool {
	return len(r.peers) == 0 || slices.ContainsFunc(r.peers, func(x networkingv1.NetworkPolicyPeer) bool {
		f := fitOf(p, x, peer)
		return f.space && f.pod
	})
}

// fit says which halves of a peer fit: the namespace, and the pod in it. Of a block of addresses both
// halves are the same.
type fit struct{ space, pod bool }

func fitOf(p *networkingv1.NetworkPolicy, x networkingv1.NetworkPolicyPeer, peer End) fit {
	if x.IPBlock != nil {
		in := inBlock(x.IPBlock, peer.address())
		return fit{in, in}
	}
	if peer.Pod == nil || peer.Host {
		return fit{}
	}
	f := fit{pod: x.PodSelector == nil || selects(x.PodSelector, peer.Pod.Labels)}
	if x.NamespaceSelector == nil {
		f.space = peer.Pod.Namespace == p.Namespace
	} else {
		f.space = selects(x.NamespaceSelector, peer.Namespace) || peer.guess && asksMore(x.NamespaceSelector, peer.Namespace)
	}
	return f
}

func (e End) address() string {
	if e.IP == "" && e.Pod != nil {
		return e.Pod.Status.PodIP
	}
	return e.IP
}

// selects reads labels without a selector made of them, which is most of what judging a connection would take.
func selects(s *metav1.LabelSelector, have map[string]string) bool {
	for key, value := range s.MatchLabels {
		if got, ok := have[key]; !ok || got != value {
			return false
		}
	}
	if len(s.MatchExpressions) == 0 {
		return true
	}
	selector, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchExpressions: s.MatchExpressions})
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
