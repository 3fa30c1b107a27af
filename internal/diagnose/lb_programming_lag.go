package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
	"github.com/gatemend/gatemend/internal/snapshot"
	"github.com/gatemend/gatemend/internal/timeline"
)

func lbProgrammingLag() Analyzer {
	return Analyzer{
		Cause:  "lb-programming-lag",
		Doc:    "Finds routes whose cloud load balancer hears of new or gone pods too late.",
		Inputs: append(podKinds(), snapshot.Ingresses, snapshot.HTTPRoutes),
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if px, ok := all.Named(r.Proxy); !ok || !px.Outside || l.Service == nil || len(l.ReadyEnds()) == 0 {
					continue
				}
				if f, ok := v.unsynced(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.programmedLate(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.notToldInTime(r, l); ok {
					out = append(out, f)
				} else if f, ok := v.replacedTooSoon(r, l); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// lag is how long a cloud's load balancer may need to take in a change of its targets: to be told, and to pass its
// health check. Azure's gateway needs minutes.
const lag = 5 * time.Minute

const negAnnotation = "cloud.google.com/neg"

// lateKinds are the failures of requests to targets that are gone, or for want of any that is known.
func lateKinds() []model.FailureKind { return append(raceKinds(), model.NoRoute) }

// unsynced reads Google's controller saying that it cannot tell the load balancer of the pods (kubernetes/ingress-gce,
// pkg/neg/syncers).
func (v *view) unsynced(r *route, l path.Leg) (finding, bool) {
	for _, e := range slices.Backward(v.s.EventsOf(serviceRef(l))) {
		switch e.Reason {
		case "Attach", "Detach":
			return finding{}, false // it could, later
		case "SyncNetworkEndpointGroupFailed":
			return find("lb-programming-lag", likely, at(serviceRef(l), annotation(negAnnotation)),
				fmt.Sprintf("the load balancer of %s is not told of the pods of %s: %s", r, serviceRef(l), brief(e.Message))).
				on(r).as(lateKinds()...).since(snapshot.EventTime(e)).relates("service", serviceRef(l)).
				because("event", e.Reason+": "+brief(e.Message), serviceRef(l), snapshot.EventTime(e)), true
		}
	}
	return finding{}, false
}

// programmedLate lines the failures of a load balancer up with when pods became ready or stopped. What fails while a
// pod stops is a termination race, which a pause before the stop mends; what fails after is the load balancer's.
func (v *view) programmedLate(r *route, l path.Leg) (finding, bool) {
	if len(r.signals) == 0 {
		return finding{}, false
	}
	for _, ref := range v.behind(l) {
		w := v.workload(ref)
		if w == nil || w.serving == 0 {
			continue
		}
		stops, ready := v.stops(w), v.readied(w)
		var met []*model.Signal
		count := 0
		for i := range r.signals {
			s := &r.signals[i]
			if !slices.Contains(lateKinds(), s.Failure) {
				continue
			}
			count++
			fresh := after(s.At, ready, 0)
			if s.Failure == model.NoEndpoints && fresh || (fresh || after(s.At, stops, afterStop)) && !timely(s, stops) {
				met = append(met, s)
			}
		}
		if len(met) < 2 || len(met)*2 < count {
			continue
		}
		return v.late(r, l, w, met), true
	}
	return finding{}, false
}

func (v *view) late(r *route, l path.Leg, w *workload, met []*model.Signal) finding {
	object, why := v.lagging(r, l, w)
	f := find("lb-programming-lag", likely, object,
		fmt.Sprintf("%d requests for %s failed at the load balancer while pods of %s were ready: it had not heard of the change yet%s", len(met), r, w.ref, why)).
		on(r).as(lateKinds()...).covering(met).since(met[0].At).relates("workload", w.ref).relates("service", serviceRef(l)).
		not("no-endpoints", "the Service has ready endpoints")
	for _, e := range v.s.EventsOf(serviceRef(l)) {
		t := snapshot.EventTime(e)
		if (e.Reason == "Attach" || e.Reason == "Detach") && t.After(met[0].At) && t.Before(met[0].At.Add(lag)) {
			f.Confidence = proven
			f = f.because("event", e.Reason+": "+brief(e.Message), serviceRef(l), t)
		}
	}
	return f
}

// replacedTooSoon finds a rollout, lately, that took the last old pod away before AWS's load balancer can have taken any new one
// in: a target is used once it has passed its health check several times, and nothing makes the rollout wait for that. As no
// request was seen, it counts only where somebody asks (kubernetes-sigs/aws-load-balancer-controller, docs: pod readiness gate,
// and the annotations' defaults).
func (v *view) replacedTooSoon(r *route, l path.Leg) (finding, bool) {
	ing := v.ingress(r.Route)
	if r.Proxy != "aws-alb" || r.requests > 0 || ing == nil || v.in.Target.IsZero() {
		return finding{}, false
	}
	if s, ok := v.m.Setting(r.Route, l, proxy.TargetType); !ok || s.Value != "ip" {
		return finding{}, false
	}
	every, times := targetChecks(ing.Annotations)
	for _, ref := range v.behind(l) {
		w := v.workload(ref)
		if w == nil || w.serving == 0 || slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool { return len(p.Spec.ReadinessGates) > 0 }) {
			continue
		}
		last, first := v.lastStop(w), w.firstReady()
		if last.IsZero() || v.s.At().Sub(last) > 2*lag || last.Sub(first) >= every*time.Duration(times) {
			continue
		}
		f := find("lb-programming-lag", likely, at(w.ref, "spec.template.spec.readinessGates"),
			fmt.Sprintf("the last old pod of %s was told to stop at %s, before the load balancer of %s can have taken a new one in, and no readiness gate makes the rollout wait for it", w.ref, clock(last), r)).
			on(r).as(lateKinds()...).since(last).relates("workload", w.ref).relates("service", serviceRef(l)).
			because("status", fmt.Sprintf("the first new pod was ready at %s, and a target is used after %d checks, %s apart", clock(first), times, every), w.ref, first)
		f.atRest, f.unlogged = true, true
		return f, true
	}
	return finding{}, false
}

// targetChecks is how often a load balancer of AWS checks a target, and how many times in a row one must pass before it is used.
func targetChecks(annotations map[string]string) (every time.Duration, times int) {
	every, times = 15*time.Second, 2
	if d, ok := seconds(annotations["alb.ingress.kubernetes.io/healthcheck-interval-seconds"]); ok {
		every = d
	}
	if n, err := strconv.Atoi(annotations["alb.ingress.kubernetes.io/healthy-threshold-count"]); err == nil && n > 0 {
		times = n
	}
	return every, times
}

// lastStop is when a pod of a workload was last told to stop; zero if none was seen to be.
func (v *view) lastStop(w *workload) (last time.Time) {
	for _, t := range v.stops(w) {
		last = newestOf(last, t)
	}
	return last
}

// firstReady is since when a workload has had one of the pods that are ready.
func (w *workload) firstReady() (first time.Time) {
	for _, p := range w.pods {
		if c := path.PodCondition(p, corev1.PodReady); path.Ready(p) && (first.IsZero() || c.LastTransitionTime.Time.Before(first)) {
			first = c.LastTransitionTime.Time
		}
	}
	return first
}

// lagging is where to make the rollout wait for the load balancer: the readiness gate with which its controller
// tells that a pod is taken in, and that only targets which are pods have.
func (v *view) lagging(r *route, l path.Leg, w *workload) (model.FieldRef, string) {
	gated := slices.ContainsFunc(w.pods, func(p *corev1.Pod) bool { return len(p.Spec.ReadinessGates) > 0 })
	const neg = negAnnotation
	switch {
	case gated:
		return at(w.ref, ""), ""
	case strings.HasPrefix(r.Proxy, "g") && !strings.Contains(l.Service.Annotations[neg], "true") && !strings.Contains(l.Service.Annotations[neg], "exposed_ports"):
		return at(serviceRef(l), annotation(neg)), ", and its targets are nodes and not pods"
	}
	return at(w.ref, "spec.template.spec.readinessGates"), ", and no readiness gate makes the rollout wait for it"
}

// readied lists when the pods of a workload that serve became ready, of those that replaced others.
func (v *view) readied(w *workload) []time.Time {
	var out []time.Time
	for _, l := range v.podsIn(w.ref.Namespace).Of(w.ref) {
		if isUp(l) {
			out = append(out, l.Ready)
		}
	}
	return out
}

func isUp(l timeline.Life) bool { return !l.Ready.IsZero() && l.Told.IsZero() && !l.Gone }

// after reports whether a time follows one of some others within the lag, but not so soon.
func after(at time.Time, times []time.Time, soon time.Duration) bool {
	return slices.ContainsFunc(times, func(t time.Time) bool { return at.Sub(t) >= soon && at.Sub(t) <= lag })
}
