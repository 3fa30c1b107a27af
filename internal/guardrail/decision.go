package guardrail

import (
	"cmp"
	"slices"

	"github.com/gatemend/gatemend/internal/model"
)

// decided takes the strictest of some reasons; among equals the one that was given first.
func decided(reasons []model.PolicyReason) model.PolicyDecision {
	sorted := slices.SortedStableFunc(slices.Values(reasons), func(a, b model.PolicyReason) int { return cmp.Compare(a.Verdict, b.Verdict) })
	d := model.PolicyDecision{PolicyReason: sorted[0]}
	for _, r := range sorted[1:] {
		if r.Verdict < model.Allow && r != d.PolicyReason && !slices.Contains(d.Others, r) {
			d.Others = append(d.Others, r)
		}
	}
	return d
}

func says(v model.Permission, rule, because string) model.PolicyReason {
	return model.PolicyReason{Verdict: v, Rule: rule, Because: because}
}
