package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
)

// enoughLeft is from how many requests on, of which so many gave up after the same time, clients are taken to have a timeout.
const enoughLeft = 5

// gaveUp finds a route whose clients went away before they had an answer, most of them after the same time: the backend needs
// longer than they wait, and the status that the gateway wrote for them (499 by nginx and Traefik) is no failure of its own.
func (v *view) gaveUp(r *route) (finding, bool) {
	if len(r.left) < enoughLeft || r.failures > 0 {
		return finding{}, false
	}
	if _, cut := v.cutUploads(r); cut {
		return finding{}, false
	}
	if _, cut := v.cutByReloads(r); cut {
		return finding{}, false
	}
	middle, alike := typicalWait(r.left)
	switch {
	case len(r.left)*2 < r.requests:
		return v.impatientCaller(r, middle, alike)
	case middle < impatient:
		return v.cancelled(r, middle)
	case !alike:
		return finding{}, false
	}
	object := at(r.Object, "")
	for _, l := range r.legs {
		for _, ref := range v.behind(l) {
			object = at(ref, "")
			break
		}
	}
	f := find("client-abort", proven, object, fmt.Sprintf("%d of %d requests for %s were given up by their clients, most after %s: the backend needs longer than they wait", len(r.left), r.requests, r, middle.Round(100*time.Millisecond))).
		on(r).showing(r, r.left).since(r.left[0].At).not("upstream-timeout", "the gateway would have waited longer")
	return v.relateBackend(f.quoting(r.left[0]), r), true
}

// typicalWait is for how long clients waited that gave requests up, the median of it, and whether most waited for as long.
func typicalWait(left []model.Signal) (middle time.Duration, alike bool) {
	spans := make([]time.Duration, 0, len(left))
	for _, s := range left {
		spans = append(spans, s.Duration)
	}
	slices.Sort(spans)
	middle = spans[len(spans)/2]
	same := 0
	for _, d := range spans {
		if d >= middle*9/10 && d <= middle*11/10 {
			same++
		}
	}
	return middle, same*4 >= len(spans)*3
}

// impatient is below what nobody's patience, and no client's timeout, ends a request.
const impatient = time.Second / 2

// cancelled finds a route whose clients take most requests back at once, while the backend answers those that they leave it: a
// search that asks anew with each letter, a page that is left before its pictures are there. Nothing behind the gateway is wrong.
func (v *view) cancelled(r *route, after time.Duration) (finding, bool) {
	if len(r.left) < 2*enoughLeft || len(r.left) == len(r.succeeded) {
		return finding{}, false
	}
	f := find("client-abort", likely, at(r.Object, ""), fmt.Sprintf("%d of %d requests for %s were taken back by their clients, half of them within %s; the others were answered", len(r.left), r.requests, r, after.Round(time.Millisecond))).
		on(r).showing(r, r.left).since(r.left[0].At).not("upstream-timeout", "nobody's patience is as short as that")
	return v.relateBackend(f.quoting(r.left[0]), r), true
}

// impatientCaller finds a route on which one workload of the cluster gives most of its requests up, all after the same time, and nobody
// else does: it waits for less long than the others, who get their answers.
func (v *view) impatientCaller(r *route, middle time.Duration, alike bool) (finding, bool) {
	if middle < impatient || !alike {
		return finding{}, false
	}
	caller, clients := model.Ref{}, map[string]bool{}
	for _, s := range r.left {
		pods := v.s.PodsByIP(s.Client)
		if len(pods) != 1 || pods[0].Spec.HostNetwork {
			return finding{}, false
		}
		ref := v.s.WorkloadOf(pods[0])
		if _, gateway := v.m.FleetOf(model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: pods[0].Namespace, Name: pods[0].Name}); gateway || !caller.IsZero() && ref != caller {
			return finding{}, false // a proxy in front hides who asked
		}
		caller, clients[s.Client] = ref, true
	}
	asked := 0
	for i := range v.in.Signals {
		if s := &v.in.Signals[i]; !s.ErrorLog && clients[s.Client] {
			asked++
		}
	}
	if len(r.left)*2 < asked {
		return finding{}, false
	}
	f := find("client-abort", proven, v.patienceOf(caller, middle), fmt.Sprintf("%s gives requests for %s up after %s, before they are answered: all %d that were given up are its own, and others wait for longer", caller, r, middle.Round(100*time.Millisecond), len(r.left))).
		on(r).showing(r, r.left).since(r.left[0].At).
		not("upstream-timeout", "the gateway would have waited longer").not("app-error", "the backend answers everybody else")
	return v.relateBackend(f.quoting(r.left[0]), r), true
}

// patienceOf is the variable of a workload that says that it waits for some time, else the workload.
func (v *view) patienceOf(caller model.Ref, wait time.Duration) model.FieldRef {
	w := v.workload(caller)
	if w == nil || w.template.template == nil {
		return at(caller, "")
	}
	for i := range w.template.template.Spec.Containers {
		for _, e := range v.environment(w, &w.template.template.Spec.Containers[i], fmt.Sprintf("spec.template.spec.containers[%d]", i)) {
			if strings.Contains(strings.ToUpper(e.name), "TIMEOUT") && slices.ContainsFunc(durations(e.value), func(d time.Duration) bool { return d >= wait*9/10 && d <= wait*11/10 }) {
				return e.at
			}
		}
	}
	return at(caller, "")
}

// durations are the times that a setting may mean: a number without a unit may be of seconds or of milliseconds.
func durations(value string) []time.Duration {
	if d, err := time.ParseDuration(value); err == nil {
		return []time.Duration{d}
	}
	if n, err := strconv.ParseFloat(value, 64); err == nil {
		return []time.Duration{time.Duration(n * float64(time.Second)), time.Duration(n * float64(time.Millisecond))}
	}
	return nil
}
