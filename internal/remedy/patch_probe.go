package remedy

import (
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// PatchProbe corrects the field of a probe that fails healthy pods.
func PatchProbe() Action {
	return Action{
		Name:       "patch-probe",
		Doc:        "Corrects the path, port, scheme or a timing of a container's probe.",
		When:       "a probe fails healthy pods, and its right value is known from the container, or from the last revision that worked",
		Reach:      "all pods of the workload are replaced, step by step as its strategy says",
		Back:       "the former template is set again",
		Risk:       model.RiskMedium,
		Candidates: patchProbe,
	}
}

func patchProbe(c Case) []model.Remedy {
	path, err := tokens(c.Finding.Object.Field)
	if err != nil || !strings.Contains(c.Finding.Object.Field, "Probe.") || templateOf(c.Snapshot, c.Finding.Object.Ref) == nil {
		return nil
	}
	if want, ok := wanted(c.Finding); ok {
		return oneField(c, "patch-probe", model.RiskMedium, want, why(c.Finding, "the container declares it"))
	}
	if good, ok := goodValue(c, path); ok {
		return oneField(c, "patch-probe", model.RiskMedium, good, why(c.Finding, ""))
	}
	container := containerOf(templateOf(c.Snapshot, c.Finding.Object.Ref), path)
	if path[len(path)-1] != "port" || container == nil || len(container.Ports) != 1 {
		return nil
	}
	port := decodedNumber(container.Ports[0].ContainerPort)
	return oneField(c, "patch-probe", model.RiskMedium, port, "it is the only port that the container declares")
}
