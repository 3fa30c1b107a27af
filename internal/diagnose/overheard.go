package diagnose

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/all"
)

// overhear finds, for rules of which no gateway's log was read, the requests that their applications say they do not know.
// Load balancers of clouds write no log in the cluster, and what they sent to an application stands in its own, which often has
// the form that nginx and Apache share. What is not there may have gone elsewhere: it counts for nothing else.
func (v *view) overhear() {
	nginx, ok := all.Named("nginx")
	if !ok {
		return
	}
	read := map[model.Ref][]model.Signal{} // by pod
	for _, r := range v.routes {
		if r.requests > 0 || len(r.legs) == 0 {
			continue
		}
		for i := range v.in.Logs {
			log := &v.in.Logs[i]
			if log.Previous || !isBehind(r, log.Pod) {
				continue
			}
			if _, known := read[log.Pod]; !known {
				read[log.Pod] = unknownThere(nginx.NewParser(), log)
			}
			r.overheard = append(r.overheard, read[log.Pod]...)
		}
	}
}

// isBehind reports whether a pod is one of those to which a rule leads first.
func isBehind(r *route, pod model.Ref) bool {
	return slices.ContainsFunc(r.legs[0].Selected, func(p *corev1.Pod) bool { return p.Name == pod.Name && p.Namespace == pod.Namespace })
}

// overheardMisses are the overheard requests from which nothing but the way in which a path is compared keeps the rule that was
// meant: whether that rule has requests of its own is not known without a log.
func (v *view) overheardMisses(r *route) []model.Signal {
	return slices.DeleteFunc(slices.Clone(r.overheard), func(s model.Signal) bool {
		m, ok := v.closest(r, s.Request)
		return !r.Takes(s.Request.Path) || !ok || m.far > 0
	})
}

// unknownThere lists the requests that an application answered as one that does not know them; not those of health checks.
func unknownThere(p proxy.Parser, log *model.LogExcerpt) []model.Signal {
	var out []model.Signal
	for _, line := range log.Lines {
		var s model.Signal
		if strings.Contains(line, "HealthChecker") || strings.Contains(line, "GoogleHC/") || strings.Contains(line, "kube-probe/") ||
			p.Parse([]byte(line), &s) != proxy.Access || !isAstray(s) {
			continue
		}
		s.Source = sourceOf(*log)
		out = append(out, s)
	}
	return out
}
