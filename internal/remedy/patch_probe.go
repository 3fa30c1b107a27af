package remedy

import (
	"fmt"
	"maps"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
)

// PatchProbe corrects the field of a probe that fails healthy pods.
func PatchProbe() Action {
	return Action{
		Name:       "patch-probe",
		Doc:        "Corrects the path, port, scheme or a timing of a container's probe, or gives a container more time to start: by a startupProbe like its livenessProbe, or a more patient one.",
		When:       "a probe fails healthy pods, and its right value is known from the container, or from the last revision that worked; or kills a container that is still starting",
		Reach:      "all pods of the workload are replaced, step by step as its strategy says",
		Back:       "the former template is set again",
		Risk:       model.RiskMedium,
		Candidates: patchProbe,
	}
}

func patchProbe(c Case) []model.Remedy {
	path, err := tokens(c.Finding.Object.Field)
	if err == nil && c.Finding.ID == "startup-too-slow" {
		return moreTime(c, path)
	}
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

// How long a container may take to start when nobody knows how long it needs: the example of the Kubernetes
// documentation ("Configure Liveness, Readiness and Startup Probes": 30 failures, 10 s apart), or twice what was
// not enough. What needs more than the most is not slow but stuck.
const (
	leastStart = 5 * 60
	mostStart  = 20 * 60
)

// moreTime lets a container start before its livenessProbe counts: a startupProbe that asks the same, or more
// patience for the one that it has.
func moreTime(c Case, path []string) []model.Remedy {
	container := containerOf(templateOf(c.Snapshot, c.Finding.Object.Ref), path)
	o, t, ok := object(c.Snapshot, c.Finding.Object.Ref)
	if container == nil || !ok {
		return nil
	}
	name, probe := "startupProbe", container.StartupProbe
	if probe == nil {
		name, probe = "livenessProbe", container.LivenessProbe
	}
	if probe == nil {
		return nil
	}
	have, ok := lookup(t, append(path[:5:5], name))
	asks, isMap := have.(map[string]any)
	if !ok || !isMap {
		return nil
	}
	period := max(1, probe.PeriodSeconds)
	enough := max(leastStart, 2*(probe.InitialDelaySeconds+period*max(1, probe.FailureThreshold)))
	if enough > mostStart {
		return nil
	}
	failures := decodedNumber((enough + period - 1) / period)
	at, value := append(path[:5:5], "startupProbe", "failureThreshold"), failures
	if container.StartupProbe == nil {
		asks = maps.Clone(asks)
		delete(asks, "initialDelaySeconds")
		asks["failureThreshold"] = failures
		at, value = at[:6], any(asks)
	}
	change, ok := set(t, at, value)
	if !ok {
		return nil
	}
	return []model.Remedy{finish(c, model.Remedy{
		Action: "patch-probe", Risk: model.RiskMedium,
		Summary: fmt.Sprintf("startupProbe that waits %d s for container %s on %s", enough, container.Name, c.Finding.Object.Ref),
		Why:     fmt.Sprintf("its %s kills it while it is still starting", name),
		Changes: []model.Change{patchOf(o, change)},
	})}
}
