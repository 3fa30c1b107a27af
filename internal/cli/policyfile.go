package cli

import (
	"errors"

	"github.com/gatemend/gatemend/internal/guardrail"
)

// policyUsage is the help of --policy.
const policyUsage = "file of RemediationPolicies that say what may be done, and who must agree"

// readPolicies reads the file of --policy; "" is none.
func readPolicies(env Env, path string) (*guardrail.Set, error) {
	if path == "" {
		return nil, nil
	}
	data, err := env.ReadFile(path, env.In)
	if err != nil {
		return nil, err
	}
	set, err := guardrail.Parse(path, data)
	if _, wrong := errors.AsType[*guardrail.Problem](err); wrong {
		return nil, usagef("'gatemend policy check' checks a policy", "%v", err)
	}
	if err != nil {
		return nil, err
	}
	return &set, nil
}
