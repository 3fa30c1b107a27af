package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/proxy/image"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// shutdownKey is the key of ingress-nginx's ConfigMap that says how long the workers of an old configuration may go on with their
// requests, and oldWorkers is that time where it is not set (kubernetes/ingress-nginx, docs: ConfigMap, worker-shutdown-timeout).
const (
	shutdownKey = "worker-shutdown-timeout"
	oldWorkers  = 240 * time.Second
)

// workersLeave matches what an nginx's worker says when a reload told it to end.
var workersLeave = regexp.MustCompile(`\[notice\] .*\bgracefully shutting down$`)

// cutByReloads finds a route whose long requests ingress-nginx cuts: some time after a reload nginx closes what its old workers still
// serve (nginx.org, worker_shutdown_timeout), and logs it as given up by the client (499). Clients give up when they like; these all
// end that time after a reload, to the second, and had begun before it.
func (v *view) cutByReloads(r *route) (finding, bool) {
	if r.edge != nil || r.Proxy != "nginx" || len(r.left) < enoughLeft {
		return finding{}, false
	}
	for _, f := range v.m.Fleets(r.Route) {
		if !slices.ContainsFunc(f.Pod.Spec.Containers, func(c corev1.Container) bool { return image.Is(c.Image, "ingress-nginx/controller") }) {
			continue
		}
		where, limit := v.shutdownLimit(f)
		reloads := v.reloadsOf(f)
		var cut []model.Signal
		seen := map[time.Time]bool{}
		for _, s := range r.left {
			for _, at := range reloads[s.Gateway] {
				if late := s.At.Sub(at.Add(limit)); late >= -time.Second && late <= time.Second && s.Duration > limit {
					cut, seen[at] = append(cut, s), true
					break
				}
			}
		}
		if len(cut) < enoughLeft || len(cut)*4 < len(r.left)*3 || len(seen) < 2 {
			continue
		}
		return v.relateBackend(find("proxy-reload", proven, where,
			fmt.Sprintf("%s was reloaded again and again, and %s after each time it cut what its old workers still served: %d requests for %s that took longer", f.Object, limit, len(cut), r)).
			on(r).showing(r, cut).since(cut[0].At).quoting(cut[0]).
			because("controller-log", fmt.Sprintf("after %d reloads the requests that had begun before ended together, %s later", len(seen), limit), f.Object, time.Time{}).
			not("client-abort", "clients do not all give up in the same second, in which the gateway ends its old workers"), r), true
	}
	return finding{}, false
}

// shutdownLimit is how long an ingress-nginx lets old workers go on, and where that is set or would be.
func (v *view) shutdownLimit(f path.Fleet) (model.FieldRef, time.Duration) {
	for _, name := range proxy.ConfigMaps(f.Pod) {
		cm, ok := v.s.ConfigMaps().Get(f.Object.Namespace, name)
		if ok != snapshot.Present {
			continue
		}
		if limit, set := seconds(cm.Data[shutdownKey]); set {
			return at(snapshot.RefOf(cm), dataField(shutdownKey)), limit
		}
		return at(snapshot.RefOf(cm), dataField(shutdownKey)), oldWorkers
	}
	return at(f.Object, ""), oldWorkers
}

// reloadsOf are the times at which each pod of a gateway told old workers to end.
func (v *view) reloadsOf(f path.Fleet) map[model.Ref][]time.Time {
	out := map[model.Ref][]time.Time{}
	for _, log := range v.in.Logs {
		if !slices.ContainsFunc(f.Pods, func(p *corev1.Pod) bool { return isLogOf(log, p) }) {
			continue
		}
		for _, l := range log.Lines {
			if l = strings.TrimSpace(l); !workersLeave.MatchString(l) {
				continue
			}
			if at := nginxTime(l); !at.IsZero() && !slices.Contains(out[log.Pod], at) {
				out[log.Pod] = append(out[log.Pod], at)
			}
		}
	}
	return out
}
