package diagnose

import (
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func rolloutRecreateGap() Analyzer {
	return Analyzer{
		Cause:  "rollout-recreate-gap",
		Doc:    "Finds workloads whose update strategy leaves a time without a ready pod.",
		Inputs: podKinds(), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, w := range v.workloads {
				if f, ok := v.recreateGap(w); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// opening is the setting of a workload that lets all of its pods be away at once.
type opening struct {
	field, why, wanted string
}

// opening finds it. ok is false where an update always keeps a pod.
func (w *workload) opening() (o opening, ok bool) {
	switch x := w.object.(type) {
	case *appsv1.Deployment:
		return deploymentOpening(x.Spec.Strategy, int(w.replicas))
	case *appsv1.StatefulSet:
		if w.replicas == 1 && x.Spec.UpdateStrategy.Type != appsv1.OnDeleteStatefulSetStrategyType {
			return opening{field: "spec.replicas", why: "it has one replica, which a StatefulSet stops before it starts the next"}, true
		}
	}
	return opening{}, false
}

// deploymentOpening resolves a strategy as the Deployment controller does: percentages of surge are
// rounded up, of unavailability down, and both must not be zero (kubernetes, pkg/controller/deployment/
// util: ResolveFenceposts).
func deploymentOpening(s appsv1.DeploymentStrategy, replicas int) (opening, bool) {
	if s.Type == appsv1.RecreateDeploymentStrategyType {
		return opening{
			field: "spec.strategy.type", wanted: `"RollingUpdate"`,
			why: "its strategy is Recreate: all old pods are stopped before the first new one is made",
		}, true
	}
	away, surge := intstr.FromString("25%"), intstr.FromString("25%")
	if r := s.RollingUpdate; r != nil {
		if r.MaxUnavailable != nil {
			away = *r.MaxUnavailable
		}
		if r.MaxSurge != nil {
			surge = *r.MaxSurge
		}
	}
	down, errDown := intstr.GetScaledValueFromIntOrPercent(&away, replicas, false)
	up, errUp := intstr.GetScaledValueFromIntOrPercent(&surge, replicas, true)
	if errDown != nil || errUp != nil || replicas < 1 {
		return opening{}, false
	}
	if down == 0 && up == 0 {
		down = 1
	}
	if down < replicas {
		return opening{}, false
	}
	o := opening{
		field: "spec.strategy.rollingUpdate.maxUnavailable",
		why:   fmt.Sprintf("its strategy lets %s of %d pods be unavailable: old ones are stopped before new ones are ready", away.String(), replicas),
	}
	if up > 0 {
		o.wanted = "0" // both must not be
	}
	return o, true
}

// recreateGap finds the time in which a workload had no ready pod since an update replaced them, by the
// requests that met nobody then, or now, while it goes on.
func (v *view) recreateGap(w *workload) (finding, bool) {
	o, ok := w.opening()
	if !ok || v.explainedWorkload(w) || len(w.routes) == 0 {
		return finding{}, false
	}
	g, ok := v.gap(w)
	if !ok {
		return finding{}, false
	}
	t := v.fatesOf(w)
	var met []*model.Signal
	for _, s := range t.of(unserved, atStop, departed, untold, atStart) {
		if g.holds(s.At) || v.inEarlierGap(w, s) {
			met = append(met, s)
		}
	}
	if len(met) == 0 && !g.to.IsZero() || len(met)*2 < len(t.all) {
		return finding{}, false
	}
	confidence := proven
	text := fmt.Sprintf("an update of %s left no ready pod from %s until %s: %s", w.ref, clock(g.from), clock(g.to), o.why)
	if g.to.IsZero() {
		confidence = likely // until a new pod is ready, it may as well be that none ever will be
		text = fmt.Sprintf("an update of %s has left no ready pod since %s: %s", w.ref, clock(g.from), o.why)
	}
	f := find("rollout-recreate-gap", confidence, at(w.ref, o.field), text).
		on(w.routes...).as(raceKinds()...).since(g.from).
		relates("workload", w.ref).relates("service", w.service()).
		because("object", o.why, w.ref, time.Time{})
	if w.newest != nil {
		f = f.because("object", fmt.Sprintf("revision %d came", snapshot.Revision(w.newest)), snapshot.RefOf(w.newest), g.from)
	}
	if len(t.all) > 0 {
		text := "%d of %d failed requests fall in that time"
		if first, _ := span(met); !g.holds(first) {
			text = "%d of %d failed requests fall in that time or in that of an earlier update"
		}
		f = f.covering(met).because("proxy-log", fmt.Sprintf(text, len(met), len(t.all)), w.ref, g.from)
		f.routes = t.routes
	}
	if o.wanted != "" {
		f = f.wants(o.wanted)
	}
	return f, true
}

// gap is a time without a ready pod; to is zero while it goes on.
type gap struct{ from, to time.Time }

// holds reports whether a failure belongs to it: proxies learn of its begin and end some seconds late, and
// their clocks round.
func (g gap) holds(at time.Time) bool {
	return !at.Before(g.from.Add(-beforeStop)) && (g.to.IsZero() || at.Before(g.to.Add(longGone/3)))
}

// inEarlierGap reports whether a request that met nobody was one of a row of such, without one that succeeded between, in which an
// earlier revision of a Deployment came. What had become of that revision's pods nobody tells any more.
func (v *view) inEarlierGap(w *workload, s *model.Signal) bool {
	d, ok := w.object.(*appsv1.Deployment)
	if !ok || s.Failure != model.NoEndpoints {
		return false
	}
	var before, after time.Time // the successes next to it
	for _, r := range w.routes {
		i, _ := slices.BinarySearchFunc(r.succeeded, s.At, time.Time.Compare)
		if i > 0 {
			before = newestOf(before, r.succeeded[i-1])
		}
		if i < len(r.succeeded) && (after.IsZero() || r.succeeded[i].Before(after)) {
			after = r.succeeded[i]
		}
	}
	return slices.ContainsFunc(v.s.Revisions(d), func(rs *appsv1.ReplicaSet) bool {
		came := rs.CreationTimestamp.Time
		return rs != w.newest && came.After(before) && came.Before(after) && came.Sub(s.At).Abs() < longestGap
	})
}

// longestGap is how far a request that met nobody may be from the coming of the revision to which that is put down.
const longestGap = 5 * time.Minute

// gap looks for the time between the end of the pods before and the readiness of those of the current
// revision. It is known from the moment on at which they were told to stop, or, where nothing tells,
// from the first of the new ones on, which Recreate makes only then.
func (v *view) gap(w *workload) (gap, bool) {
	began := v.rolled(w)
	if began.IsZero() {
		return gap{}, false
	}
	var ready, told time.Time
	for _, l := range v.podsIn(w.ref.Namespace).Of(w.ref) {
		switch {
		case !l.Created.Before(began) && !l.Gone:
			if t := l.Ready; !t.IsZero() && l.Told.IsZero() && (ready.IsZero() || t.Before(ready)) {
				ready = t
			}
		case l.Gone || !l.Told.IsZero():
			if l.Told.After(told) {
				told = l.Told
			}
		default:
			return gap{}, false // one of before is still there
		}
	}
	g := gap{from: began, to: ready}
	if !told.IsZero() && told.Before(began) {
		g.from = told
	}
	if !ready.IsZero() && !told.IsZero() && told.After(ready) {
		return gap{}, false // the old ones stayed until then
	}
	if ready.IsZero() && !v.onlyStarting(w) {
		return gap{}, false
	}
	return g, true
}

// rolled is when the pods of the current revision began to be made; zero if that is the first revision.
func (v *view) rolled(w *workload) time.Time {
	if _, ok := w.object.(*appsv1.StatefulSet); !ok {
		return w.came
	}
	for _, l := range v.podsIn(w.ref.Namespace).Of(w.ref) {
		if !l.Gone && slices.ContainsFunc(v.s.EventsOf(w.ref), func(e *corev1.Event) bool {
			return e.Reason == "SuccessfulDelete" && !snapshot.EventTime(e).After(l.Created)
		}) {
			return l.Created
		}
	}
	return time.Time{}
}

// onlyStarting reports whether all that keeps a workload's pods from serving is that they are new: made within the last minute, or
// within the time that their startup probes give them.
func (v *view) onlyStarting(w *workload) bool {
	return len(w.pods) > 0 && !slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool {
		t := v.trouble(p)
		return p.DeletionTimestamp == nil && (!v.young(p) && !v.mayStillStart(p, t.container) || t.cause != "" && t.cause != "pods-not-ready" || restarts(p) > 0)
	})
}

// mayStillStart reports whether the startup probe of a container that runs has not failed for as long as it may.
func (v *view) mayStillStart(p *corev1.Pod, container string) bool {
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
		if c.Name != container || c.StartupProbe == nil {
			continue
		}
		return slices.ContainsFunc(p.Status.ContainerStatuses, func(st corev1.ContainerStatus) bool {
			return st.Name == container && st.State.Running != nil && v.s.At().Sub(st.State.Running.StartedAt.Time) < patience(c.StartupProbe)
		})
	}
	return false
}

func restarts(p *corev1.Pod) int32 {
	n := int32(0)
	for _, st := range p.Status.ContainerStatuses {
		n += st.RestartCount
	}
	return n
}
