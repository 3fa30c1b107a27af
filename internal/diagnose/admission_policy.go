package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// The words in which those who refuse name the policy that they go by: Kyverno's webhook (kyverno/kyverno, pkg/webhooks,
// "blocked due to the following policies", then policy and rule), Gatekeeper's (open-policy-agent/gatekeeper, pkg/webhook:
// the constraint in brackets), and the API server for its own (ValidatingAdmissionPolicy).
var (
	kyvernoPolicy = regexp.MustCompile(`blocked due to the following policies\s+([^\s:]+):\s+([^\s:]+):`)
	constraint    = regexp.MustCompile(`denied the request: \[([^\]\s]+)\]`)
	ownPolicy     = regexp.MustCompile(`ValidatingAdmissionPolicy '([^']+)' with binding '[^']+' denied request`)
)

// policyNamed finds the policy that a refusal names: the webhook that tells it works as it should.
func (v *view) policyNamed(why, namespace string) (model.FieldRef, bool) {
	if m := kyvernoPolicy.FindStringSubmatch(why); m != nil {
		for _, p := range slices.Concat(v.all("kyverno.io", "ClusterPolicy"), v.all("kyverno.io", "Policy")) {
			if p.ref.Name == m[1] && (p.ref.Namespace == "" || p.ref.Namespace == namespace) {
				return at(p.ref, ruleNamed(p, m[2])), true
			}
		}
	}
	if m := constraint.FindStringSubmatch(why); m != nil {
		for u := range v.s.Others().All() {
			if strings.HasPrefix(u.GetAPIVersion(), "constraints.gatekeeper.sh/") && u.GetName() == m[1] {
				return at(model.Ref{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Name: u.GetName()}, "spec.parameters"), true
			}
		}
	}
	if m := ownPolicy.FindStringSubmatch(why); m != nil {
		return at(model.Ref{APIVersion: "admissionregistration.k8s.io/v1", Kind: "ValidatingAdmissionPolicy", Name: m[1]}, "spec.validations"), true
	}
	return model.FieldRef{}, false
}

// ruleNamed is the field of a policy's rule of that name.
func ruleNamed(policy piece, name string) string {
	for i, r := range policy.list("spec", "rules") {
		if r.text("name") == name {
			return fmt.Sprintf("spec.rules[%d]", i)
		}
	}
	return "spec.rules"
}
