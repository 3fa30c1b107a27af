package remedy

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// RestartedAt is the annotation with which kubectl asks for a rollout without any other change.
const RestartedAt = "kubectl.kubernetes.io/restartedAt"

const (
	defaultSleep = 5  // seconds; the withdrawal of an endpoint takes a proxy well under a second, a busy one a few
	defaultGrace = 30 // seconds; what Kubernetes takes for terminationGracePeriodSeconds
	stopMargin   = 10 // seconds that the application keeps for itself after the sleep
)

// PatchLifecycle lets pods go on answering while the gateways are told that they stop.
func PatchLifecycle() Action {
	return Action{
		Name:       "patch-lifecycle",
		Doc:        "Adds a preStop sleep, so that a pod answers until every gateway has stopped sending to it.",
		When:       "pods stop before the gateways stop sending",
		Reach:      "all pods of the workload are replaced twice, step by step as its strategy says",
		Back:       "the former template is set again",
		Risk:       model.RiskMedium,
		Candidates: patchLifecycle,
	}
}

// patchLifecycle makes two changes. The first adds the sleep; its own rollout still replaces pods
// that have none, so errors then say nothing. The second rolls once more: that rollout is the proof.
func patchLifecycle(c Case) []model.Remedy {
	f := c.Finding
	path, err := tokens(f.Object.Field)
	template := templateOf(c.Snapshot, f.Object.Ref)
	if f.ID != "termination-race" || err != nil || containerOf(template, path) == nil {
		return nil
	}
	o, t, ok := object(c.Snapshot, f.Object.Ref)
	if !ok {
		return nil
	}
	hook, seconds := sleepHook(f)
	path = append(path[:5:5], "lifecycle", "preStop")
	change, ok := set(t, path, hook)
	if !ok {
		return nil
	}
	fields := []model.FieldChange{change}
	summary := fmt.Sprintf("preStop sleep of %d s on %s", seconds, f.Object.Ref)
	grace := int64(defaultGrace)
	if template.Spec.TerminationGracePeriodSeconds != nil {
		grace = *template.Spec.TerminationGracePeriodSeconds
	}
	if grace < seconds+stopMargin {
		longer := decodedNumber(seconds + stopMargin)
		if c, ok := set(t, []string{"spec", "template", "spec", "terminationGracePeriodSeconds"}, longer); ok {
			fields = append(fields, c)
			summary += fmt.Sprintf(", grace period %d s -> %v s", grace, longer)
		}
	}
	return []model.Remedy{finish(c, model.Remedy{
		Action: "patch-lifecycle", Risk: model.RiskMedium, Proof: model.ProofRollout,
		Summary: summary + ", then one more rollout to prove it",
		Why:     "a pod must outlive its place in the gateways' tables",
		Changes: []model.Change{patchOf(o, fields...), restartChange(c, f.Object.Ref)},
	})}
}

// sleepHook is the wanted preStop hook and its length. A hook that is not a sleep is taken as it is.
func sleepHook(f model.Finding) (hook any, seconds int64) {
	hook, ok := wanted(f)
	if n, is := lookup(hook, []string{"sleep", "seconds"}); ok && is {
		if number, isNumber := n.(json.Number); isNumber {
			if s, err := number.Int64(); err == nil && s > 0 && s <= 120 {
				return hook, s
			}
		}
	}
	return map[string]any{"sleep": map[string]any{"seconds": decodedNumber(int64(defaultSleep))}}, defaultSleep
}

// restartChange rolls a workload once. It may follow another change of the same object, so it names no
// resource version.
func restartChange(c Case, workload model.Ref) model.Change {
	o, t, ok := object(c.Snapshot, workload)
	if !ok {
		return model.Change{}
	}
	path := []string{"spec", "template", "metadata", "annotations", RestartedAt}
	field, _ := set(t, path, c.Snapshot.At().UTC().Format(time.RFC3339))
	change := patchOf(o, field)
	change.ResourceVersion = ""
	return change
}
