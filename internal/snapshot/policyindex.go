package snapshot

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// policyIndex finds the NetworkPolicies of one namespace that may select a pod. Where each Service has a policy of its own,
// asking every policy about every pod would take time that grows with the square of them.
type policyIndex struct {
	wide []placed               // ask for no label by its value
	by   map[[2]string][]placed // by one of the labels that each asks for, key and value: the one that fewest others ask for
}

// placed is a policy and its place among those of its namespace.
type placed struct {
	at     int
	stored Stored
}

func newPolicyIndex(all []Stored) *policyIndex {
	asked, askers := make([][][2]string, len(all)), map[[2]string]int{}
	for i, s := range all {
		if p, ok := open[*networkingv1.NetworkPolicy](s); ok {
			for key, value := range p.Spec.PodSelector.MatchLabels {
				pair := [2]string{key, value}
				asked[i] = append(asked[i], pair)
				askers[pair]++
			}
		}
	}
	x := &policyIndex{by: map[[2]string][]placed{}}
	for i, s := range all {
		if len(asked[i]) == 0 {
			x.wide = append(x.wide, placed{i, s})
			continue
		}
		rarest := slices.MinFunc(asked[i], func(a, b [2]string) int { return cmp.Or(cmp.Compare(askers[a], askers[b]), slices.Compare(a[:], b[:])) })
		x.by[rarest] = append(x.by[rarest], placed{i, s})
	}
	return x
}

// PoliciesFor gives those NetworkPolicies of a pod's namespace that may select it, by name: what it leaves out asks for a
// label that the pod does not have.
func (s *Snapshot) PoliciesFor(p *corev1.Pod) []*networkingv1.NetworkPolicy {
	made := s.index.policies[p.Namespace]
	if made == nil {
		return nil
	}
	x := made()
	found := slices.Clip(x.wide)
	for key, value := range p.Labels {
		found = append(found, x.by[[2]string{key, value}]...)
	}
	if len(found) > len(x.wide) {
		slices.SortFunc(found, func(a, b placed) int { return cmp.Compare(a.at, b.at) })
	}
	out := make([]*networkingv1.NetworkPolicy, 0, len(found))
	for _, f := range found {
		if np, ok := open[*networkingv1.NetworkPolicy](f.stored); ok {
			out = append(out, np)
		}
	}
	return out
}
