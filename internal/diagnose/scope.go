package diagnose

import (
	"slices"
	"strings"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// asked finds the rule that takes a request, and the more specific ones that were meant to and that nothing
// serves. One that only redirects, to https as a rule, is not all that whoever names no scheme asks about: clients follow.
func (v *view) asked(req model.Request) []path.Route {
	taken, ok := v.m.Match(req)
	var out []path.Route
	add := func(r path.Route) {
		if !slices.ContainsFunc(out, func(o path.Route) bool { return keyOf(o) == keyOf(r) }) {
			out = append(out, r)
		}
	}
	if ok {
		add(taken)
	}
	if ok && req.Scheme == "" && req.Port == 0 && taken.Fixed/100 == 3 {
		secure := req
		secure.Scheme = "https"
		if r, found := v.m.Match(secure); found {
			add(r)
		}
	}
	for _, r := range v.tookBefore(req) {
		add(r)
	}
	host := strings.ToLower(req.Host)
	for _, r := range v.m.Routes() {
		if !ok || r.Served() || !r.Takes(req.Path) || len(r.Path) <= len(taken.Path) || len(r.Path) == 1 {
			continue
		}
		if _, nearly := v.missesHost(r, host); nearly || hostFits(r, host) {
			out = append(out, r)
		}
	}
	return out
}

// enoughTaken is of how many failed requests like the target's it is looked up which rule took them.
const enoughTaken = 100

// tookBefore finds the rules that took requests like the target's, which failed or were not known there, by the
// gateways' own words: where several gateways serve a host, or one has not heard of the newest rules, the objects do
// not tell which rule was asked.
func (v *view) tookBefore(req model.Request) []path.Route {
	if req.Host == "" || len(strings.Trim(req.Path, "/")) == 0 {
		return nil
	}
	var out []path.Route
	looked := 0
	for i := range v.in.Signals {
		s := &v.in.Signals[i]
		if !s.Failed() && !isAstray(*s) || s.Service == "" || s.Request.Host != "" && !strings.EqualFold(s.Request.Host, req.Host) || !strings.HasPrefix(s.Request.Path, req.Path) {
			continue
		}
		if looked++; looked > enoughTaken {
			break
		}
		if r, ok := v.m.Locate(*s); ok && r.Takes(req.Path) && !slices.ContainsFunc(out, func(o path.Route) bool { return keyOf(o) == keyOf(r) }) {
			out = append(out, r)
		}
	}
	return out
}

// inScope reports whether a route leads through the object that the target asks about.
func (v *view) inScope(r path.Route) bool {
	o := v.in.Target.Object
	if o == nil {
		return true
	}
	switch o.Kind {
	case "Namespace":
		return r.Object.Namespace == o.Name || slices.ContainsFunc(r.Backends, func(b path.Backend) bool { return b.Service.Namespace == o.Name })
	case "Gateway":
		return r.Gateway.Namespace == o.Namespace && r.Gateway.Name == o.Name
	case "Service":
		return slices.ContainsFunc(r.Backends, func(b path.Backend) bool {
			return b.Service.Namespace == o.Namespace && b.Service.Name == o.Name
		}) || v.enters(r, *o)
	case "Deployment", "StatefulSet", "DaemonSet", "Pod", "ReplicaSet", "Rollout":
		return v.leadsTo(r, *o)
	case "IngressClass", "GatewayClass":
		return r.Class == o.Name
	default:
		return r.Object.Kind == o.Kind && r.Object.Namespace == o.Namespace && r.Object.Name == o.Name
	}
}

// isTarget reports whether somebody asks about the very object of a rule, and so wants to know of it even if no request misses it.
func (v *view) isTarget(r path.Route) bool {
	o := v.in.Target.Object
	return o != nil && o.Kind == r.Object.Kind && o.Namespace == r.Object.Namespace && o.Name == r.Object.Name
}

// enters reports whether requests for a route come by a Service.
func (v *view) enters(r path.Route, service model.Ref) bool {
	for _, f := range v.m.Fleets(r) {
		if f.Object.Namespace == service.Namespace && slices.ContainsFunc(f.Entries, func(e path.Entry) bool { return e.Service.Name == service.Name }) {
			return true
		}
	}
	return false
}

// direct is the way to the Service that the target asks about, where no route leads by it and it takes requests from
// outside itself.
func (v *view) direct() []*route {
	o := v.in.Target.Object
	if o == nil || o.Kind != "Service" || len(v.routes) > 0 {
		return nil
	}
	svc, ok := v.s.Services().Get(o.Namespace, o.Name)
	if ok != snapshot.Present || !path.Outside(svc) {
		return nil
	}
	var out []*route
	for _, r := range v.m.Direct(svc) {
		out = append(out, v.walked(r))
	}
	return out
}

// leadsTo reports whether a route's Services select, or are near to selecting, a workload's pods.
func (v *view) leadsTo(r path.Route, o model.Ref) bool {
	for _, l := range v.m.Legs(r) {
		for _, p := range l.Selected {
			w := v.s.WorkloadOf(p)
			if p.Name == o.Name && o.Kind == "Pod" || w.Kind == o.Kind && w.Namespace == o.Namespace && w.Name == o.Name {
				return true
			}
		}
		if l.Service == nil || len(l.Selected) > 0 {
			continue
		}
		for _, t := range v.templates(l.Service.Namespace) {
			if t.ref.Kind == o.Kind && t.ref.Name == o.Name && (matches(l.Service.Spec.Selector, t.template.Labels) || near(l.Service.Spec.Selector, t.template.Labels) > 0) {
				return true
			}
		}
	}
	return false
}
