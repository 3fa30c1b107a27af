package diagnose

import (
	"cmp"
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	s := v.s
	out, lent := v.rollouts(namespace)
	for d := range s.Deployments().In(namespace) {
		if lent[d.Name] {
			continue
		}
		out = append(out, template{snapshot.RefOf(d), d, &d.Spec.Template, d.Spec.Selector, count(d.Spec.Replicas)})
	}
	for d := range s.StatefulSets().In(namespace) {
		out = append(out, template{snapshot.RefOf(d), d, &d.Spec.Template, d.Spec.Selector, count(d.Spec.Replicas)})
	}
	for d := range s.DaemonSets().In(namespace) {
		out = append(out, template{snapshot.RefOf(d), d, &d.Spec.Template, d.Spec.Selector, -1})
	}
	out = append(out, v.byTheirPods(namespace)...)
	v.made[namespace] = out
	return out
}

// byTheirPods lists the workloads that were not read and whose pods were, as their newest pods show them. How many are
// wanted, and what selects them, is not known.
func (v *view) byTheirPods(namespace string) []template {
	newest := map[model.Ref]*corev1.Pod{}
	for p := range v.s.Pods().In(namespace) {
		ref := v.s.WorkloadOf(p)
		if path.Finished(p) || !v.unknownWorkload(ref) {
			continue
		}
		if other := newest[ref]; other == nil || podOrder(other, p) < 0 {
			newest[ref] = p
		}
	}
	var out []template
	for _, ref := range slices.SortedFunc(maps.Keys(newest), model.Ref.Compare) {
		p := newest[ref]
		out = append(out, template{
			ref:      ref,
			object:   &metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name},
			template: &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: snapshot.TemplateLabels(p), Annotations: p.Annotations}, Spec: p.Spec},
			replicas: -1,
		})
	}
	return out
}

// unknownWorkload reports whether a workload is of a kind of which not all was read, and was not read.
func (v *view) unknownWorkload(ref model.Ref) bool {
	if !slices.Contains([]snapshot.Kind{snapshot.Deployments, snapshot.StatefulSets, snapshot.DaemonSets}, snapshot.Kind(ref.Kind)) {
		return false
	}
	_, presence := v.s.Lookup(ref)
	return presence == snapshot.Unknown
}

// readWorkloads reports whether all that keeps pods running in a namespace was read: only then is none there that has no pods.
func (v *view) readWorkloads(namespace string) bool {
	return v.s.Deployments().Covers(namespace) && v.s.StatefulSets().Covers(namespace) && v.s.DaemonSets().Covers(namespace)
}

// podOrder compares pods by age, the younger one last.
func podOrder(a, b *corev1.Pod) int {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
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
	told   bool          // they were not read, and events tell of them; see toldPods
	routes []*route
	legs   []path.Leg // beside routes
	// serving counts the pods of the workload that are ready.
	serving int
	// newest and before are a Deployment's current ReplicaSet and the one of the revision before it.
	newest, before *appsv1.ReplicaSet
	// awaited: a Deployment's template has changed, and its controller has not seen that yet. All pods are of former ones.
	awaited     bool
	failedCalls []call    // what its logs say that it failed to call; see calls
	callsRead   bool      // that they were read
	came        time.Time // when the current revision came
	good        string    // why the revision before is known to have worked; empty if it is not
}

// findWorkloads makes the workloads of every namespace that a route leads to, and of those where no
// route leads, so that what is wrong beside the path can be told apart from the cause.
func (v *view) findWorkloads() {
	namespaces := map[string]bool{}
	for _, r := range v.routes {
		for _, b := range r.Backends {
			namespaces[b.Service.Namespace] = true
		}
	}
	if v.in.Target.IsZero() {
		for d := range v.s.Deployments().All() {
			namespaces[d.Namespace] = true
		}
		for _, r := range v.m.Custom().Rollouts {
			namespaces[r.Namespace] = true
		}
	}
	by := map[model.Ref]*workload{}
	for _, namespace := range slices.Sorted(maps.Keys(namespaces)) {
		for _, w := range v.workloadsIn(namespace) {
			by[w.ref] = w
			v.workloads = append(v.workloads, w)
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
		w.good = v.proveGood(w)
	}
	slices.SortStableFunc(v.workloads, func(a, b *workload) int { return a.ref.Compare(b.ref) })
}

// workloadsIn makes the workloads of a namespace, with their pods.
func (v *view) workloadsIn(namespace string) []*workload {
	owned := map[model.Ref][]*corev1.Pod{}
	for p := range v.s.Pods().In(namespace) {
		if !path.Finished(p) {
			ref := v.s.WorkloadOf(p)
			owned[ref] = append(owned[ref], p)
		}
	}
	var out []*workload
	for _, t := range v.templates(namespace) {
		w := &workload{template: t, pods: byName(owned[t.ref])}
		v.revisions(w)
		if len(w.pods) == 0 {
			w.pods = v.toldPods(w)
			w.told = len(w.pods) > 0
		}
		for _, p := range w.pods {
			if path.Ready(p) && p.DeletionTimestamp == nil {
				w.serving++
			}
		}
		out = append(out, w)
	}
	return out
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
		if t.makes(l.Service.Spec.Selector) && !slices.Contains(out, t.ref) {
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
	all := v.s.Revisions(d)
	if len(all) > 0 {
		w.newest = all[0]
		w.awaited = 0 < d.Status.ObservedGeneration && d.Status.ObservedGeneration < d.Generation && !same(&d.Spec.Template, &w.newest.Spec.Template)
	}
	if len(all) > 1 {
		w.before = all[1]
	}
	if stable := v.stable(w, all); stable != nil && stable != w.newest {
		w.before = stable
	}
}

// rolledAt is when the current revision came; zero if it is the first, or not known.
func (w *workload) rolledAt() time.Time { return w.came }

// current reports whether a pod is of the workload's current revision.
func (w *workload) current(p *corev1.Pod) bool {
	c := metav1.GetControllerOfNoCopy(p)
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
	if w.told {
		return max(n, int(w.replicas))
	}
	return n
}

// hurt reports whether requests lack this workload: a backend to which it belongs has no ready
// endpoint, or requests on its routes fail and some of its pods do not serve.
func (w *workload) hurt() bool {
	for i, r := range w.routes {
		if dead(w.legs[i]) || r.failures > 0 || unready(w.legs[i]) {
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
	return snapshot.Matches(selector, have)
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// newestOf is the latest of several times.
func newestOf(ts ...time.Time) time.Time {
	return slices.MaxFunc(append(ts, time.Time{}), func(a, b time.Time) int { return a.Compare(b) })
}
