package remedy

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// StopExperiment ends what somebody tries out on real requests: an injected fault, or a canary.
func StopExperiment() Action {
	return Action{
		Name:       "stop-experiment",
		Doc:        "Pauses a chaos experiment, takes an injected fault out of a route, or gives the share of a canary that fails back to those that serve.",
		When:       "the experiment runs against the failing route, or what fails gets the smaller share of its requests while the others serve",
		Reach:      "the requests that are part of the experiment",
		Back:       "the experiment goes on, the canary gets its share again",
		Risk:       model.RiskLow,
		Candidates: stopExperiment,
	}
}

func stopExperiment(c Case) []model.Remedy {
	if c.Finding.ID != "fault-injection-active" {
		return stopCanary(c)
	}
	gv, err := schema.ParseGroupVersion(c.Finding.Object.APIVersion)
	o, t, ok := object(c.Snapshot, c.Finding.Object.Ref)
	if err != nil || !ok {
		return nil
	}
	var change model.FieldChange
	what := "pause"
	switch gv.Group {
	case "chaos-mesh.org": // chaos-mesh.org/docs/run-a-chaos-experiment, "Pause or resume chaos experiments"
		change, ok = set(t, []string{"metadata", "annotations", "experiment.chaos-mesh.org/pause"}, "true")
	case "litmuschaos.io": // docs.litmuschaos.io, ChaosEngine: spec.engineState
		change, ok = set(t, []string{"spec", "engineState"}, "stop")
		what = "stop"
	case "networking.istio.io":
		change, ok = withoutFault(t, c.Finding.Object.Field)
		what = "take the injected fault out of"
	default:
		return nil
	}
	if !ok {
		return nil
	}
	return []model.Remedy{finish(c, model.Remedy{
		Action: "stop-experiment", Risk: model.RiskLow, Changes: []model.Change{patchOf(o, change)},
		Summary: what + " " + snapshot.RefOf(o).String(),
		Why:     "requests fail because of it, and nothing else needs it",
	})}
}

// withoutFault takes a fault out of a rule of a VirtualService; an empty fault is not left behind.
func withoutFault(t any, field string) (model.FieldChange, bool) {
	path, err := tokens(field)
	if err != nil || len(path) < 2 || path[len(path)-2] != "fault" {
		return model.FieldChange{}, false
	}
	fault, _ := lookup(t, path[:len(path)-1])
	if all, ok := fault.(map[string]any); ok && len(all) == 1 {
		path = path[:len(path)-1]
	}
	return set(t, path, nil)
}
