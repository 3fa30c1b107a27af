package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func connectionLimit() Analyzer {
	return Analyzer{
		Cause: "connection-limit", Doc: "Finds routes whose requests are turned away because a connection limit is reached.",
		Inputs: []snapshot.Kind{snapshot.Ingresses, snapshot.Services, snapshot.ConfigMaps, snapshot.Deployments, snapshot.DaemonSets}, stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.open() {
				f, ok := v.told(spoken{cause: "connection-limit", says: "the proxy has no connection left for requests for %s: a limit is reached", where: atRoute}, r)
				if !ok {
					if f, ok = v.full(r); ok {
						out = append(out, f)
					}
					continue
				}
				f.Object = v.gatewayOf(r)
				if place, why := v.connectionsAllowed(r); why != "" {
					f.Object = place
					f = f.because("object", why, place.Ref, time.Time{})
				}
				out = append(out, f)
			}
			return out
		},
	}
}

// full finds that the application itself accepts no further connection: it says so.
func (v *view) full(r *route) (finding, bool) {
	kinds := []model.FailureKind{model.Reset, model.ClosedEarly, model.Refused, model.ConnectTimeout, model.ResponseTimeout, model.UpstreamStatus}
	return v.told(spoken{cause: "connection-limit", says: "the application behind %s has no file or socket left for further connections", where: atWorkload, kinds: kinds}, r)
}

// connectionsAllowed finds what limits a route's connections: an annotation of the route or its Services, or
// the controller's ConfigMap.
func (v *view) connectionsAllowed(r *route) (model.FieldRef, string) {
	for _, l := range r.legs {
		for _, s := range v.m.Settings(r.Route, l).All(proxy.RateLimit) {
			if s.Yes && s.Wrong == "" && strings.Contains(s.At.Field, "conn") {
				return s.At, fmt.Sprintf("%s allows %s connections", s.At, s.Value)
			}
		}
	}
	for _, f := range v.m.Fleets(r.Route) {
		for _, name := range proxy.ConfigMaps(f.Pod) {
			cm, ok := v.s.ConfigMaps().Get(f.Object.Namespace, name)
			if ok != snapshot.Present {
				continue
			}
			keys := []string{"max-worker-connections", "max-worker-open-files", "worker-connections", "maxconn", "max-connections"}
			if i := slices.IndexFunc(keys, func(k string) bool { return cm.Data[k] != "" }); i >= 0 {
				return at(snapshot.RefOf(cm), "data."+keys[i]), fmt.Sprintf("%s is %s", keys[i], cm.Data[keys[i]])
			}
		}
	}
	return model.FieldRef{}, ""
}

// gatewayOf is the workload that serves a route, or the route where it is not known.
func (v *view) gatewayOf(r *route) model.FieldRef {
	if fleets := v.m.Fleets(r.Route); len(fleets) > 0 {
		return at(fleets[0].Object, "")
	}
	return at(r.Object, "")
}
