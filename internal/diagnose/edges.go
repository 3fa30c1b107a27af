package diagnose

import (
	"cmp"
	"net"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// edgeSet gathers the edges from one workload: one to each callee, however often it is named.
type edgeSet struct {
	caller *workload
	from   []*route
	depth  int
	named  []address // what the caller's settings name
	by     map[callee]*route
	order  []*route
}

// callee is what an edge leads to: a Service whichever of its ports, or a port that it does not have, or a host outside.
type callee struct {
	ref  model.Ref
	port int32 // that the Service lacks; else zero
}

// edgesOf makes the edges from a workload: to what its logs say that it fails to call, and to what its
// settings name if that is broken.
func (v *view) edgesOf(s step) []*route {
	es := &edgeSet{caller: s.w, from: s.from, depth: s.depth, named: v.addresses(s.w), by: map[callee]*route{}}
	// Settings come first, so that an edge of which logs speak too keeps the field that names its callee.
	v.edgesFromSettings(es)
	v.edgesFromLogs(es)
	settle := v.settle
	if s.quiet {
		settle = v.settleQuietly
	}
	return slices.DeleteFunc(es.order, func(r *route) bool {
		r.quiet = s.quiet
		return !settle(r)
	})
}

// edgesFromSettings adds an edge to each Service, the workload's own aside, that its settings name.
func (v *view) edgesFromSettings(es *edgeSet) {
	for _, a := range es.named {
		service, inside := v.home(es.caller.ref.Namespace, a.host)
		if !inside || v.own(es.caller, service) || v.awaited(es.caller, a, service) {
			continue
		}
		if a.port == 0 {
			a.port = v.likelyPort(service, cmp.Or(a.scheme, a.name))
		}
		es.edge(callee{service, v.lacking(service, a.port)}, "", a)
	}
}

// awaited reports whether an address is what an init container waits for although nothing of that name is there, nor
// anything that could stand behind it: then the waiting is what is wrong, see init-blocked.
func (v *view) awaited(w *workload, a address, service model.Ref) bool {
	if !strings.Contains(a.at.Field, ".initContainers[") || len(v.affected(w, "init-blocked")) == 0 {
		return false
	}
	_, presence := v.s.Services().Get(service.Namespace, service.Name)
	return presence == snapshot.Absent && !v.podsNamed(service)
}

// edgesFromLogs lays each failed call of which the workload's logs tell at the edge to what was called.
func (v *view) edgesFromLogs(es *edgeSet) {
	for _, c := range v.calls(es.caller) {
		if len(c.places) == 0 {
			c.places = v.unnamed(es.caller, c, es.named)
		}
		if v.lay(es, c) || len(c.places) == 0 || !slices.ContainsFunc(c.places, func(p peer) bool { return net.ParseIP(p.host) != nil }) {
			continue
		}
		// An address that nothing has any more says no more than none.
		c.places = v.unnamed(es.caller, c, es.named)
		v.lay(es, c)
	}
}

// lay lays a failed call at the edge to the first place that it may have been made to: a line is about one call.
func (v *view) lay(es *edgeSet, c call) bool {
	for _, p := range c.places {
		if r := v.calledAt(es, c, p); r != nil {
			r.said = append(r.said, c)
			return true
		}
	}
	return false
}

// calledAt gives the edge to a place that a line about a failed call names; nil if it is not what was
// called.
func (v *view) calledAt(es *edgeSet, c call, p peer) *route {
	service, inside, ok := v.callee(es.caller, c, p, es.named)
	if !ok {
		return nil
	}
	a := address{peer: p}
	if i := slices.IndexFunc(es.named, func(n address) bool { return n.host == p.host }); i >= 0 {
		a = es.named[i]
	}
	if inside && v.awaited(es.caller, a, service) {
		return nil
	}
	a.port = cmp.Or(p.port, a.port, v.likelyPort(service, a.scheme))
	outside := p.host
	if inside {
		outside = ""
	}
	r := es.by[callee{service, p.port}]
	if r == nil {
		r = es.edge(callee{ref: service}, outside, a)
	}
	// What was called says more than what is set; but a pod's port in a log is none of the Service's.
	if len(r.Backends) > 0 && p.port != 0 && v.hasServicePort(service, p.port) {
		r.Backends[0].PortNumber = p.port
	}
	return r
}

// lacking is a port if a Service has not got it, else zero. (The pods of headless ones are asked on their own ports.)
func (v *view) lacking(service model.Ref, port int32) int32 {
	svc, ok := v.s.Services().Get(service.Namespace, service.Name)
	if ok != snapshot.Present || svc.Spec.ClusterIP == corev1.ClusterIPNone || v.hasServicePort(service, port) {
		return 0
	}
	return port
}

// edge gives the edge to a callee, or to a host outside the cluster, and makes it where there is none yet.
func (es *edgeSet) edge(key callee, outside string, a address) *route {
	service := key.ref
	if outside != "" {
		key = callee{ref: model.Ref{Name: outside}}
	}
	if r := es.by[key]; r != nil {
		return r
	}
	r := &route{edge: &edge{caller: es.caller, parents: es.from, depth: es.depth, setting: a, outside: outside}}
	r.Object, r.Rule, r.Host, r.From = es.caller.ref, a.at.Field, cmp.Or(outside, service.Name), es.caller.pods
	if outside == "" {
		r.Backends = []path.Backend{{Service: service, Field: a.at.Field, PortField: a.at.Field, PortNumber: a.port, Weight: 1}}
	}
	es.by[key] = r
	es.order = append(es.order, r)
	return r
}
