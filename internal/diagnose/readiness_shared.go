package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
)

// How pods turn unready that ask the same thing.
const (
	// Each pod is probed at its own beat, so the last one notices up to a period after the first.
	together = 15 * time.Second
	// served is how long a container must have run before: one that was never ready is another matter.
	served = time.Minute
)

func readinessDependsOnOther() Analyzer {
	return Analyzer{
		Cause:  "readiness-depends-on-other",
		Doc:    "Finds workloads all of whose pods turned unready together because their readiness probe asks something that they share.",
		Inputs: podKinds(),
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if f, ok := v.sharedFate(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// sharedFate weighs whether what a workload's pods share took all of them out at once: they ran and served,
// no rollout came, their own probe handler says no, and what is down is seen.
func (v *view) sharedFate(w *workload) (finding, bool) {
	first, field, probe, ok := v.turned(w)
	if !ok || probe.TCPSocket != nil {
		return finding{}, false
	}
	if _, slow := v.tight(w); slow {
		return finding{}, false // the application answers well, only later
	}
	said := v.saysNo(w)
	if !said && v.unhealthy(w.pods[0]) != nil {
		return finding{}, false // refused, or of another kind than an answer to such a question
	}
	what, evidence, sure := v.shares(w, first)
	if what == "" {
		return finding{}, false
	}
	confidence := likely
	if said && sure {
		confidence = proven
	}
	f := v.onWorkload(w, "readiness-depends-on-other", confidence, field+".readinessProbe",
		fmt.Sprintf("%s of %s turned unready within seconds of %s while their containers run: its readiness probe depends on %s", share(len(w.pods), w.size()), w.ref, clock(first), what), w.pods)
	delete(f.Related, "goodRevision")
	f.Explains, f.Since = nil, first // no revision is at fault
	f.Evidence = append(f.Evidence, evidence...)
	return f.not("bad-rollout", "the pods served for long with the same template"), true
}

// turned reports when all of a workload's pods, which had served before, turned unready at once, and the field
// of the container that did; ok is false where that is not what happened.
func (v *view) turned(w *workload) (first time.Time, field string, probe *corev1.Probe, ok bool) {
	if w.serving > 0 || len(w.pods) < 2 || len(v.affected(w, "pods-not-ready")) < len(w.pods) {
		return time.Time{}, "", nil, false
	}
	field, c, known := containerField(w, v.trouble(w.pods[0]).container, false)
	if !known || c.ReadinessProbe == nil {
		return time.Time{}, "", nil, false
	}
	window := max(together, time.Duration(c.ReadinessProbe.PeriodSeconds)*time.Second+5*time.Second)
	last := time.Time{}
	for _, p := range w.pods {
		cond := path.PodCondition(p, corev1.PodReady)
		if cond == nil || cond.LastTransitionTime.IsZero() || cond.LastTransitionTime.Sub(began(p, c.Name)) < served+patience(c.ReadinessProbe) {
			return time.Time{}, "", nil, false
		}
		t := cond.LastTransitionTime.Time
		last = newestOf(last, t)
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	rolled := w.rolledAt()
	return first, field, c.ReadinessProbe, last.Sub(first) <= window && (rolled.IsZero() || first.Sub(rolled) > 2*served)
}

// began is when a container that runs was started, else when its pod was made.
func began(p *corev1.Pod, container string) time.Time {
	for _, st := range p.Status.ContainerStatuses {
		if st.Name == container && st.State.Running != nil {
			return st.State.Running.StartedAt.Time
		}
	}
	return p.CreationTimestamp.Time
}

// saysNo reports whether the kubelet says that the probe's handler answered 5xx, failed, or waited in vain, as
// it does when what it asks does not answer.
func (v *view) saysNo(w *workload) bool {
	answered := regexp.MustCompile(`statuscode: 5\d\d`)
	return slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool {
		e := v.unhealthy(p)
		if e == nil {
			return false
		}
		_, c, ok := containerField(w, v.trouble(p).container, false)
		return answered.MatchString(e.Message) || gaveUp(e.Message) || ok && c.ReadinessProbe != nil && c.ReadinessProbe.Exec != nil
	})
}

// shares names what a workload's readiness hangs on: what its settings or logs say that it calls and that
// fails; or, less sure, something that another workload hangs on too, which turned unready in the same seconds.
func (v *view) shares(w *workload, turned time.Time) (what string, evidence []model.Evidence, sure bool) {
	for _, e := range v.edges {
		if e.caller.ref == w.ref && !e.loose {
			text := fmt.Sprintf("%s calls %s, which fails", w.ref, e.callee())
			evidence = []model.Evidence{{Kind: "object", Text: text, Object: &w.ref}}
			if n := len(e.said); n > 0 {
				evidence = []model.Evidence{{Kind: "app-log", Text: e.said[n-1].line, Source: e.said[n-1].source}}
			}
			return e.callee(), evidence, true
		}
	}
	for _, c := range slices.Backward(v.calls(w)) {
		if c.kind != model.NoRoute { // dns-resolution-failed tells of names that are not resolved
			return "something that all of them fail to reach", []model.Evidence{{Kind: "app-log", Text: c.line, Source: c.source}}, true
		}
	}
	for _, o := range v.workloads {
		if o.ref == w.ref {
			continue
		}
		if first, _, _, ok := v.turned(o); ok && first.Sub(turned).Abs() <= together && v.saysNo(o) {
			ref := o.ref
			text := fmt.Sprintf("all pods of %s turned unready at %s", ref, clock(first))
			return fmt.Sprintf("what that of %s depends on too, which turned unready with it", ref), []model.Evidence{{Kind: "status", Text: text, Object: &ref, At: first}}, false
		}
	}
	return "", nil, false
}
