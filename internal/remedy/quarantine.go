package remedy

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// QuarantineLabel marks a pod that was taken out of service, so that it is found again:
// kubectl get pods -l gatemend.dev/quarantine.
const QuarantineLabel = "gatemend.dev/quarantine"

// byChance is how likely it may be that all failures met one endpoint although none of them is worse
// than the others. Many routes are looked at, so it is small.
const byChance = 1e-3

// Quarantine takes the one pod that fails out of its Service.
func Quarantine() Action {
	return Action{
		Name:       "quarantine",
		Doc:        "Takes the labels from one pod by which its Services and its ReplicaSet know it: it gets no more requests, another takes its place, and it stays for a look.",
		When:       "all failed requests went to one of several ready pods of a Deployment, which cannot be chance",
		Reach:      "one pod",
		Back:       "the pod gets its labels back",
		Risk:       model.RiskMedium,
		Candidates: quarantine,
	}
}

func quarantine(c Case) []model.Remedy {
	end, why := badEnd(c)
	if end == nil || end.Pod == nil {
		return nil
	}
	pod := end.Pod
	rs := replicaSetOf(c.Snapshot, pod)
	if rs == nil { // a StatefulSet waits for the name to become free, a bare pod has no successor
		return nil
	}
	keys, ok := identifying(c.Snapshot, pod, rs.Spec.Selector)
	if !ok {
		return nil
	}
	var fields []model.FieldChange
	for _, k := range keys {
		fields = append(fields, model.FieldChange{Path: pointer([]string{"metadata", "labels", k}), Old: encode(pod.Labels[k])})
	}
	fields = append(fields, model.FieldChange{Path: pointer([]string{"metadata", "labels", QuarantineLabel}), New: encode(string(c.Finding.ID))})
	ref := snapshot.RefOf(pod)
	return []model.Remedy{finish(c, model.Remedy{
		Action: "quarantine", Risk: model.RiskMedium, Machine: model.MachinePropose, Why: why,
		Summary: fmt.Sprintf("%s out of service without label %s, kept as it is", ref, strings.Join(keys, ", ")),
		Changes: []model.Change{patchOf(pod, fields...)},
		Kubectl: kubectlLabel(ref, keys, string(c.Finding.ID)),
	})}
}

// badEnd is the endpoint that all failed requests of the finding's routes went to, if there are so many
// of them that it is no chance, and others that are ready.
func badEnd(c Case) (end *path.End, why string) {
	failed, address := 0, ""
	for _, o := range c.Observed {
		if !slices.ContainsFunc(c.Finding.Routes, func(r model.Ref) bool { return r.Same(o.Object) }) {
			continue
		}
		if len(o.Upstreams) != 1 || address != "" && o.Upstreams[0] != address {
			return nil, ""
		}
		failed, address = failed+o.Count, o.Upstreams[0]
	}
	if address == "" {
		return nil, ""
	}
	ready := 0
	for _, r := range c.routes() {
		for _, l := range c.paths().Legs(r) {
			ends := l.ReadyEnds()
			if i := slices.IndexFunc(ends, func(e path.End) bool { return e.Address() == address }); i >= 0 {
				end, ready = &ends[i], max(ready, len(ends))
			}
		}
	}
	if ready < 2 || math.Pow(1/float64(ready), float64(failed-1)) > byChance {
		return nil, ""
	}
	return end, fmt.Sprintf("all %d failed requests went to %s, one of %d ready endpoints", failed, address, ready)
}

// identifying lists labels without which no Service selects a pod and its controller lets it go: one
// that all of them ask for, if there is one. ok is false if something would still hold it.
func identifying(s *snapshot.Snapshot, pod *corev1.Pod, controller *metav1.LabelSelector) (keys []string, ok bool) {
	if controller == nil {
		return nil, false
	}
	asks := []map[string]string{controller.MatchLabels}
	for svc := range s.Services().In(pod.Namespace) {
		if len(svc.Spec.Selector) > 0 && snapshot.Matches(svc.Spec.Selector, pod.Labels) {
			asks = append(asks, svc.Spec.Selector)
		}
	}
	for len(asks) > 0 {
		best, covers := "", 0
		for _, k := range slices.Sorted(maps.Keys(pod.Labels)) {
			n := 0
			for _, a := range asks {
				if _, asked := a[k]; asked {
					n++
				}
			}
			if n > covers {
				best, covers = k, n
			}
		}
		if covers == 0 {
			return nil, false
		}
		keys = append(keys, best)
		asks = slices.DeleteFunc(asks, func(a map[string]string) bool { _, asked := a[best]; return asked })
	}
	return keys, true
}

// kubectlLabel is the command that takes labels from a pod and marks it.
func kubectlLabel(pod model.Ref, without []string, mark string) string {
	out := "kubectl label " + model.ShellWord(pod.Resource()) + namespaceFlag(pod)
	for _, k := range without {
		out += " " + model.ShellWord(k+"-")
	}
	return out + " " + model.ShellWord(QuarantineLabel+"="+mark)
}
