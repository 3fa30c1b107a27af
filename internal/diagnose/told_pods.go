package diagnose

import (
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// toldPods are pods of a Deployment that were not read and of which the kubelet's and scheduler's events tell why they do not
// serve: a dump may lack the pods and have the events. They are as much of a pod as that says. It takes that the
// Deployment itself says that none of its pods is ready.
func (v *view) toldPods(w *workload) []*corev1.Pod {
	d, ok := w.object.(*appsv1.Deployment)
	if !ok || w.newest == nil || w.replicas == 0 || d.Status.ReadyReplicas > 0 || d.Status.UnavailableReplicas == 0 || v.s.Pods().Covers(d.Namespace) {
		return nil
	}
	by := map[string]*corev1.Pod{}
	for e := range v.s.Events().All() {
		o := e.InvolvedObject
		if o.Kind != "Pod" || o.Namespace != d.Namespace || !strings.HasPrefix(o.Name, w.newest.Name+"-") || v.s.At().Sub(snapshot.EventTime(e)) > fresh {
			continue
		}
		p := by[o.Name]
		if p == nil {
			p = toldPod(w, o)
		}
		if notes(p, e) {
			by[o.Name] = p
		}
	}
	return byName(slices.Collect(maps.Values(by)))
}

// toldPod is a pod of a workload's current revision that has not started.
func toldPod(w *workload, o corev1.ObjectReference) *corev1.Pod {
	yes := true
	return &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: o.Name, Namespace: o.Namespace, UID: o.UID, Labels: w.newest.Spec.Template.Labels, CreationTimestamp: w.newest.CreationTimestamp,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: w.newest.Name, UID: w.newest.UID, Controller: &yes}},
		},
		Spec:   w.newest.Spec.Template.Spec,
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
}

// notes writes into a pod's status what an event says that keeps it from serving; false if it says nothing of that.
func notes(p *corev1.Pod, e *corev1.Event) bool {
	wait := func(reason string, of func(corev1.Container) bool) bool {
		i := slices.IndexFunc(p.Spec.Containers, of)
		if i < 0 {
			return false
		}
		c := p.Spec.Containers[i]
		if !slices.ContainsFunc(p.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == c.Name }) {
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
				Name: c.Name, Image: c.Image, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: e.Message}},
			})
		}
		return true
	}
	switch {
	case e.Reason == "FailedScheduling":
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: e.Message, LastTransitionTime: e.FirstTimestamp}}
		return true
	case e.Reason == "FailedMount", e.Reason == "FailedAttachVolume", e.Reason == "FailedCreatePodSandBox":
		return true // read with the pod
	case e.Reason == "Failed" && strings.Contains(e.Message, "pull image"), e.Reason == "BackOff" && strings.Contains(e.Message, "pulling image"):
		return wait("ImagePullBackOff", func(c corev1.Container) bool { return strings.Contains(e.Message, `"`+c.Image+`"`) })
	case e.Reason == "BackOff" && strings.Contains(e.Message, "restarting failed container"):
		return wait("CrashLoopBackOff", func(c corev1.Container) bool { return strings.Contains(e.Message, " "+c.Name+" ") })
	}
	return false
}
