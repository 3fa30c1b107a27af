package act

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// newestOf finds the ReplicaSet of a Deployment's present revision, nil if there is none yet.
func newestOf(d *appsv1.Deployment, sets []appsv1.ReplicaSet) *appsv1.ReplicaSet {
	var newest *appsv1.ReplicaSet
	for i := range sets {
		rs := &sets[i]
		if !metav1.IsControlledBy(rs, d) {
			continue
		}
		if newest == nil || snapshot.Revision(rs) > snapshot.Revision(newest) {
			newest = rs
		}
	}
	return newest
}

// refusedPods is why the API server refuses the pods of a ReplicaSet, empty if it does not. The Deployment's own condition
// is the former revision's for a moment after it was taken back.
func refusedPods(rs *appsv1.ReplicaSet) string {
	if rs == nil {
		return ""
	}
	for _, c := range rs.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			return c.Message
		}
	}
	return ""
}

// countOld counts the pods of a Deployment that are of a former revision or are ending. Pods that
// have ended stay as objects for a while and hold no traffic: they do not count.
func countOld(pods []corev1.Pod, sets []appsv1.ReplicaSet, d *appsv1.Deployment, newest *appsv1.ReplicaSet) int32 {
	var n int32
	for i := range pods {
		p := &pods[i]
		if p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
			continue
		}
		for j := range sets {
			if !metav1.IsControlledBy(&sets[j], d) || !metav1.IsControlledBy(p, &sets[j]) {
				continue
			}
			if p.DeletionTimestamp != nil || newest == nil || sets[j].UID != newest.UID {
				n++
			}
		}
	}
	return n
}

func ownedBy(p *corev1.Pod, rs *appsv1.ReplicaSet) bool {
	return rs != nil && metav1.IsControlledBy(p, rs)
}

// stuckAt blames a pod for a missed deadline if one shows why.
func stuckAt(r Rollout, pods []corev1.Pod, newest *appsv1.ReplicaSet, message string) error {
	for i := range pods {
		if why := cannotStart(&pods[i]); why != "" && ownedBy(&pods[i], newest) {
			return &StuckError{Rollout: r, Pod: pods[i].Name, Because: why}
		}
	}
	return &StuckError{Rollout: r, Because: message}
}

// cannotStart says why a pod's containers will not run without a change, empty if they may yet. A
// first failed pull or a first exit is not enough: both can pass.
func cannotStart(p *corev1.Pod) string {
	if p.DeletionTimestamp != nil {
		return ""
	}
	for _, list := range [][]corev1.ContainerStatus{p.Status.InitContainerStatuses, p.Status.ContainerStatuses} {
		for _, c := range list {
			w := c.State.Waiting
			if w == nil {
				continue
			}
			switch w.Reason {
			case "CrashLoopBackOff":
				return fmt.Sprintf("container %s crashes again and again%s", c.Name, lastExit(c))
			case "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError", "CreateContainerError":
				return fmt.Sprintf("container %s cannot be made: %s: %s", c.Name, w.Reason, w.Message)
			}
		}
	}
	return ""
}

func lastExit(c corev1.ContainerStatus) string {
	t := c.LastTerminationState.Terminated
	if t == nil {
		return ""
	}
	return fmt.Sprintf(" (%s, exit status %d)", t.Reason, t.ExitCode)
}
