package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	scheduling "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func nodeNotReady() Analyzer {
	return Analyzer{
		Cause:  "node-not-ready",
		Doc:    "Finds lost nodes that carry the pods behind a route, or that alone may.",
		Inputs: append(podKinds(), snapshot.Nodes),
		run: func(v *view) []finding {
			var out []finding
			// One node is one finding, named after the first workload: one behind a route.
			ws := slices.Clone(v.workloads)
			slices.SortStableFunc(ws, func(a, b *workload) int {
				return cmp.Or(order(!a.hurt())-order(!b.hurt()), order(len(a.routes) == 0)-order(len(b.routes) == 0))
			})
			for _, w := range ws {
				by := map[string][]*corev1.Pod{}
				var names []string
				for _, p := range v.affected(w, "node-not-ready") {
					if by[p.Spec.NodeName] == nil {
						names = append(names, p.Spec.NodeName)
					}
					by[p.Spec.NodeName] = append(by[p.Spec.NodeName], p)
				}
				for _, name := range names {
					if v.takenAway(w, name) {
						continue // node-termination-race
					}
					out = append(out, v.lostNode(w, name, by[name]))
				}
				out = append(out, v.waitedFor(w)...)
			}
			return out
		},
	}
}

// takenAway reports whether a node with pods of a workload did not fail, but went: it is there no more, and others serve or its endpoints
// stayed; or it was told to leave before it fell silent, others serve, and requests went to its pods all the same.
func (v *view) takenAway(w *workload, node string) bool {
	if _, presence := v.s.Nodes().Get("", node); presence == snapshot.Absent {
		return v.published(w, node) > 0 || w.servesOutside(node)
	}
	return v.departures()[node].Forewarned() && w.servesOutside(node) && len(v.fatesOf(w).by[lost]) > 0
}

func (v *view) lostNode(w *workload, name string, pods []*corev1.Pod) finding {
	return v.notReady(w, name, pods, fmt.Sprintf("%s of %s %s on it", share(len(pods), max(len(pods), w.size())), w.ref, form(len(pods), "runs", "run")))
}

// waitedFor finds the nodes for which pods wait that no other node takes: all that the pods are for are not ready. The scheduler
// only says that of one in so many.
func (v *view) waitedFor(w *workload) []finding {
	pods := slices.DeleteFunc(v.affected(w, "unschedulable"), func(p *corev1.Pod) bool { return !ofNode.MatchString(v.trouble(p).why) })
	if len(pods) == 0 || !v.s.Nodes().Covers("") {
		return nil
	}
	required := nodeaffinity.GetRequiredNodeAffinity(pods[0])
	var out []finding
	for n := range v.s.Nodes().All() {
		if match, err := required.Match(n); err != nil || !match || keptFrom(n, pods[0]) {
			continue
		}
		if verdict, _ := path.NodeReady(v.s, n.Name); verdict != model.Broken {
			return nil // it has another reason
		}
		out = append(out, v.notReady(w, n.Name, pods, fmt.Sprintf("%s of %s %s for it: they are for no node that is", share(len(pods), max(len(pods), w.size())), w.ref, form(len(pods), "waits", "wait"))))
	}
	return out
}

// keptFrom reports whether a node is not for a pod for another reason than that it is not ready: it is cordoned, or has a taint that
// somebody gave it.
func keptFrom(n *corev1.Node, p *corev1.Pod) bool {
	given := func(t *corev1.Taint) bool {
		return t.Effect != corev1.TaintEffectPreferNoSchedule && !strings.HasPrefix(t.Key, "node.kubernetes.io/")
	}
	_, untolerated := scheduling.FindMatchingUntoleratedTaint(klog.Logger{}, n.Spec.Taints, p.Spec.Tolerations, given, false)
	return n.Spec.Unschedulable || untolerated
}

func (v *view) notReady(w *workload, name string, pods []*corev1.Pod, whose string) finding {
	ref := model.Ref{APIVersion: "v1", Kind: "Node", Name: name}
	f := v.onWorkload(w, "node-not-ready", seen, "", fmt.Sprintf("node %s is not ready, and %s", name, whose), pods)
	f.Object = at(ref, "status.conditions[type=Ready]")
	if n, presence := v.s.Nodes().Get("", name); presence == snapshot.Present {
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady {
				f = f.because("status", fmt.Sprintf("Ready is %s (%s): %s", c.Status, c.Reason, c.Message), ref, c.LastTransitionTime.Time)
				f.Since = c.LastTransitionTime.Time
			}
		}
	}
	delete(f.Related, "goodRevision")
	f.Explains = nil // no revision is at fault
	return f
}
