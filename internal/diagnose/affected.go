package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// affected lists a workload's pods with a trouble, the current revision's first. What pods of former templates suffer from says
// nothing of one that its controller has not seen yet.
func (v *view) affected(w *workload, cause model.CauseID) []*corev1.Pod {
	var out []*corev1.Pod
	if w.awaited {
		return nil
	}
	for _, p := range w.pods {
		if v.trouble(p).cause != cause {
			continue
		}
		if w.serving > 0 && v.young(p) && cause == "pods-not-ready" {
			continue // it has only begun, and others serve
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b *corev1.Pod) int { return order(!w.current(a)) - order(!w.current(b)) })
	return out
}

// young reports whether a pod has only just been made and may still be starting.
func (v *view) young(p *corev1.Pod) bool {
	return v.s.At().Sub(p.CreationTimestamp.Time) < starting
}

func order(b bool) int {
	if b {
		return 1
	}
	return 0
}

// containerField is the field of a container in a workload's template: of a Deployment, or of the
// pod itself where nothing owns it. ok is false if the template has no such container.
func containerField(w *workload, name string, init bool) (field string, c *corev1.Container, ok bool) {
	prefix := "spec.template.spec."
	list, key := w.template.template.Spec.Containers, "containers"
	if init {
		list, key = w.template.template.Spec.InitContainers, "initContainers"
	}
	for i := range list {
		if list[i].Name == name {
			return fmt.Sprintf("%s%s[%d]", prefix, key, i), &list[i], true
		}
	}
	return prefix + key, nil, false
}

// beforeContainer is the container of that name in the revision before, nil if there is none.
func beforeContainer(w *workload, name string) *corev1.Container {
	if w.before == nil {
		return nil
	}
	for i := range w.before.Spec.Template.Spec.Containers {
		if c := &w.before.Spec.Template.Spec.Containers[i]; c.Name == name {
			return c
		}
	}
	return nil
}

// onWorkload starts a finding about a workload's pods that have a trouble.
func (v *view) onWorkload(w *workload, cause model.CauseID, confidence float64, field, summary string, pods []*corev1.Pod) finding {
	f := find(cause, confidence, at(w.ref, field), summary).
		on(w.routes...).as(model.NoEndpoints, model.Refused, model.ConnectTimeout, model.ClosedEarly, model.Reset, model.NoRoute, model.UpstreamStatus).
		relates("workload", w.ref).relates("service", w.service())
	f.dormant = !w.hurt() && !v.allDie(w, pods)
	first := time.Time{}
	for i, p := range pods {
		t := v.trouble(p)
		if first.IsZero() || !t.at.IsZero() && t.at.Before(first) {
			first = t.at
		}
		if i == 0 {
			f = f.because("status", fmt.Sprintf("pod %s %s", p.Name, strings.TrimSpace(t.why)), snapshot.RefOf(p), t.at).relates("pod", snapshot.RefOf(p))
			f.Evidence = append(f.Evidence, t.evidence...)
		}
	}
	if len(pods) > 1 {
		f = f.because("status", fmt.Sprintf("%d of %d pods of %s are in this state", len(pods), w.size(), w.ref), w.ref, time.Time{})
	}
	f = f.since(newestOf(w.rolledAt(), first))
	if len(pods) > 0 && w.current(pods[0]) {
		f = v.backToStable(withGood(f, w), w)
	}
	return f
}

// allDie reports whether every pod of a workload dies again and again, while nobody tells of requests: each time what it was
// answering breaks off, though others of them may be ready at the moment.
func (v *view) allDie(w *workload, pods []*corev1.Pod) bool {
	return len(pods) > 0 && len(pods) == w.size() && !asked(w.routes) && !slices.ContainsFunc(pods, func(p *corev1.Pod) bool {
		t := v.trouble(p)
		return !t.killed || t.at.IsZero() || v.s.At().Sub(t.at) > fresh
	})
}

// withGood names the revision to which one can go back, where it is known to have been fine.
func withGood(f finding, w *workload) finding {
	why, ok := w.fine()
	if !ok {
		return f
	}
	f = f.relates("goodRevision", snapshot.RefOf(w.before))
	f = f.because("object", why, snapshot.RefOf(w.before), w.rolledAt())
	f.Explains = append(f.Explains, fmt.Sprintf("bad-rollout: revision %d of %s is broken", snapshot.Revision(w.newest), w.ref))
	return f
}

// share writes "both pods", "all 3 pods", "1 of 3 pods"; [form] gives the verb that goes with it.
func share(n, all int) string {
	switch {
	case n != all:
		return fmt.Sprintf("%d of %d pods", n, cmp.Or(all, n))
	case n == 1:
		return "the only pod"
	case n == 2:
		return "both pods"
	}
	return fmt.Sprintf("all %d pods", n)
}

// form picks the verb's form for n pods.
func form(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
