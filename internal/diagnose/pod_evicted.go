package diagnose

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func podEvicted() Analyzer {
	return Analyzer{
		Cause:  "pod-evicted",
		Doc:    "Finds workloads whose pods were evicted or preempted just now and whose replacements do not serve.",
		Inputs: append(podKinds(), snapshot.Nodes),
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if !w.hurt() || w.serving > 0 && w.serving >= int(w.replicas) {
					continue
				}
				if f, ok := v.evicted(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// lately is how long ago an eviction may have been and still count.
const lately = time.Hour

// evicted finds the newest eviction or preemption of a workload's pods: in what is left of them, or in
// the events about those that are gone.
func (v *view) evicted(w *workload) (finding, bool) {
	for p := range v.s.Pods().In(w.ref.Namespace) {
		if p.Status.Reason != "Evicted" && p.Status.Reason != "Preempting" || v.s.WorkloadOf(p) != w.ref {
			continue
		}
		when := v.evictedAt(p)
		if v.s.At().Sub(when) < lately {
			return v.eviction(w, p.Spec.NodeName, p.Status.Message, when), true
		}
	}
	for e := range v.s.Events().In(w.ref.Namespace) {
		if (e.Reason == "Evicted" || e.Reason == "Preempted") && namedAfter(w, e.InvolvedObject.Name) && v.s.At().Sub(snapshot.EventTime(e)) < lately {
			return v.eviction(w, e.Source.Host, e.Reason+": "+e.Message, snapshot.EventTime(e)), true
		}
	}
	return finding{}, false
}

// evictedAt is when a pod was evicted, by its event. Its status does not say; without an event it is only
// known that it was after the pod started.
func (v *view) evictedAt(p *corev1.Pod) time.Time {
	when := p.CreationTimestamp.Time
	if p.Status.StartTime != nil {
		when = p.Status.StartTime.Time
	}
	for _, e := range v.s.EventsOf(snapshot.RefOf(p)) {
		if e.Reason == "Evicted" {
			when = snapshot.EventTime(e)
		}
	}
	return when
}

// namedAfter tells a workload's pods by their names, since those that are gone have no owner to ask. Pods of a
// Deployment are named after its ReplicaSet: its own name may be the start of another Deployment's.
func namedAfter(w *workload, pod string) bool {
	return w.newest != nil && strings.HasPrefix(pod, w.newest.Name+"-") || strings.HasPrefix(pod, w.ref.Name+"-") && w.ref.Kind != "Deployment"
}

// eviction points at what made pods leave: the node's pressure, the container's own limit, the priority.
func (v *view) eviction(w *workload, node, why string, when time.Time) finding {
	id, object := model.CauseID("pod-evicted"), at(w.ref, "spec.template.spec")
	switch {
	case strings.Contains(why, "reempt"):
		object.Field = "spec.template.spec.priorityClassName"
	default:
		object.Field = cmp.Or(storageField(w, why), object.Field)
	}
	if n, ok := v.s.Nodes().Get("", node); ok == snapshot.Present {
		for _, c := range n.Status.Conditions {
			if c.Status == corev1.ConditionTrue && strings.HasSuffix(string(c.Type), "Pressure") {
				id, object = "node-not-ready", at(snapshot.RefOf(n), fmt.Sprintf("status.conditions[type=%s]", c.Type))
			}
		}
	}
	f := find(id, proven, object, fmt.Sprintf("pods of %s were evicted at %s, and what replaces them does not serve: %s", w.ref, clock(when), strings.TrimSpace(why))).
		on(w.routes...).as(model.NoEndpoints, model.Refused, model.ConnectTimeout, model.Reset, model.ClosedEarly, model.NoRoute).
		relates("workload", w.ref).relates("service", w.service()).because("event", strings.TrimSpace(why), w.ref, when).since(when)
	return f
}

// Which limit of local storage a pod went beyond, in the kubelet's words (kubernetes/kubernetes, pkg/kubelet/eviction/helpers.go):
// that of a volume, of a container, or of all containers together.
var (
	volumeBeyond    = regexp.MustCompile(`EmptyDir volume "([^"]+)" exceeds the limit`)
	containerBeyond = regexp.MustCompile(`Container (\S+) exceeded its local ephemeral storage limit`)
)

// storageField is the limit of local storage of which an eviction speaks; empty if it speaks of none.
func storageField(w *workload, why string) string {
	if m := volumeBeyond.FindStringSubmatch(why); m != nil {
		for i, vol := range w.template.template.Spec.Volumes {
			if vol.Name == m[1] {
				return fmt.Sprintf("spec.template.spec.volumes[%d].emptyDir.sizeLimit", i)
			}
		}
	}
	const limit = ".resources.limits.ephemeral-storage"
	if m := containerBeyond.FindStringSubmatch(why); m != nil {
		if field, _, ok := containerField(w, m[1], false); ok {
			return field + limit
		}
	}
	if strings.Contains(why, "exceeds the total limit of containers") {
		containers := w.template.template.Spec.Containers
		i := slices.IndexFunc(containers, func(c corev1.Container) bool { return !c.Resources.Limits.StorageEphemeral().IsZero() })
		return fmt.Sprintf("spec.template.spec.containers[%d]", max(i, 0)) + limit
	}
	return ""
}
