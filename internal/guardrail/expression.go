package guardrail

import (
	"fmt"

	"cel.dev/cel-go/cel"

	"github.com/gatemend/gatemend/internal/model"
)

// maxCost bounds what one expression may cost, in the units of CEL. Comparing all variables with something
// takes a few hundred.
const maxCost = 100_000

// newEnv declares the variables of expressions.
func newEnv() (*cel.Env, error) {
	texts := cel.MapType(cel.StringType, cel.StringType)
	return cel.NewEnv(
		cel.Variable("cause", cel.StringType),
		cel.Variable("family", cel.StringType),
		cel.Variable("confidence", cel.DoubleType),
		cel.Variable("action", cel.StringType),
		cel.Variable("risk", cel.StringType),
		cel.Variable("machine", cel.StringType),
		cel.Variable("kind", cel.StringType),
		cel.Variable("namespace", cel.StringType),
		cel.Variable("name", cel.StringType),
		cel.Variable("labels", texts),
		cel.Variable("annotations", texts),
		cel.Variable("namespaceLabels", texts),
		cel.Variable("owners", cel.ListType(cel.StringType)),
		cel.Variable("fields", cel.ListType(cel.StringType)),
	)
}

// compile checks an expression.
func compile(env *cel.Env, text string) (cel.Program, error) {
	ast, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return nil, err
	}
	if !ast.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("it gives a %s, not a bool", ast.OutputType())
	}
	return env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
}

// evaluate asks an expression about a plan and one of the objects that it changes.
func evaluate(p cel.Program, plan model.Plan, t Target) (bool, error) {
	owners := []string{}
	for _, o := range t.Owners {
		owners = append(owners, string(o.Tool))
	}
	out, _, err := p.Eval(map[string]any{
		"cause": string(plan.Finding.ID), "family": plan.Finding.Family, "confidence": plan.Finding.Confidence,
		"action": plan.Remedy.Action, "risk": string(plan.Remedy.Risk), "machine": string(plan.Remedy.Machine),
		"kind": t.Kind, "namespace": t.Namespace, "name": t.Name,
		"labels": orEmpty(t.Labels), "annotations": orEmpty(t.Annotations), "namespaceLabels": orEmpty(t.NamespaceLabels),
		"owners": owners, "fields": append([]string{}, t.Fields...),
	})
	if err != nil {
		return false, err
	}
	yes, _ := out.Value().(bool) // the type was checked when it was compiled
	return yes, nil
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
