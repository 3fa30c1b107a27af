package remedy

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// UncordonOrDrain lets a node take pods again, or takes those of a lost one away.
func UncordonOrDrain() Action {
	return Action{
		Name:       "uncordon-or-drain",
		Doc:        "Lets a cordoned node take pods again where nothing else has room, or drains a node that is lost.",
		When:       "pods find no node while a ready one that would take them is cordoned, or a node with pods of the route is lost",
		Reach:      "every pod on that node, of whatever application",
		Back:       "the node is cordoned, or uncordoned, again; evicted pods do not come back to it",
		Risk:       model.RiskHigh,
		ByHand:     true,
		Candidates: uncordonOrDrain,
	}
}

func uncordonOrDrain(c Case) []model.Remedy {
	switch c.Finding.ID {
	case "unschedulable":
		return uncordon(c)
	case "node-not-ready":
		return drain(c)
	default:
		return nil
	}
}

// uncordon offers each cordoned node that would take a pod of the workload.
func uncordon(c Case) []model.Remedy {
	workload := c.Finding.Workload()
	t := templateOf(c.Snapshot, workload)
	if t == nil {
		return nil
	}
	var out []model.Remedy
	for node := range c.Snapshot.Nodes().All() {
		open := node.DeepCopy()
		open.Spec.Unschedulable = false
		open.Spec.Taints = withoutTaint(open.Spec.Taints, corev1.TaintNodeUnschedulable)
		if !node.Spec.Unschedulable || !takes(open, &corev1.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec}) {
			continue
		}
		ref := snapshot.RefOf(node)
		out = append(out, finish(c, model.Remedy{
			Action: "uncordon-or-drain", Risk: model.RiskHigh, Summary: "uncordon " + ref.String(),
			Why:     fmt.Sprintf("it is ready and would take the pods of %s; who cordoned it may have had a reason", workload),
			Changes: []model.Change{patchOf(node, model.FieldChange{Path: "/spec/unschedulable", Old: encode(true)})},
			Kubectl: "kubectl uncordon " + model.ShellWord(node.Name),
		}))
	}
	return out
}

func withoutTaint(taints []corev1.Taint, key string) []corev1.Taint {
	var out []corev1.Taint
	for _, t := range taints {
		if t.Key != key {
			out = append(out, t)
		}
	}
	return out
}

// drain cordons a lost node and evicts its pods, but for those that belong to each node.
func drain(c Case) []model.Remedy {
	node, presence := c.Snapshot.Nodes().Get("", c.Finding.Object.Name)
	if c.Finding.Object.Kind != string(snapshot.Nodes) || presence != snapshot.Present {
		return nil // a node that is gone: its pods are collected by themselves
	}
	var changes []model.Change
	if !node.Spec.Unschedulable {
		changes = append(changes, patchOf(node, model.FieldChange{Path: "/spec/unschedulable", New: encode(true)}))
	}
	for p := range c.Snapshot.Pods().All() {
		owner := metav1.GetControllerOf(p)
		if p.Spec.NodeName != node.Name || p.DeletionTimestamp != nil || owner == nil || owner.Kind == string(snapshot.DaemonSets) || owner.Kind == string(snapshot.Nodes) {
			continue
		}
		changes = append(changes, model.Change{Op: model.OpEvict, Target: snapshot.RefOf(p), UID: string(p.UID)})
	}
	if len(changes) == 0 {
		return nil
	}
	ref := snapshot.RefOf(node)
	return []model.Remedy{finish(c, model.Remedy{
		Action: "uncordon-or-drain", Risk: model.RiskHigh, Changes: changes,
		Summary: fmt.Sprintf("drain %s, so that its pods start elsewhere", ref),
		Why:     "Kubernetes waits five minutes before it gives up the pods of a lost node; pods of a StatefulSet wait until the node is deleted",
		Kubectl: "kubectl drain " + model.ShellWord(node.Name) + " --ignore-daemonsets",
	})}
}
