package diagnose

import (
	"fmt"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func publishesNotReady() Analyzer {
	return Analyzer{
		Cause:  "publishes-not-ready",
		Doc:    "Finds Services that publish pods which are not ready, so that requests reach them.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.hops() {
				if f, ok := v.unreadyPublished(r, l); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// unreadyPublished looks for pods that are published and not ready beside others that are: without them requests
// would succeed. Where no pod is ready, what keeps them from it is the cause.
func (v *view) unreadyPublished(r *route, l path.Leg) (finding, bool) {
	if l.Service == nil || !l.Service.Spec.PublishNotReadyAddresses || r.works() {
		return finding{}, false
	}
	var unready []path.End
	ready := 0
	for _, e := range l.ReadyEnds() {
		switch {
		case e.Pod == nil:
		case path.Ready(e.Pod):
			ready++
		default:
			unready = append(unready, e)
		}
	}
	if len(unready) == 0 || ready == 0 {
		return finding{}, false
	}
	if r.failures > 0 && triedAt(r, unready) == 0 && anyTried(r) {
		return finding{}, false // what failed was sent elsewhere
	}
	ref, pod := serviceRef(l), unready[0].Pod
	f := find("publishes-not-ready", proven, at(ref, "spec.publishNotReadyAddresses"),
		fmt.Sprintf("%s publishes addresses that are not ready, so requests reach %s that cannot serve, beside %d that can: %s", ref, countPods(len(unready)), ready, v.whyUnready(unready[0]))).
		on(r).as(model.Refused, model.ConnectTimeout, model.Reset, model.ClosedEarly, model.UpstreamStatus, model.ResponseTimeout).
		relates("service", ref).wants("false").
		because("object", fmt.Sprintf("%s has publishNotReadyAddresses: true", ref), ref, time.Time{}).
		because("status", fmt.Sprintf("pod %s is published at %s and is not ready", pod.Name, unready[0].Address()), snapshot.RefOf(pod), time.Time{}).
		not("pods-not-ready", fmt.Sprintf("%d other pods are ready, and would get all requests if only ready ones were published", ready))
	f.covers = true
	return f, true
}

func (v *view) whyUnready(e path.End) string {
	if t := v.trouble(e.Pod); t.why != "" {
		return "pod " + e.Pod.Name + " " + t.why
	}
	return "pod " + e.Pod.Name + " is not ready"
}

// triedAt counts the failed requests of a route that were sent to some of its endpoints.
func triedAt(r *route, ends []path.End) int {
	n := 0
	for i := range r.signals {
		for _, t := range r.signals[i].Tries {
			for _, e := range ends {
				if e.Address() == t.Address {
					n++
				}
			}
		}
	}
	return n
}

// anyTried reports whether the logs say to which addresses a route's failed requests were sent.
func anyTried(r *route) bool {
	for i := range r.signals {
		if len(r.signals[i].Tries) > 0 {
			return true
		}
	}
	return false
}
