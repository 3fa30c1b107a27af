package diagnose

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// fine reports whether the revision before the current one is known to have worked, and why.
func (w *workload) fine() (why string, ok bool) { return w.good, w.good != "" }

// settled is how long a revision must have been the current one for a Deployment's word to count
// where its strategy lets every pod be unavailable: it calls itself available all the time then.
const settled = 10 * time.Minute

// proveGood looks for proof that the revision before worked: its pods are ready now, requests
// succeeded until the new revision came, or the Deployment was available until then.
func (v *view) proveGood(w *workload) string {
	d, is := w.object.(*appsv1.Deployment)
	if !is || w.before == nil || w.newest == nil || same(&w.before.Spec.Template, &w.newest.Spec.Template) {
		return ""
	}
	rev := fmt.Sprintf("revision %d (ReplicaSet %s)", snapshot.Revision(w.before), w.before.Name)
	if n := w.before.Status.ReadyReplicas; n > 0 {
		return fmt.Sprintf("%s still has %d ready pods", rev, n)
	}
	for _, p := range w.pods {
		if c := metav1.GetControllerOfNoCopy(p); c != nil && c.UID == w.before.UID && readyToTheEnd(p) {
			return fmt.Sprintf("pod %s of %s was ready until it was told to stop", p.Name, rev)
		}
	}
	if w.came.IsZero() || w.takenBack() || v.othersServed(w) {
		return ""
	}
	succeeded, failed := v.servedBefore(w)
	if succeeded > 0 && failed*10 <= succeeded {
		return fmt.Sprintf("%d requests succeeded with %s before the new revision came at %s", succeeded, rev, clock(w.came))
	}
	if !w.before.CreationTimestamp.Time.Before(w.came) || failed > 0 {
		return ""
	}
	return availableBefore(d, w, rev)
}

// history is the annotation of a ReplicaSet with the numbers that it had before: it is there once an old template came
// back (the Deployment controller's SetNewReplicaSetAnnotations).
const history = "deployment.kubernetes.io/revision-history"

// takenBack reports whether the revision before was tried for a short time and taken back: the current one is an old one
// that came back in its place. That requests succeeded when it came says nothing for it then.
func (w *workload) takenBack() bool {
	return w.newest.Annotations[history] != "" && w.before.Annotations[history] == "" &&
		w.came.Sub(w.before.CreationTimestamp.Time) < settled
}

// othersServed reports whether pods of a third revision, or of the current one from an earlier time, were there until
// the current revision came: the one before may never have served then, and requests that succeeded are no proof of it.
func (v *view) othersServed(w *workload) bool {
	for _, p := range w.pods {
		c := metav1.GetControllerOfNoCopy(p)
		if c != nil && c.UID != w.before.UID && p.CreationTimestamp.Time.Before(w.came) && !toldToStop(p).Before(w.came) {
			return true
		}
	}
	for _, e := range v.s.EventsOf(w.ref) {
		// Its times are of whole seconds, and so is came.
		if _, rest, ok := strings.Cut(e.Message, "Scaled down replica set "); ok && !snapshot.EventTime(e).Before(w.came) {
			if name, _, _ := strings.Cut(rest, " "); name != w.before.Name && name != w.newest.Name {
				return true
			}
		}
	}
	return false
}

// servedBefore counts the requests of a workload's routes while the revision before the current one was current, from
// the first one of each route that succeeded: until then its pods were starting.
func (v *view) servedBefore(w *workload) (succeeded, failed int) {
	began := w.before.CreationTimestamp.Time
	if w.before.Annotations[history] != "" {
		began = v.scaledUp(w, w.before) // zero if that is not known
	}
	for _, r := range w.routes {
		from, _ := slices.BinarySearchFunc(r.succeeded, began, time.Time.Compare)
		to, _ := slices.BinarySearchFunc(r.succeeded, w.came, time.Time.Compare)
		since := began
		if from < to {
			succeeded += to - from
			since = r.succeeded[from]
		}
		for _, s := range r.signals {
			if !s.At.Before(since) && s.At.Before(w.came) {
				failed++
			}
		}
	}
	return succeeded, failed
}

// availableBefore takes the Deployment's own word that it was available until the new revision came.
func availableBefore(d *appsv1.Deployment, w *workload, rev string) string {
	for _, c := range d.Status.Conditions {
		if c.Type != appsv1.DeploymentAvailable {
			continue
		}
		turned := c.LastTransitionTime.Time
		switch {
		case c.Status == corev1.ConditionTrue && turned.Before(w.came) && w.came.Sub(w.before.CreationTimestamp.Time) > settled:
			return fmt.Sprintf("the %s was available with %s until the new revision came at %s", w.ref.Kind, rev, clock(w.came))
		case c.Status == corev1.ConditionFalse && !turned.Before(w.came) && turned.Sub(w.came) < settled:
			return fmt.Sprintf("the %s was available with %s, and not any more at %s, after the new revision came at %s", w.ref.Kind, rev, clock(turned), clock(w.came))
		}
	}
	return ""
}

// readyToTheEnd reports whether a pod that is being deleted was ready when that began.
func readyToTheEnd(p *corev1.Pod) bool {
	c := path.PodCondition(p, corev1.PodReady)
	if c == nil || p.DeletionTimestamp == nil {
		return false
	}
	return c.Status == corev1.ConditionTrue || !c.LastTransitionTime.Time.Before(toldToStop(p))
}

// toldToStop is when the deletion of a pod began; long after all else if it has not.
func toldToStop(p *corev1.Pod) time.Time {
	if p.DeletionTimestamp == nil {
		return time.Unix(1<<40, 0)
	}
	told := p.DeletionTimestamp.Time
	if g := p.DeletionGracePeriodSeconds; g != nil {
		told = told.Add(-time.Duration(*g) * time.Second)
	}
	return told
}

// arrival is when the current revision last became the current one; zero if it is the first, or not
// known. A rollback, or an old template applied again, gives an old ReplicaSet a new number: then the event of its
// scaling up tells the time, or its oldest pod, unless that was made after the rollout was over, in place of another; or,
// where there is no pod, who wrote the template last.
//
// That the rollout is over, the Progressing condition says, which names the ReplicaSet. One that names the revision before is
// of the rollout before, or of this one: with strategy Recreate an old ReplicaSet that comes back is complete at once, with
// no pod of none, and the condition is not written again (kubernetes, pkg/controller/deployment/progress.go). Only a pod that
// was made as the template was written is of the rollout then.
func (v *view) arrival(w *workload) time.Time {
	if w.newest == nil || w.before == nil {
		return time.Time{}
	}
	born := w.newest.CreationTimestamp.Time
	if w.newest.Annotations[history] == "" && !born.Before(w.before.CreationTimestamp.Time) {
		return born
	}
	// Of an object with many events in ten minutes the recorder keeps no more than their number (client-go, EventCorrelator):
	// one from before the other revision came is of an earlier time.
	up, other := v.scaledUp(w, w.newest), v.scaledUp(w, w.before)
	if !up.IsZero() && !up.Before(other) {
		return up
	}
	var oldest time.Time
	for _, p := range w.pods {
		if w.current(p) && (oldest.IsZero() || p.CreationTimestamp.Time.Before(oldest)) {
			oldest = p.CreationTimestamp.Time
		}
	}
	d, _ := w.object.(*appsv1.Deployment)
	written := templateWritten(d)
	atOnce := !written.IsZero() && !oldest.Before(written) && oldest.Sub(written) < settled/2
	for _, c := range d.Status.Conditions {
		over := c.Type == appsv1.DeploymentProgressing && c.Reason == "NewReplicaSetAvailable" && c.LastUpdateTime.Time.Before(oldest)
		if over && (!atOnce || !strings.Contains(c.Message, strconv.Quote(w.before.Name))) {
			return time.Time{}
		}
	}
	if oldest.IsZero() && !up.IsZero() && written.After(other) {
		return written
	}
	return oldest
}

// templateWritten is the last write of those who hold fields of a Deployment's pod template; zero if that is not known.
func templateWritten(d *appsv1.Deployment) (last time.Time) {
	for _, m := range d.ManagedFields {
		if m.Time != nil && m.Subresource == "" && m.FieldsV1 != nil && bytes.Contains(m.FieldsV1.GetRawBytes(), []byte(`"f:template"`)) && m.Time.After(last) {
			last = m.Time.Time
		}
	}
	return last
}

// scaledUp is when a ReplicaSet last got its first pod, as the Deployment's events say; zero if they do not.
func (v *view) scaledUp(w *workload, rs *appsv1.ReplicaSet) time.Time {
	for _, e := range slices.Backward(v.s.EventsOf(w.ref)) {
		if strings.Contains(e.Message, "Scaled up replica set "+rs.Name+" from 0 to ") {
			return snapshot.EventTime(e)
		}
	}
	return time.Time{}
}

// same compares two pod templates, the hash label that ReplicaSets add aside.
func same(a, b *corev1.PodTemplateSpec) bool {
	return equality.Semantic.DeepEqual(&a.Spec, &b.Spec)
}
