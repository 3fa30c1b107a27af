package plan

import (
	"fmt"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/snapshot/custom"
)

// Missing says what a workload lacks since change i of a plan evicted one of its pods; empty: nothing, another pod has taken
// that one's place. The pods that the plan is yet to evict do not serve, and need not.
func Missing(p model.Plan, i int, s *snapshot.Snapshot) string {
	workload := p.Finding.Workload()
	next := map[string]bool{}
	for _, c := range p.Remedy.Changes[i+1:] {
		next[c.UID] = true
	}
	there := int32(0)
	for pod := range s.Pods().In(workload.Namespace) {
		switch uid := string(pod.UID); {
		case pod.DeletionTimestamp != nil || path.Finished(pod) || s.WorkloadOf(pod) != workload:
			continue
		case uid == p.Remedy.Changes[i].UID:
			return fmt.Sprintf("%s is there still", snapshot.RefOf(pod))
		case !next[uid] && !remedy.Serving(pod):
			return fmt.Sprintf("%s is not ready", snapshot.RefOf(pod))
		}
		there++
	}
	if want := asked(s, workload); there < want {
		return fmt.Sprintf("%s has %d of %d pods", workload, there, want)
	}
	return ""
}

// asked is how many pods a workload asks for, 0 where its kind does not say.
func asked(s *snapshot.Snapshot, workload model.Ref) int32 {
	if r := custom.RolloutOf(s, workload); r != nil {
		return snapshot.Replicas(r.Spec.Replicas)
	}
	n, _ := remedy.ReplicasOf(s, workload)
	return n
}
