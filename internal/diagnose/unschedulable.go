package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/gatemend/gatemend/internal/snapshot"
)

func unschedulable() Analyzer {
	return Analyzer{
		Cause: "unschedulable", Doc: "Finds workloads whose pods fit on no node.", Inputs: append(podKinds(), snapshot.Nodes, snapshot.PersistentVolumeClaims),
		run: func(v *view) []finding {
			out := perWorkload("unschedulable", func(v *view, w *workload, pods []*corev1.Pod) finding {
				t := v.trouble(pods[0])
				f := v.onWorkload(w, "unschedulable", seen, unschedulableField(w, t.why), fmt.Sprintf("%s of %s: the scheduler finds no node: %s", share(len(pods), w.size()), w.ref, strings.TrimPrefix(t.why, "is not scheduled: ")), pods)
				if nowhereNear(t.why) {
					if volume, ok := v.volumeElsewhere(pods[0]); ok {
						f.Object = at(volume, "spec.nodeAffinity")
					}
				}
				return f
			})(v)
			for _, w := range v.workloads {
				if f, ok := v.forNoNode(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// forNoNode finds a DaemonSet whose node selector no node fits: it then makes no pods at all, which could say why.
func (v *view) forNoNode(w *workload) (finding, bool) {
	selector := w.template.template.Spec.NodeSelector
	if w.ref.Kind != "DaemonSet" || len(w.pods) > 0 || len(w.routes) == 0 || len(selector) == 0 || !v.s.Nodes().Covers("") || !v.s.Pods().Covers(w.ref.Namespace) {
		return finding{}, false
	}
	nodes := 0
	for n := range v.s.Nodes().All() {
		if nodes++; matches(selector, n.Labels) {
			return finding{}, false
		}
	}
	if nodes == 0 {
		return finding{}, false
	}
	return v.onWorkload(w, "unschedulable", proven, "spec.template.spec.nodeSelector", fmt.Sprintf("%s is for nodes with %s, and none of the %d nodes has that", w.ref, pairs(selector), nodes), nil), true
}

// unschedulableField is the part of the template that the scheduler's message speaks of.
func unschedulableField(w *workload, why string) string {
	spec := w.template.template.Spec
	switch {
	case strings.Contains(why, "didn't match Pod's node affinity/selector") || strings.Contains(why, "node selector"):
		if len(spec.NodeSelector) > 0 {
			return "spec.template.spec.nodeSelector"
		}
		return "spec.template.spec.affinity.nodeAffinity"
	case strings.Contains(why, "anti-affinity"):
		return "spec.template.spec.affinity.podAntiAffinity"
	case strings.Contains(why, "pod affinity rules"):
		return "spec.template.spec.affinity.podAffinity"
	case strings.Contains(why, "topology spread"):
		return "spec.template.spec.topologySpreadConstraints"
	}
	if field := insufficientField(spec, why); field != "" {
		return field
	}
	if nowhereNear(why) {
		return "spec.template.spec.volumes"
	}
	if strings.Contains(why, "taint") {
		return "spec.template.spec.tolerations"
	}
	return "spec.template.spec"
}

// insufficient finds the resource of which no node has enough, in the scheduler's words: a name of the core, or one with
// a domain, as nvidia.com/gpu (k8s.io/kubernetes, pkg/scheduler/framework/plugins/noderesources).
var insufficient = regexp.MustCompile(`Insufficient ([a-z0-9./-]*[a-z0-9])`)

// insufficientField is the request of the container that asks most of a resource of which the scheduler finds too little.
func insufficientField(spec corev1.PodSpec, why string) string {
	for _, m := range insufficient.FindAllStringSubmatch(why, -1) {
		name, most, largest := corev1.ResourceName(m[1]), resource.Quantity{}, -1
		for i := range spec.Containers {
			if q := spec.Containers[i].Resources.Requests.Name(name, ""); q.Cmp(most) > 0 {
				most, largest = *q, i
			}
		}
		switch {
		case largest < 0:
			continue
		case strings.ContainsAny(m[1], "./"):
			return fmt.Sprintf("spec.template.spec.containers[%d].resources.requests['%s']", largest, name)
		default:
			return fmt.Sprintf("spec.template.spec.containers[%d].resources.requests.%s", largest, name)
		}
	}
	return ""
}
