package diagnose

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// template is what a workload makes pods of.
type template struct {
	ref      model.Ref
	object   metav1.Object
	template *corev1.PodTemplateSpec
	selector *metav1.LabelSelector
	replicas int32 // wanted; -1 where the kind has no count
}

// templates lists the workloads of a namespace that keep pods running.
func (v *view) templates(namespace string) []template {
	if made, ok := v.made[namespace]; ok {
		return made
	}
	s, out := v.s, []template{}
	for d := range s.Deployments().In(namespace) {
		out = append(out, template{snapshot.RefOf(d), d, &d.Spec.Template, d.Spec.Selector, count(d.Spec.Replicas)})
	}
	for d := range s.StatefulSets().In(namespace) {
		out = append(out, template{snapshot.RefOf(d), d, &d.Spec.Template, d.Spec.Selector, count(d.Spec.Replicas)})
	}
	for d := range s.DaemonSets().In(namespace) {
		out = append(out, template{snapshot.RefOf(d), d, &d.Spec.Template, d.Spec.Selector, -1})
	}
	v.made[namespace] = out
	return out
}

func count(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// workload is a template with its pods and the routes that lead to it.
type workload struct {
	template
	pods   []*corev1.Pod // living, by name
	routes []*route
	legs   []path.Leg // beside routes
	// serving counts the pods of the workload that are ready.
	serving int
	// newest and before are a Deployment's current ReplicaSet and the one of the revision before it.
	newest, before *appsv1.ReplicaSet
	came           time.Time // when the current revision came
	good           string    // why the revision before is known to have worked; empty if it is not
}

// findWorkloads makes the workloads of every namespace that a route leads to, and of those where no
// route leads, so that what is wrong beside the path can be told apart from the cause.
func (v *view) findWorkloads() {
	by := map[model.Ref]*workload{}
	seenNamespace := map[string]bool{}
	add := func(namespace string) {
		if seenNamespace[namespace] {
			return
		}
		seenNamespace[namespace] = true
		owned := map[model.Ref][]*corev1.Pod{}
		for p := range v.s.Pods().In(namespace) {
			if !path.Finished(p) {
				ref := v.s.WorkloadOf(p)
				owned[ref] = append(owned[ref], p)
			}
		}
		for _, t := range v.templates(namespace) {
			w := &workload{template: t, pods: byName(owned[t.ref])}
			v.revisions(w)
			for _, p := range w.pods {
				if path.Ready(p) && p.DeletionTimestamp == nil {
					w.serving++
				}
			}
			by[t.ref] = w
			v.workloads = append(v.workloads, w)
		}
	}
	for _, r := range v.routes {
		for _, b := range r.Backends {
			add(b.Service.Namespace)
		}
	}
	if v.in.Target.IsZero() {
		for d := range v.s.Deployments().All() {
			add(d.Namespace)
		}
	}
	for r, l := range v.legsWith() {
		for _, ref := range v.behind(l) {
			if w := by[ref]; w != nil {
				w.routes, w.legs = append(w.routes, r), append(w.legs, l)
			}
		}
	}
	for _, w := range v.workloads {
		w.came = v.arrival(w)
		w.good = proveGood(w)
	}
	slices.SortStableFunc(v.workloads, func(a, b *workload) int { return a.ref.Compare(b.ref) })
}

// behind names the workloads that a backend's Service selects: by its pods, else by the templates
// that would make such pods.
func (v *view) behind(l path.Leg) []model.Ref {
	var out []model.Ref
	if l.Service == nil || len(l.Service.Spec.Selector) == 0 {
		return nil
	}
	for _, p := range l.Selected {
		if ref := v.s.WorkloadOf(p); !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	}
	for _, t := range v.templates(l.Service.Namespace) {
		if matches(l.Service.Spec.Selector, t.template.Labels) && !slices.Contains(out, t.ref) {
			out = append(out, t.ref)
		}
	}
	return out
}

// revisions finds a Deployment's current ReplicaSet and the one before.
func (v *view) revisions(w *workload) {
	d, ok := w.object.(*appsv1.Deployment)
	if !ok {
		return
	}
	for _, rs := range v.s.Revisions(d) {
		if w.newest == nil {
			w.newest = rs
			continue
		}
		w.before = rs
		return
	}
}

// fine reports whether the revision before the current one is known to have worked, and why.
func (w *workload) fine() (why string, ok bool) { return w.good, w.good != "" }

// settled is how long a revision must have been the current one for a Deployment's word to count
// where its strategy lets every pod be unavailable: it calls itself available all the time then.
const settled = 10 * time.Minute

// proveGood looks for proof that the revision before worked: its pods are ready now, requests
// succeeded until the new revision came, or the Deployment was available until then.
func proveGood(w *workload) string {
	d, is := w.object.(*appsv1.Deployment)
	if !is || w.before == nil || w.newest == nil || same(&w.before.Spec.Template, &w.newest.Spec.Template) {
		return ""
	}
	rev := fmt.Sprintf("revision %d (ReplicaSet %s)", snapshot.Revision(w.before), w.before.Name)
	if n := w.before.Status.ReadyReplicas; n > 0 {
		return fmt.Sprintf("%s still has %d ready pods", rev, n)
	}
	if w.came.IsZero() {
		return ""
	}
	for _, p := range w.pods {
		if c := metav1.GetControllerOf(p); c != nil && c.UID == w.before.UID && readyToTheEnd(p) {
			return fmt.Sprintf("pod %s of %s was ready until it was told to stop", p.Name, rev)
		}
	}
	succeeded, failed := 0, 0
	for _, r := range w.routes {
		n, _ := slices.BinarySearchFunc(r.succeeded, w.came, time.Time.Compare)
		succeeded += n
		for _, s := range r.signals {
			if s.At.Before(w.came) {
				failed++
			}
		}
	}
	if succeeded > 0 && failed*10 <= succeeded {
		return fmt.Sprintf("%d requests succeeded with %s before the new revision came at %s", succeeded, rev, clock(w.came))
	}
	if !w.before.CreationTimestamp.Time.Before(w.came) || failed > 0 {
		return ""
	}
	for _, c := range d.Status.Conditions {
		if c.Type != appsv1.DeploymentAvailable {
			continue
		}
		turned := c.LastTransitionTime.Time
		switch {
		case c.Status == corev1.ConditionTrue && turned.Before(w.came) && w.came.Sub(w.before.CreationTimestamp.Time) > settled:
			return fmt.Sprintf("the Deployment was available with %s until the new revision came at %s", rev, clock(w.came))
		case c.Status == corev1.ConditionFalse && !turned.Before(w.came):
			return fmt.Sprintf("the Deployment was available with %s, and not any more at %s, after the new revision came at %s", rev, clock(turned), clock(w.came))
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
	told := p.DeletionTimestamp.Time
	if g := p.DeletionGracePeriodSeconds; g != nil {
		told = told.Add(-time.Duration(*g) * time.Second)
	}
	return c.Status == corev1.ConditionTrue || !c.LastTransitionTime.Time.Before(told)
}

// arrival is when the current revision last became the current one; zero if it is the first, or not
// known. A rollback, or an old template applied again, gives an old ReplicaSet a new number: then its
// oldest pod tells the time.
func (v *view) arrival(w *workload) time.Time {
	if w.newest == nil || w.before == nil {
		return time.Time{}
	}
	born := w.newest.CreationTimestamp.Time
	if w.newest.Annotations["deployment.kubernetes.io/revision-history"] == "" && !born.Before(w.before.CreationTimestamp.Time) {
		return born
	}
	var oldest time.Time
	for _, p := range w.pods {
		if w.current(p) && (oldest.IsZero() || p.CreationTimestamp.Time.Before(oldest)) {
			oldest = p.CreationTimestamp.Time
		}
	}
	return oldest
}

// same compares two pod templates, the hash label that ReplicaSets add aside.
func same(a, b *corev1.PodTemplateSpec) bool {
	x, errX := json.Marshal(a.Spec)
	y, errY := json.Marshal(b.Spec)
	return errX == nil && errY == nil && string(x) == string(y)
}

// rolledAt is when the current revision came; zero if it is the first, or not known.
func (w *workload) rolledAt() time.Time { return w.came }

// current reports whether a pod is of the workload's current revision.
func (w *workload) current(p *corev1.Pod) bool {
	c := metav1.GetControllerOf(p)
	return w.newest == nil || c != nil && c.UID == w.newest.UID
}

// size counts the pods that are not on their way out.
func (w *workload) size() int {
	n := 0
	for _, p := range w.pods {
		if p.DeletionTimestamp == nil {
			n++
		}
	}
	return n
}

// hurt reports whether requests lack this workload: a backend to which it belongs has no ready
// endpoint, or requests on its routes fail and some of its pods do not serve.
func (w *workload) hurt() bool {
	for i, r := range w.routes {
		if dead(w.legs[i]) || r.failures > 0 {
			return true
		}
	}
	return false
}

// services names the Services in front, the first one first.
func (w *workload) service() model.Ref {
	if len(w.legs) == 0 {
		return model.Ref{}
	}
	return w.legs[0].Backend.Service
}

// matches reports whether labels satisfy a Service's selector.
func matches(selector, have map[string]string) bool {
	return len(selector) > 0 && labels.SelectorFromSet(selector).Matches(labels.Set(have))
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// newestOf is the latest of several times.
func newestOf(ts ...time.Time) time.Time {
	return slices.MaxFunc(append(ts, time.Time{}), func(a, b time.Time) int { return a.Compare(b) })
}
