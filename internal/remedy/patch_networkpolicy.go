package remedy

import (
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// mostPolicies is how many policies may stand one behind the other between two pods: one on either end,
// for each of two ports.
const mostPolicies = 4

// PatchNetworkPolicy adds the rule that lets the failing connection through.
func PatchNetworkPolicy() Action {
	return Action{
		Name:       "patch-networkpolicy",
		Doc:        "Adds exactly the rule that is missing, for the pods of one workload on one port: to the NetworkPolicy that shuts them out, or in one of its own where that one is for other pods too.",
		When:       "the policies are all known, and what they shut out is the connection of a failing route, or an application's to DNS",
		Reach:      "the pods of one workload, which then take connections from one workload more, on one port",
		Back:       "the rule is taken out again, or the policy that was created deleted",
		Risk:       model.RiskMedium,
		Candidates: patchNetworkPolicy,
	}
}

// patchNetworkPolicy opens one policy after the other, on a copy, until the connection gets through:
// what admits it on one end may shut it out on the other.
func patchNetworkPolicy(c Case) []model.Remedy {
	var changes []model.Change
	var what string
	m := c.paths()
	for range mostPolicies {
		b := closedBy(c, m)
		if b == nil {
			break
		}
		change, ok := admit(m.Snapshot(), b)
		if !ok {
			return nil
		}
		if what == "" {
			what = b.words()
		}
		next, err := m.Snapshot().With(change)
		if err != nil {
			return nil
		}
		changes, m = append(changes, change), path.New(next)
	}
	if len(changes) == 0 || closedBy(c, m) != nil {
		return nil
	}
	how := "one rule more in " + changes[0].Target.String()
	if changes[0].Op == model.OpCreate {
		how = "create " + changes[0].Target.String()
	}
	return []model.Remedy{finish(c, model.Remedy{
		Action: "patch-networkpolicy", Risk: model.RiskMedium, Changes: changes, Summary: how + ": " + what,
		Why: "no rule of the policies that select these pods is for this connection",
	})}
}

// shut is a connection that a policy does not let through.
type shut struct {
	*path.Block
	port     int32
	protocol corev1.Protocol
	from, to model.Ref // the workloads at its ends
}

func (s shut) words() string {
	return fmt.Sprintf("%s to %s on %s port %d", s.from, s.to, s.protocol, s.port)
}

// closedBy finds what keeps the finding's routes from their backends, or its workload from DNS.
func closedBy(c Case, m *path.Map) *shut {
	of := func(b *path.Block, port int32, protocol corev1.Protocol) *shut {
		if b.Policy == nil || b.Gateway == nil || b.Pod == nil {
			return nil // an address outside the cluster: which of them may be open is a person's to say
		}
		s := m.Snapshot()
		return &shut{b, port, protocol, s.WorkloadOf(b.Gateway), s.WorkloadOf(b.Pod)}
	}
	c.Map = func() *path.Map { return m }
	for _, r := range c.routes() {
		for _, l := range m.Legs(r) {
			for _, e := range l.ReadyEnds() {
				if verdict, b := m.Reach(r, e); verdict == model.Broken {
					return of(b, e.Port, corev1.ProtocolTCP)
				}
			}
		}
	}
	ref, named := c.Finding.Related["pod"]
	pod, presence := m.Snapshot().Pods().Get(ref.Namespace, ref.Name)
	if !named || presence != snapshot.Present {
		return nil
	}
	if verdict, b := m.ReachDNS(pod); verdict == model.Broken {
		return of(b, m.DNSEnds()[0].Port, corev1.ProtocolUDP)
	}
	return nil
}

// admit is the change that adds a rule for a connection to the policy that shuts it out.
func admit(s *snapshot.Snapshot, b *shut) (model.Change, bool) {
	list, side, subject, peer := "egress", "to", b.Gateway, b.Pod
	if b.Ingress {
		list, side, subject, peer = "ingress", "from", b.Pod, b.Gateway
	}
	selector := selectorOf(s, peer)
	if peer.Spec.HostNetwork || len(selector) == 0 { // a node fits no selector, and its address does not stay
		return model.Change{}, false
	}
	who := map[string]any{"podSelector": map[string]any{"matchLabels": anyMap(selector)}}
	if peer.Namespace != subject.Namespace {
		who["namespaceSelector"] = map[string]any{"matchLabels": map[string]any{corev1.LabelMetadataName: peer.Namespace}}
	}
	rule := map[string]any{
		side:    []any{who},
		"ports": []any{map[string]any{"protocol": string(b.protocol), "port": decodedNumber(b.port)}},
	}
	if wider(s, b.Policy, subject) {
		return ownPolicy(s, b, rule, list)
	}
	t, err := tree(b.Policy)
	if err != nil {
		return model.Change{}, false
	}
	at := []string{"spec", list}
	have, there := lookup(t, at)
	rules, _ := have.([]any)
	if !there {
		return patchOf(b.Policy, model.FieldChange{Path: pointer(at), New: encode([]any{rule})}), true
	}
	// A JSON Patch that adds an item at the end of a list names the index behind the last one (RFC 6902, 4.1).
	return patchOf(b.Policy, model.FieldChange{Path: pointer(below(at, strconv.Itoa(len(rules)))), New: encode(rule)}), true
}

// wider reports whether a policy is about more than one workload's pods: a rule in it would open them all.
func wider(s *snapshot.Snapshot, policy *networkingv1.NetworkPolicy, subject *corev1.Pod) bool {
	selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
	if err != nil || selector.Empty() {
		return true
	}
	own := s.WorkloadOf(subject)
	for p := range s.Pods().In(policy.Namespace) {
		if selector.Matches(labels.Set(p.Labels)) && s.WorkloadOf(p) != own {
			return true
		}
	}
	return false
}

// ownPolicy is the creation of a policy for the subject's pods alone. Policies add up, so it opens what
// another one shuts.
func ownPolicy(s *snapshot.Snapshot, b *shut, rule map[string]any, list string) (model.Change, bool) {
	subject, name, kind := b.Gateway, b.from.Name+"-to-"+b.to.Name, networkingv1.PolicyTypeEgress
	if b.Ingress {
		subject, name, kind = b.Pod, b.to.Name+"-from-"+b.from.Name, networkingv1.PolicyTypeIngress
	}
	own := selectorOf(s, subject)
	if len(own) == 0 { // it would be for every pod
		return model.Change{}, false
	}
	target := model.Ref{APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: string(snapshot.NetworkPolicies), Namespace: subject.Namespace}
	target.Name = freeName(s, target, shorten(name))
	return model.Change{Op: model.OpCreate, Target: target, Object: encode(map[string]any{
		"apiVersion": target.APIVersion, "kind": target.Kind,
		"metadata": map[string]any{"namespace": target.Namespace, "name": target.Name},
		"spec": map[string]any{
			"podSelector": map[string]any{"matchLabels": anyMap(own)}, "policyTypes": []any{string(kind)}, list: []any{rule},
		},
	})}, true
}

// selectorOf are the labels by which a pod's workload knows its pods; those of the pod where it has no
// workload that is known, without what differs from one revision to the next.
func selectorOf(s *snapshot.Snapshot, pod *corev1.Pod) map[string]string {
	w := s.WorkloadOf(pod)
	var selector *metav1.LabelSelector
	switch snapshot.Kind(w.Kind) {
	case snapshot.Deployments:
		if d, p := s.Deployments().Get(w.Namespace, w.Name); p == snapshot.Present {
			selector = d.Spec.Selector
		}
	case snapshot.StatefulSets:
		if d, p := s.StatefulSets().Get(w.Namespace, w.Name); p == snapshot.Present {
			selector = d.Spec.Selector
		}
	case snapshot.DaemonSets:
		if d, p := s.DaemonSets().Get(w.Namespace, w.Name); p == snapshot.Present {
			selector = d.Spec.Selector
		}
	default: // a bare pod, or a controller that is not read
	}
	if selector != nil && len(selector.MatchLabels) > 0 {
		return selector.MatchLabels
	}
	return snapshot.TemplateLabels(pod)
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
