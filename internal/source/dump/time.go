package dump

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/snapshot"
)

// latest is the newest time in an object at which something is known to have happened. Fields that
// may name a time to come, such as the end of a certificate, are not looked at; a deletion's time is
// when the grace period ends, so the period is taken off.
func latest(o metav1.Object) time.Time {
	newest := o.GetCreationTimestamp().Time
	see := func(t time.Time) {
		if t.After(newest) {
			newest = t
		}
	}
	for _, m := range o.GetManagedFields() {
		if m.Time != nil {
			see(m.Time.Time)
		}
	}
	if d := o.GetDeletionTimestamp(); d != nil {
		var grace int64
		if s := o.GetDeletionGracePeriodSeconds(); s != nil {
			grace = *s
		}
		see(d.Add(-time.Duration(grace) * time.Second))
	}
	seeStatus(o, see)
	return newest
}

// seeStatus shows the times at which an object's status says that something happened.
func seeStatus(o metav1.Object, see func(time.Time)) {
	switch o := o.(type) {
	case *corev1.Event:
		see(snapshot.EventTime(o))
	case *corev1.Node:
		for _, c := range o.Status.Conditions {
			see(c.LastHeartbeatTime.Time)
			see(c.LastTransitionTime.Time)
		}
	case *corev1.Pod:
		for _, c := range o.Status.Conditions {
			see(c.LastTransitionTime.Time)
		}
		for _, c := range o.Status.ContainerStatuses {
			for _, s := range []corev1.ContainerState{c.State, c.LastTerminationState} {
				if s.Running != nil {
					see(s.Running.StartedAt.Time)
				}
				if s.Terminated != nil {
					see(s.Terminated.FinishedAt.Time)
				}
			}
		}
	case *appsv1.Deployment:
		for _, c := range o.Status.Conditions {
			see(c.LastUpdateTime.Time)
			see(c.LastTransitionTime.Time)
		}
	}
}
