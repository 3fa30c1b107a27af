// Package guardrail decides whether a plan may be carried out: by itself, after a person's yes, or not at all.
//
// People write RemediationPolicies (package api/v1alpha1); [Parse] reads and checks them and gives a [Set].
// [Set.Decide] is a pure function of the set, a plan, the history of what was done, the present moment and a
// few [Facts] about the cluster. Every answer names the rule that gave it. The guards of package plan stand
// below: no policy lifts them.
//
// Whether something is forbidden is asked of everything that could forbid it, and the strictest answer counts.
// What cannot be known, such as the labels of a namespace that may not be read, is never taken as a yes.
package guardrail
