package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// fallbackFlag is the argument that names the Service for what no rule takes, as namespace/name: of ingress-nginx and of both HAProxy
// controllers. (Where the Service is not there, ingress-nginx answers 404 itself; HAProxy Technologies' has then no backend, and
// HAProxy answers 503: kubernetes-ingress, pkg/controller, handleDefaultService.)
const fallbackFlag = "--default-backend-service"

// fallbacks lays the failed requests that no rule took at the Service that a gateway is told to send them to, where that does not
// exist. It is no rule of any object, so it is looked at only where such requests failed at that gateway.
func (v *view) fallbacks() {
	asked := v.in.Target.Request
	if asked != nil && slices.ContainsFunc(v.routes, func(r *route) bool { return !r.lost }) {
		return // a rule takes what is asked about
	}
	for _, fleet := range v.m.AllFleets() {
		service, field := fallbackOf(fleet)
		if _, presence := v.s.Services().Get(service.Namespace, service.Name); service.IsZero() || presence != snapshot.Absent {
			continue
		}
		fell := func(s model.Signal) bool {
			return fellBack(s, fleet, service.Name) && (asked == nil || s.Request.Host == "" || s.Request.Host == asked.Host)
		}
		met := slices.DeleteFunc(slices.Clone(v.unrouted), func(s model.Signal) bool { return !fell(s) })
		r := &route{fallback: true}
		r.Object, r.Rule, r.Path, r.PathType, r.Proxy = fleet.Object, field, "/", path.Prefix, fleet.Proxy
		r.Backends = []path.Backend{{Service: service, Field: field, NameField: field, PortField: field, Weight: 1}}
		if len(met) < few || !v.inScope(r.Route) {
			continue
		}
		v.unrouted = slices.DeleteFunc(v.unrouted, fell)
		r.legs = v.m.Legs(r.Route)
		r.take(met, nil, nil, nil)
		r.trace = v.m.WalkArrived(r.Route, true)
		v.routes = append(v.routes, r)
	}
}

// fellBack reports whether a request failed at a pod of a gateway, as one does that no rule takes and that falls to a Service.
func fellBack(s model.Signal, f path.Fleet, service string) bool {
	return s.Status >= 500 && s.Failure != model.NoRoute && (s.Service == "" || s.Service == service) && slices.ContainsFunc(f.Pods, func(p *corev1.Pod) bool {
		return p.Name == s.Gateway.Name && (s.Gateway.Namespace == "" || p.Namespace == s.Gateway.Namespace)
	})
}

// fallbackOf is the Service that a gateway's arguments name for what no rule takes, and the field that has them.
func fallbackOf(f path.Fleet) (service model.Ref, field string) {
	for i, c := range f.Pod.Spec.Containers {
		for _, in := range []struct {
			field string
			list  []string
		}{{"command", c.Command}, {"args", c.Args}} {
			for j, a := range in.list {
				value, ok := strings.CutPrefix(a, fallbackFlag+"=")
				if a == fallbackFlag && j+1 < len(in.list) {
					value, ok = in.list[j+1], true
				}
				namespace, svc, whole := strings.Cut(value, "/")
				if ok && whole {
					return model.Ref{APIVersion: "v1", Kind: "Service", Namespace: namespace, Name: svc}, fmt.Sprintf("spec.template.spec.containers[%d].%s", i, in.field)
				}
			}
		}
	}
	return model.Ref{}, ""
}
