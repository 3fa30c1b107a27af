package remedy

import (
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// PatchStrategy lets updates of a Deployment keep its old pods until new ones are ready.
func PatchStrategy() Action {
	return Action{
		Name:       "patch-strategy",
		Doc:        "Sets a Deployment's strategy to RollingUpdate with maxUnavailable 0 and a surge, so that an old pod goes only when a new one is ready.",
		When:       "an update left no ready pod, and two pods of the template can run side by side: no volume for one node alone, no port of the node",
		Reach:      "later updates of that Deployment; its pods are replaced once to prove it",
		Back:       "the former strategy is set again",
		Risk:       model.RiskMedium,
		Candidates: patchStrategy,
	}
}

func patchStrategy(c Case) []model.Remedy {
	ref := c.Finding.Object.Ref
	d, presence := c.Snapshot.Deployments().Get(ref.Namespace, ref.Name)
	if c.Finding.ID != "rollout-recreate-gap" || ref.Kind != string(snapshot.Deployments) || presence != snapshot.Present || alone(c.Snapshot, d) {
		return nil
	}
	t, err := tree(d)
	if err != nil {
		return nil
	}
	at := []string{"spec", "strategy"}
	have, _ := lookup(t, at)
	fields := compare(at, have, rolling(d, have))
	if len(fields) == 0 {
		return nil
	}
	ref = snapshot.RefOf(d)
	return []model.Remedy{finish(c, model.Remedy{
		Action: "patch-strategy", Risk: model.RiskMedium, Proof: model.ProofRollout,
		Summary: fmt.Sprintf("strategy RollingUpdate with maxUnavailable 0 on %s, then one rollout to prove it", ref),
		Why:     "an old pod must answer until a new one does",
		Changes: []model.Change{patchOf(d, fields...), restartChange(c, ref)},
	})}
}

// rolling is the wanted strategy: the surge stays as it is where there is one, since both must not be 0.
func rolling(d *appsv1.Deployment, have any) map[string]any {
	surge, ok := lookup(have, []string{"rollingUpdate", "maxSurge"})
	none := []any{decodedNumber(int32(0)), "0", "0%"}
	if !ok || slices.Contains(none, surge) {
		surge = decodedNumber(int32(1))
		if d.Spec.Strategy.RollingUpdate == nil && d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
			surge = "25%" // the API server's default
		}
	}
	return map[string]any{
		"type":          string(appsv1.RollingUpdateDeploymentStrategyType),
		"rollingUpdate": map[string]any{"maxUnavailable": decodedNumber(int32(0)), "maxSurge": surge},
	}
}

// alone reports whether two pods of a Deployment cannot run side by side, or not for certain: one would
// wait for the other's volume or port for ever.
func alone(s *snapshot.Snapshot, d *appsv1.Deployment) bool {
	spec := d.Spec.Template.Spec
	if spec.HostNetwork || slices.ContainsFunc(spec.Containers, func(c corev1.Container) bool {
		return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.HostPort != 0 })
	}) {
		return true
	}
	return slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool {
		if v.PersistentVolumeClaim == nil {
			return false
		}
		claim, presence := s.PersistentVolumeClaims().Get(d.Namespace, v.PersistentVolumeClaim.ClaimName)
		return presence != snapshot.Present || !slices.Contains(claim.Spec.AccessModes, corev1.ReadWriteMany) && !slices.Contains(claim.Spec.AccessModes, corev1.ReadOnlyMany)
	})
}
