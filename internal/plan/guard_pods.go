package plan

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/remedy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// allReplicas objects to evicting every pod of a workload: what all replicas have in common, a
// dependency that is down, is not cured by restarting them.
func allReplicas(p proposal) string {
	evicted, gone := map[model.Ref]int{}, map[string]bool{}
	for _, c := range p.remedy.Changes {
		if pod, presence := p.in.Snapshot.Pods().Get(c.Target.Namespace, c.Target.Name); c.Op == model.OpEvict && presence == snapshot.Present {
			evicted[p.in.Snapshot.WorkloadOf(pod)]++
			gone[string(pod.UID)] = true
		}
	}
	if len(evicted) == 0 {
		return "" // pods need not be looked through
	}
	all := map[model.Ref]int{} // what neither serves nor is evicted says nothing: it has only begun, or cannot
	for pod := range p.in.Snapshot.Pods().All() {
		counts := pod.DeletionTimestamp == nil && (gone[string(pod.UID)] || remedy.Serving(pod))
		if w := p.in.Snapshot.WorkloadOf(pod); evicted[w] > 0 && counts {
			all[w]++
		}
	}
	var names []string
	for w, n := range evicted {
		if n >= all[w] {
			names = append(names, w.String())
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return fmt.Sprintf("every replica of %s has the symptom, so it is shared: restarting them all would not cure it", strings.Join(names, ", "))
}

// losesRequests objects to a repair of pods that stop too early as long as such pods serve: it takes a rollout to replace
// them, and that one fails requests as the one did that was seen. Later ones are better for it; when to pay is a person's
// to say.
func losesRequests(p proposal) string {
	if p.remedy.Action != "patch-lifecycle" {
		return ""
	}
	n := remedy.CountServing(p.in.Snapshot, p.remedy.Change.Target)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("its own rollout ends the pods that serve now (%d), which stop too early still, and fails requests once more; agree when that may be, or put the change into the next release", n)
}

// recreates asks for a person where a new template would stop pods that serve before others start.
func recreates(p proposal) string {
	for _, c := range p.remedy.Changes {
		d, presence := p.in.Snapshot.Deployments().Get(c.Target.Namespace, c.Target.Name)
		if c.Target.Kind != string(snapshot.Deployments) || presence != snapshot.Present || d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
			continue
		}
		if slices.ContainsFunc(p.remedy.Changes, setsStrategy) {
			continue
		}
		template := slices.ContainsFunc(c.Fields, setsTemplate)
		if template && d.Status.ReadyReplicas > 0 {
			return fmt.Sprintf("%s replaces all pods at once (strategy Recreate), and %d of them serve now", c.Target, d.Status.ReadyReplicas)
		}
	}
	return ""
}

// setsStrategy reports whether a change says how later ones replace pods.
func setsStrategy(c model.Change) bool {
	return slices.ContainsFunc(c.Fields, func(f model.FieldChange) bool { return strings.HasPrefix(f.Path, "/spec/strategy") })
}

// budget objects to taking a pod away, by eviction or out of its Service, that a budget needs.
func budget(p proposal) string {
	for _, c := range p.remedy.Changes {
		pod, presence := p.in.Snapshot.Pods().Get(c.Target.Namespace, c.Target.Name)
		if c.Target.Kind != string(snapshot.Pods) || c.Subresource == model.SubresourceResize || presence != snapshot.Present {
			continue
		}
		for pdb := range p.in.Snapshot.PodDisruptionBudgets().In(pod.Namespace) {
			selector, err := metav1.LabelSelectorAsSelector(pdb.Spec.Selector)
			always := c.Op == model.OpEvict && pdb.Spec.UnhealthyPodEvictionPolicy != nil && *pdb.Spec.UnhealthyPodEvictionPolicy == policyv1.AlwaysAllow
			if err == nil && selector.Matches(labels.Set(pod.Labels)) && pdb.Status.DisruptionsAllowed < 1 && !always {
				return fmt.Sprintf("%s does not allow %s to be taken away now", snapshot.RefOf(pdb), pod.Name)
			}
		}
	}
	return ""
}
