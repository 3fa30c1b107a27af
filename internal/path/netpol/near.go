package netpol

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// miss is a rule that does not admit a connection, with how near it comes. Policies add up, so where
// several close a pod, the one to mend is the rule that was meant for this traffic and misses it.
type miss struct {
	score  int // 0: it is about something else
	policy *networkingv1.NetworkPolicy
	field  string
	why    string
}

// before orders misses: the nearest, of equally near ones that of the policy that changed last, as
// what was closed all the time is no news.
func (m miss) before(o miss) bool {
	if m.score != o.score || m.score == 0 {
		return m.score > o.score
	}
	return Changed(m.policy).After(Changed(o.policy))
}

// The scores of a rule's halves. A rule that names the port was made for the application, one that
// names the peer for the gateway; a rule that fits in one half because it leaves it open says
// nothing.
const (
	scorePeer  = 8 // the peer is meant by name, and the port is wrong
	scoreOpen  = 6 // any peer, and the port is wrong
	scorePort  = 5 // the port is meant by number, and the peer is wrong
	scoreHalf  = 3 // half of a peer fits, besides
	scoreMeant = 2 // its words are those of the peer
	scoreAlike = 1 // each label that is asked for and is there, be it with another value
	scoreLeast = 1 // it opens the port as it does any other, to somebody else
)

// dns is the port of DNS.
const dns = 53

// missed says how near a rule that does not admit a connection comes to it.
func missed(p *networkingv1.NetworkPolicy, r rule, peer, target End, port int32) miss {
	m := miss{policy: p}
	field := fmt.Sprintf("%s[%d]", r.list, r.at)
	if admitsPeer(p, r, peer) {
		if dnsOnly(r.ports, port) {
			return m // it goes with every default-deny, and is about nothing else
		}
		m.score, m.field = scorePeer, field+".ports"
		if len(r.peers) == 0 {
			m.score = scoreOpen
		}
		m.why = fmt.Sprintf("its rule is for %s, not for port %d", ports(r.ports), port)
		if target.protocol() != "TCP" {
			m.why += " of " + string(target.protocol())
		}
		return m
	}
	if !admitsPort(r.ports, target, port) {
		return m
	}
	for i, x := range r.peers {
		score := nearness(p, x, peer)
		switch {
		case len(r.ports) > 0:
			score += scorePort
		case x.IPBlock != nil || x.NamespaceSelector != nil || asks(x.PodSelector):
			score += scoreLeast // else it is for all of its own namespace, as everywhere
		}
		if score > m.score {
			why, where := reason(p, x, peer)
			m.score, m.why, m.field = score, why, fmt.Sprintf("%s.%s[%d]%s", field, r.side, i, where)
		}
	}
	return m
}

// dnsOnly reports whether a rule is for DNS and nothing else, while something else is dialled.
func dnsOnly(ps []networkingv1.NetworkPolicyPort, port int32) bool {
	return port != dns && !slices.ContainsFunc(ps, func(p networkingv1.NetworkPolicyPort) bool {
		return p.Port == nil || p.EndPort != nil || p.Port.IntVal != dns && !strings.HasPrefix(p.Port.StrVal, "dns")
	})
}

// nearness says how much of a peer fits.
func nearness(p *networkingv1.NetworkPolicy, x networkingv1.NetworkPolicyPeer, peer End) int {
	if x.IPBlock != nil {
		if within(x.IPBlock.CIDR, peer.address()) {
			return scoreHalf // an exception takes it out again
		}
		return 0
	}
	if peer.Pod == nil || peer.Host {
		return 0
	}
	score := 0
	if f := fitOf(p, x, peer); asks(x.PodSelector) && (f.space || f.pod) {
		score += scoreHalf
	}
	if meant(p, x, peer) {
		score += scoreMeant
	}
	return score + alike(x.NamespaceSelector, peer.Namespace) + alike(x.PodSelector, peer.Pod.Labels)
}

// meant reports whether the words of a peer's selectors, or of the policy's name, are those of the
// pod that it misses, or such as people give to gateways.
func meant(p *networkingv1.NetworkPolicy, x networkingv1.NetworkPolicyPeer, peer End) bool {
	have := append(words(peer.Pod.Namespace, peer.Pod.Name), words(slices.Collect(maps.Values(peer.Pod.Labels))...)...)
	have = append(have, words(slices.Collect(maps.Values(peer.Namespace))...)...)
	have = append(have, "gateway", "edge", "proxy", "router")
	says := words(strings.ReplaceAll(p.Name, "ingress", "")) // there it is the direction
	for _, s := range []*metav1.LabelSelector{x.NamespaceSelector, x.PodSelector} {
		if s == nil {
			continue
		}
		says = append(says, words(slices.Collect(maps.Values(s.MatchLabels))...)...)
		for _, r := range s.MatchExpressions {
			says = append(says, words(r.Values...)...)
		}
	}
	return slices.ContainsFunc(says, func(w string) bool { return slices.Contains(have, w) })
}

// words splits names at what is no letter, and leaves out what says nothing.
func words(names ...string) []string {
	out := strings.FieldsFunc(strings.ToLower(strings.Join(names, " ")), func(c rune) bool { return c < 'a' || c > 'z' })
	return slices.DeleteFunc(out, func(w string) bool {
		return len(w) < 3 || w == "controller" || w == "allow" || w == "system" || w == "app" || w == "true"
	})
}

// asks reports whether a selector asks for anything.
func asks(s *metav1.LabelSelector) bool {
	return s != nil && len(s.MatchLabels)+len(s.MatchExpressions) > 0
}

// alike counts the labels that a selector asks for and that are there, be it with another value.
func alike(s *metav1.LabelSelector, have map[string]string) int {
	if s == nil {
		return 0
	}
	n := 0
	for key := range s.MatchLabels {
		if _, ok := have[key]; ok {
			n += scoreAlike
		}
	}
	for _, r := range s.MatchExpressions {
		if _, ok := have[r.Key]; ok {
			n += scoreAlike
		}
	}
	return n
}

// reason says why a peer of a rule does not fit, and in which field.
func reason(p *networkingv1.NetworkPolicy, x networkingv1.NetworkPolicyPeer, peer End) (why, field string) {
	if b := x.IPBlock; b != nil {
		i := slices.IndexFunc(b.Except, func(e string) bool { return within(e, peer.address()) })
		if i >= 0 && within(b.CIDR, peer.address()) {
			return fmt.Sprintf("it is for addresses in %s except %s, and the peer is %s", b.CIDR, b.Except[i], peer.address()), ".ipBlock.except"
		}
		return fmt.Sprintf("it is for addresses in %s, and the peer is %s", b.CIDR, peer.address()), ".ipBlock"
	}
	const space, pod = ".namespaceSelector", ".podSelector"
	either := space
	if x.NamespaceSelector == nil {
		either = pod
	}
	switch {
	case peer.Pod == nil:
		return fmt.Sprintf("it is for pods, and %s is none", peer.address()), either
	case peer.Host:
		return fmt.Sprintf("it is for pods by their labels, and pod %s is on its node's network, known by the node's address %s", peer.Pod.Name, peer.address()), either
	case fitOf(p, x, peer).space:
		return fmt.Sprintf("it is for pods with %s, and pod %s has %s",
			metav1.FormatLabelSelector(x.PodSelector), peer.Pod.Name, show(peer.Pod.Labels)), pod
	case x.NamespaceSelector == nil:
		return fmt.Sprintf("without a namespaceSelector it is for pods of namespace %s alone, and the peer is in %s", p.Namespace, peer.Pod.Namespace), pod
	default:
		return fmt.Sprintf("it is for namespaces with %s, and namespace %s has %s",
			metav1.FormatLabelSelector(x.NamespaceSelector), peer.Pod.Namespace, show(peer.Namespace)), space
	}
}

func show(have map[string]string) string {
	if len(have) == 0 {
		return "no labels"
	}
	return labels.FormatLabels(have)
}

// Changed is when somebody last wrote a policy's spec: what its managed fields say, else its creation.
func Changed(p *networkingv1.NetworkPolicy) time.Time {
	last := p.CreationTimestamp.Time
	for _, m := range p.ManagedFields {
		if m.Subresource == "" && m.Time != nil && m.Time.After(last) && (m.FieldsV1 == nil || strings.Contains(m.FieldsV1.GetRawString(), "f:spec")) {
			last = m.Time.Time
		}
	}
	return last
}

// Closing is the policy to name where no rule comes near: of those that close a pod, the one with
// the fewest rules for the direction (a default-deny that nothing opens), then the one that changed last.
func Closing(ps []*networkingv1.NetworkPolicy, direction networkingv1.PolicyType) *networkingv1.NetworkPolicy {
	return slices.MaxFunc(ps, func(a, b *networkingv1.NetworkPolicy) int {
		return cmp.Or(cmp.Compare(len(rules(b, direction)), len(rules(a, direction))), Changed(a).Compare(Changed(b)), cmp.Compare(b.Name, a.Name))
	})
}
