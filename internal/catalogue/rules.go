package catalogue

// Rule is a reason for which a repair is not made, or not without a person.
type Rule struct {
	// ID is a contract, as causes' are: refusals and decisions name it in every output. POLICY, RULE, N and MODE stand for
	// what people have written.
	ID string
	// Asked says when the rule is asked.
	Asked Stage
	// Makes is what a plan that breaks the rule becomes: refuse, propose or approve, as model.Permission has it.
	Makes string
	// When says in one clause when a plan breaks the rule.
	When string
}

// Stage is a moment at which rules are asked.
type Stage string

// The stages, in their order.
const (
	StageWhatIf Stage = "what-if" // a candidate is tried on a copy of the cluster, also of a saved plan and right before it is carried out
	StageGuard  Stage = "guard"   // for whatever passes the what-if; no policy lifts a guard
	StagePolicy Stage = "policy"  // of a plan: what people have written, and what holds without that
)

// The ids of the rules that package plan asks when it tries a candidate.
const (
	RuleTriedBefore     = "tried-before"
	RuleDoesNotFit      = "does-not-fit"
	RuleChangedSince    = "changed-since"
	RuleResourceQuota   = "resource-quota"
	RuleStillFails      = "still-fails"
	RuleBreaksRoute     = "breaks-route"
	RuleEffectUnknown   = "effect-unknown"
	RuleUnrelatedFaults = "unrelated-faults"
	RuleNotShown        = "not-shown"
)

// Rules lists every rule, in the order of stages.
func Rules() []Rule {
	return []Rule{
		{RuleTriedBefore, StageWhatIf, "refuse", "the same was tried for the same cause at the same object, and did not help or could not be carried out"},
		{RuleDoesNotFit, StageWhatIf, "refuse", "the change cannot be made on the objects as they are"},
		{RuleChangedSince, StageWhatIf, "refuse", "what the plan rests on is not as it was when the plan was made"},
		{RuleResourceQuota, StageWhatIf, "refuse", "a ResourceQuota would refuse the pods that come for the change"},
		{RuleStillFails, StageWhatIf, "refuse", "a request that should be mended would still fail"},
		{RuleBreaksRoute, StageWhatIf, "refuse", "a request would fare worse than before, also one of another route"},
		{RuleEffectUnknown, StageWhatIf, "refuse", "the model cannot tell which request the change would mend"},
		{RuleUnrelatedFaults, StageWhatIf, "refuse", "several faults would be mended together of which no request suffers at once"},
		{RuleNotShown, StageWhatIf, "refuse", "the change cannot be shown as a diff, so that nobody could judge it"},

		{"confidence", StageGuard, "propose", "the cause is less certain than 90%"},
		{"advice-only", StageGuard, "propose", "no machine should mend this cause, or the action reaches beyond the failing route: a person runs the command"},
		{"machine", StageGuard, "approve", "mending this cause needs a person's yes, as its page says"},
		{"owner", StageGuard, "propose", "Argo CD, Flux, Helm, Kustomize or an operator keeps the object and would take the change back; `allowOwners` lifts it"},
		{"autoscaler", StageGuard, "propose", "an autoscaler sets the replicas or the resources that would be changed"},
		{"access", StageGuard, "approve", "somebody could speak or refer to more than before"},
		{"rollback-once", StageGuard, "propose", "the workload was rolled back already: a second time would be a loop"},
		{"all-replicas", StageGuard, "propose", "every replica has the symptom: what they share is not cured by restarting them all"},
		{"recreate", StageGuard, "approve", "strategy Recreate would stop all pods before others start, and some serve"},
		{"lossy-rollout", StageGuard, "approve", "the rollout that brings the change fails requests itself, since the pods of now stop too early"},
		{"disruption-budget", StageGuard, "propose", "a PodDisruptionBudget does not let a pod be taken away now"},
		{"protected-namespace", StageGuard, "propose", "the object is in kube-system, kube-public, kube-node-lease or gatemend"},
		{"rate-limit", StageGuard, "propose", "more than 10 changes in 10 minutes, or than a sixth of `limits.actionsPerHour.cluster` where all policies that state it let that be more"},
		{"blind-spot", StageGuard, "approve", "a part of the request's path could not be looked at"},
		{"unconfirmed", StageGuard, "approve", "a diagnosis of now does not name the cause of a saved plan any more"},

		{"kill-switch", StagePolicy, "refuse", "`gatemend stop` was called, for the cluster or the namespace of an object, and `gatemend resume` was not"},
		{"kill-switch", StagePolicy, "approve", "whether gatemend was stopped cannot be read; nothing is done unattended then"},
		{"mode MODE", StagePolicy, "refuse", "the controller is in a mode in which it changes nothing"},
		{"guard NAME", StagePolicy, "propose, or approve where a person's yes lifts the guard", "a guard objects to the plan"},
		{"namespace-label", StagePolicy, "propose", "the namespace is labelled `gatemend.dev/remediation=disabled`"},
		{"default", StagePolicy, "propose", "no rule of a policy is about the object; without any policy, approve"},
		{"policies", StagePolicy, "propose", "the cluster's policies cannot be read, or one of them is not valid"},
		{"rights", StagePolicy, "propose", "the controller has no right to make one of the changes, or to take it back"},
		{"POLICY/RULE", StagePolicy, "what its `mode` says", "the rule is the first that matches; where it is not known whether it does, propose"},
		{"POLICY/RULE: minConfidencePercent", StagePolicy, "propose", "the cause is less certain than the rule asks for"},
		{"POLICY/RULE: maxUnavailable", StagePolicy, "propose", "more ready pods of a workload would be away at once; 25% by default, rounded up"},
		{"POLICY: match", StagePolicy, "propose", "it is not known whether the policy is about the object"},
		{"POLICY: namespaceOptIn", StagePolicy, "approve", "the namespace is not labelled `=enabled`; `namespaceOptIn: NotRequired` lifts that"},
		{"POLICY: windows", StagePolicy, "approve", "it is outside of all `windows`"},
		{"POLICY: freezes[N]", StagePolicy, "propose", "a freeze holds"},
		{"POLICY: limits.actionsPerHour.object", StagePolicy, "propose", "more changes of the object in the last hour; 2 by default"},
		{"POLICY: limits.actionsPerHour.namespace", StagePolicy, "propose", "more changes in the namespace in the last hour; 10 by default"},
		{"POLICY: limits.actionsPerHour.cluster", StagePolicy, "propose", "more changes in the last hour; 20 by default"},
		{"POLICY: limits.cooldown", StagePolicy, "propose", "the object was changed in the last 10 minutes, or what `cooldown` says"},
		{"POLICY: limits.storm", StagePolicy, "propose", "more than 5 incidents within 10 minutes, or more than 5 routes that fail at once for different causes: they most likely have one cause elsewhere, and a person must find it"},
	}
}
