package synth

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// The functions below write what the scheduler and the kubelet report of pods that do not serve.

// condition says that a condition of a pod is not met.
func (a *App) condition(p *corev1.Pod, kind corev1.PodConditionType, reason, message string, at time.Time) {
	for i := range p.Status.Conditions {
		if p.Status.Conditions[i].Type == kind {
			p.Status.Conditions[i] = corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message, LastTransitionTime: stamp(at)}
			return
		}
	}
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message, LastTransitionTime: stamp(at)})
}

func (a *App) unready(p *corev1.Pod, at time.Time) {
	why := fmt.Sprintf("containers with unready status: [%s]", a.Container().Name)
	a.condition(p, corev1.ContainersReady, "ContainersNotReady", why, at)
	a.condition(p, corev1.PodReady, "ContainersNotReady", why, at)
	for i := range p.Status.ContainerStatuses {
		p.Status.ContainerStatuses[i].Ready = false
	}
}

// crash puts all pods into a crash loop.
func (a *App) crash(reason string, code int32, message string, restarts int32) {
	for _, p := range a.Pods {
		a.unready(p, onset().Add(5*time.Second))
		st := &p.Status.ContainerStatuses[0]
		no := false
		st.Started, st.RestartCount = &no, restarts
		st.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: fmt.Sprintf("back-off 5m0s restarting failed container=%s pod=%s_%s(%s)", st.Name, p.Name, p.Namespace, p.UID)}}
		st.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message, StartedAt: stamp(now().Add(-92 * time.Second)), FinishedAt: stamp(now().Add(-90 * time.Second))}}
		a.c.event(p, "Warning", "BackOff", fmt.Sprintf("Back-off restarting failed container %s in pod %s_%s(%s)", st.Name, p.Name, p.Namespace, p.UID), restarts*4, onset())
	}
}

// waiting keeps the container of all pods from being made.
func (a *App) waiting(reason, message string) {
	for _, p := range a.Pods {
		p.Status.Phase = corev1.PodPending
		a.unready(p, onset().Add(2*time.Second))
		no := false
		st := &p.Status.ContainerStatuses[0]
		st.Started, st.ImageID = &no, ""
		st.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
}

// probing keeps all pods unready because their readiness probe fails.
func (a *App) probing(message string) {
	for _, p := range a.Pods {
		a.unready(p, onset().Add(30*time.Second))
		a.c.event(p, "Warning", "Unhealthy", "Readiness probe failed: "+message, 62, onset().Add(12*time.Second))
	}
}

// pending keeps all pods from being scheduled.
func (a *App) pending(message string) {
	for _, p := range a.Pods {
		p.Spec.NodeName = ""
		p.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: "False", Reason: corev1.PodReasonUnschedulable, Message: message, LastTransitionTime: stamp(onset())}}}
		a.c.event(p, "Warning", "FailedScheduling", message, 5, onset())
	}
}

// creating keeps all pods at ContainerCreating with an event of the kubelet.
func (a *App) creating(reason, message string) {
	a.waiting("ContainerCreating", "")
	for _, p := range a.Pods {
		p.Status.PodIP, p.Status.PodIPs = "", nil
		a.c.event(p, "Warning", reason, message, 9, onset())
	}
}

// rejected takes all pods away: the API server refuses them.
func (a *App) rejected(message string) {
	for _, p := range a.Pods {
		a.c.drop(p)
	}
	a.Pods = nil
	rs := a.Sets[len(a.Sets)-1]
	a.c.event(rs, "Warning", "FailedCreate", "Error creating: "+message, 17, onset())
}

// log adds the application's own lines to the log of each of its pods.
func (a *App) log(lines ...string) { a.logAs("", lines...) }

// previousLog adds lines to the log of the container before.
func (a *App) previousLog(lines ...string) { a.logAs(".previous", lines...) }

func (a *App) logAs(suffix string, lines ...string) {
	for _, p := range a.Pods[:min(1, len(a.Pods))] {
		key := p.Name + "_" + a.Container().Name + suffix
		for i, l := range lines {
			at := now().Add(-time.Duration(len(lines)-i) * 13 * time.Second)
			a.c.logs[key] = append(a.c.logs[key], at.Format("2006-01-02T15:04:05.000Z")+" "+l)
		}
	}
}
