package remedy

import (
	"encoding/json"
	"fmt"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Scale gives a workload that was scaled to zero its replicas back.
func Scale() Action {
	return Action{
		Name:       "scale",
		Doc:        "Gives a workload that was scaled to zero its replicas back.",
		Risk:       model.RiskLow,
		Candidates: scale,
	}
}

func scale(c Case) []model.Remedy {
	if c.Finding.ID != "no-replicas" || templateOf(c.Snapshot, c.Finding.Object.Ref) == nil ||
		c.Finding.Object.Kind == string(snapshot.DaemonSets) {
		return nil
	}
	want, known := wanted(c.Finding)
	reason := "it is the last count that is known"
	if n, ok := want.(json.Number); !known || !ok || n.String() == "0" {
		want, reason = decodedNumber(int32(1)), "nothing says how many there were; one is the least that answers"
	}
	if hpa := AutoscalerOf(c.Snapshot, c.Finding.Object.Ref); hpa != nil {
		least := int32(1)
		if hpa.Spec.MinReplicas != nil {
			least = *hpa.Spec.MinReplicas
		}
		// At zero replicas an autoscaler is switched off; it goes on from the count that it finds.
		want, reason = decodedNumber(max(least, 1)), fmt.Sprintf("it is the least that %s allows", snapshot.RefOf(hpa))
	}
	c.Finding.Object.Field = "spec.replicas"
	remedies := oneField(c, "scale", model.RiskLow, want, reason)
	for i := range remedies {
		on := c.Finding.Object.Ref
		remedies[i].Kubectl = fmt.Sprintf("kubectl scale %s%s --replicas=%v", model.ShellWord(on.Resource()), namespaceFlag(on), want)
	}
	return remedies
}
