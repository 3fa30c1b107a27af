package remedy

import (
	"encoding/json"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Scale gives a workload more replicas: those that it had before somebody took them all, or half as many
// again where they have too much to do.
func Scale() Action {
	return Action{
		Name:       "scale",
		Doc:        "Gives a workload that was scaled to zero its replicas back, and one that has too much to do half as many again; where an autoscaler sets them, through its bounds.",
		When:       "the workload has no replicas, or too few, and the nodes and the namespace's quota have room as far as is known",
		Reach:      "pods are added to one workload; none is replaced",
		Back:       "the former count, or bound, is set again",
		Risk:       model.RiskLow,
		Candidates: scale,
	}
}

func scale(c Case) []model.Remedy {
	switch {
	case c.Finding.ID == "no-replicas", c.Finding.ID == "proxy-not-running":
		return fromZero(c, c.Finding.Object.Ref)
	case c.Finding.ID == "autoscaler-at-limit" && c.Finding.Object.Field != "spec.maxReplicas":
		return nil // it cannot measure, or not reach its target: a higher bound changes nothing
	default:
		return more(c, c.Finding.Workload())
	}
}

// fromZero gives the replicas back that somebody took.
func fromZero(c Case, workload model.Ref) []model.Remedy {
	if n, ok := ReplicasOf(c.Snapshot, workload); !ok || n != 0 {
		return nil
	}
	if n, known := room(c.Snapshot, workload); known && n == 0 {
		return nil
	}
	want, known := wanted(c.Finding)
	reason := "it is the last count that is known"
	if n, ok := want.(json.Number); !known || !ok || n.String() == "0" {
		want, reason = decodedNumber(int32(1)), "nothing says how many there were; one is the least that answers"
	}
	if hpa := AutoscalerOf(c.Snapshot, workload); hpa != nil {
		// At zero replicas an autoscaler is switched off; it goes on from the count that it finds.
		want, reason = decodedNumber(max(least(hpa), 1)), fmt.Sprintf("it is the least that %s allows", snapshot.RefOf(hpa))
	}
	return setReplicas(c, workload, model.RiskLow, want, reason)
}

// more gives a workload half as many replicas again, as far as there is room. An autoscaler that may still
// add some is told to begin there; one that may not gets a higher bound. Where no pod serves, more of them
// would not either.
func more(c Case, workload model.Ref) []model.Remedy {
	have, ok := ReplicasOf(c.Snapshot, workload)
	if !ok || have == 0 || !anyServes(c.Snapshot, workload) {
		return nil
	}
	add := (have + 1) / 2
	reason := fmt.Sprintf("half as many again as the %d that have too much to do", have)
	if n, known := room(c.Snapshot, workload); known && n < int(add) {
		if n == 0 {
			return nil
		}
		add, reason = int32(n), fmt.Sprintf("the cluster has room for %d more", n) //nolint:gosec // n < add, which is an int32
	}
	if n := underQuota(c.Snapshot, workload); 0 < n && n < int(add) { // where it lets none in, the what-if says which quota it is
		add, reason = int32(n), fmt.Sprintf("the namespace's quota has room for %d more", n) //nolint:gosec // n < add, which is an int32
	}
	want := have + add
	hpa := AutoscalerOf(c.Snapshot, workload)
	if hpa == nil {
		return setReplicas(c, workload, model.RiskMedium, decodedNumber(want), reason)
	}
	c.Finding.Object = model.FieldRef{Ref: snapshot.RefOf(hpa), Field: "spec.maxReplicas"}
	if have < hpa.Spec.MaxReplicas {
		c.Finding.Object.Field, want = "spec.minReplicas", min(want, hpa.Spec.MaxReplicas)
	}
	return oneField(c, "scale", model.RiskMedium, decodedNumber(want), reason)
}

// anyServes reports whether a pod of a workload is ready.
func anyServes(s *snapshot.Snapshot, workload model.Ref) bool {
	for p := range s.Pods().In(workload.Namespace) {
		if Serving(p) && s.WorkloadOf(p) == workload {
			return true
		}
	}
	return false
}

func setReplicas(c Case, workload model.Ref, risk model.Risk, want any, reason string) []model.Remedy {
	c.Finding.Object = model.FieldRef{Ref: workload, Field: "spec.replicas"}
	remedies := oneField(c, "scale", risk, want, reason)
	for i := range remedies {
		remedies[i].Kubectl = fmt.Sprintf("kubectl scale %s%s --replicas=%v", model.ShellWord(workload.Resource()), namespaceFlag(workload), want)
	}
	return remedies
}

// ReplicasOf is how many pods a workload is to have; ok is false where its kind has no count.
func ReplicasOf(s *snapshot.Snapshot, workload model.Ref) (n int32, ok bool) {
	switch snapshot.Kind(workload.Kind) {
	case snapshot.Deployments:
		if d, p := s.Deployments().Get(workload.Namespace, workload.Name); p == snapshot.Present {
			return snapshot.Replicas(d.Spec.Replicas), true
		}
	case snapshot.StatefulSets:
		if d, p := s.StatefulSets().Get(workload.Namespace, workload.Name); p == snapshot.Present {
			return snapshot.Replicas(d.Spec.Replicas), true
		}
	default: // a DaemonSet has as many as there are nodes
	}
	return 0, false
}

// least is the fewest replicas that an autoscaler allows.
func least(hpa *autoscalingv2.HorizontalPodAutoscaler) int32 {
	if hpa.Spec.MinReplicas == nil {
		return 1 // the API server's default
	}
	return *hpa.Spec.MinReplicas
}
