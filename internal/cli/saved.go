package cli

import (
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/model"
)

// readPlan reads a plan that was saved. A field that plans do not have is an error: what somebody wrote into it
// by hand and misspelt would else be left out without a word.
func readPlan(env Env, path string) (*model.Plan, error) {
	const hint = "'gatemend fix --plan -o yaml' writes one"
	data, err := env.ReadFile(path, env.In)
	if err != nil {
		return nil, err
	}
	var p model.Plan
	if err := yaml.UnmarshalStrict(data, &p); err != nil {
		return nil, usagef(hint, "%s is no plan: %v", path, err)
	}
	if p.Kind != model.KindPlan {
		return nil, usagef(hint, "%s is no plan: its kind is %q", path, p.Kind)
	}
	return &p, nil
}
