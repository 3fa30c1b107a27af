package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
)

// throttled recognises AWS's words for too many calls of its API.
var throttled = regexp.MustCompile(`Throttling|Rate exceeded|RequestLimitExceeded|TooManyRequests`)

// notToldInTime reads AWS's controller saying that it may not tell the load balancer of targets for the time being, while
// the pods of a route were replaced: until it may, the load balancer asks the former ones. Each TargetGroupBinding says of
// which Service (kubernetes-sigs/aws-load-balancer-controller, controllers/elbv2 and pkg/targetgroupbinding/targets_manager.go).
func (v *view) notToldInTime(r *route, l path.Leg) (finding, bool) {
	if s, ok := v.m.Setting(r.Route, l, proxy.TargetType); r.Proxy != "aws-alb" || r.requests > 0 || !ok || s.Value != "ip" {
		return finding{}, false
	}
	for _, b := range v.all("elbv2.k8s.aws", "TargetGroupBinding") {
		if service := serviceRef(l); b.ref.Namespace != service.Namespace || b.at("spec", "serviceRef").text("name") != service.Name {
			continue
		}
		for _, ref := range v.behind(l) {
			if w := v.workload(ref); w != nil && w.serving > 0 {
				if f, ok := v.toldLate(r, l, w, b); ok {
					return f, true
				}
			}
		}
	}
	return finding{}, false
}

// toldLate says that a load balancer was not told of a workload's pods through a TargetGroupBinding for some time.
func (v *view) toldLate(r *route, l path.Leg, w *workload, b piece) (finding, bool) {
	line, source, since, until := v.throttledOf(b, slices.Concat(v.stops(w), v.readied(w)))
	if line == "" || !until.IsZero() && (v.s.At().Sub(until) > lag || until.Sub(since) < shiftLag) {
		return finding{}, false // it was told at once, or has taken them in by now
	}
	when := "and is not told yet"
	if !until.IsZero() {
		when = "and was told at " + clock(until)
	}
	object, why := v.lagging(r, l, w)
	f := find("lb-programming-lag", proven, object, fmt.Sprintf("the load balancer of %s was not told of the new pods of %s from %s on, as AWS throttles its controller, %s%s", r, w.ref, clock(since), when, why)).
		on(r).as(lateKinds()...).since(since).relates("workload", w.ref).relates("service", serviceRef(l)).
		not("no-endpoints", "the Service has ready endpoints")
	_, said, _ := strings.Cut(line, `"error":`)
	f.Evidence = append(f.Evidence, model.Evidence{Kind: "controller-log", Text: brief(said), Source: source, At: since})
	f.atRest, f.unlogged = true, true
	return f, true
}

// throttledOf is the first line in which the controller says that it was throttled at a TargetGroupBinding after one of
// some changes, and when it registered targets of it after that; zero if it did not yet.
func (v *view) throttledOf(b piece, changes []time.Time) (line, source string, since, until time.Time) {
	for _, log := range v.in.Logs {
		for _, l := range log.Lines {
			at, err := time.Parse(time.RFC3339, stamp.FindString(l))
			if err != nil {
				continue
			}
			switch {
			case strings.Contains(l, "Reconciler error") && strings.Contains(l, `"name":"`+b.ref.Name+`"`) && throttled.MatchString(l) && after(at, changes, 0):
				if until = (time.Time{}); line == "" {
					line, source, since = l, sourceOf(log), at
				}
			case line != "" && strings.Contains(l, `"registered targets"`) && strings.Contains(l, "/"+b.ref.Name+"/"):
				until = at
			}
		}
	}
	return line, source, since, until
}
