package diagnose

import (
	"cmp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// standIns are edges from gateways to the Services of the cluster for which ExternalName Services of failing routes stand, as people
// write them to lead an Ingress into another namespace: the gateway calls that name, and whatever is wrong behind it is the route's.
func (v *view) standIns() []*route {
	var out []*route
	for _, r := range v.routes {
		if r.works() || r.lost {
			continue
		}
		for _, l := range r.legs {
			if e := v.standIn(r, l); e != nil && (r.failures > 0 || e.deadNow()) {
				out = append(out, e)
			}
		}
	}
	return out
}

// standIn is the edge to what a backend stands for; nil if that is no Service of the cluster, or leads back to the gateway.
func (v *view) standIn(r *route, l path.Leg) *route {
	fleets := v.m.Fleets(r.Route)
	if !l.External() || len(fleets) == 0 || v.unsupported(r) {
		return nil
	}
	name := l.Service.Spec.ExternalName
	service, inside := v.internal(name, "")
	target, presence := v.s.Services().Get(service.Namespace, service.Name)
	if !inside || !strings.Contains(name, ".svc") || presence != snapshot.Present || target.Spec.Type == l.Service.Spec.Type || v.frontsGateway(r, service.Namespace, service.Name) {
		return nil
	}
	gateway := asCaller(fleets[0])
	field := at(serviceRef(l), "spec.externalName")
	port := l.Backend.PortNumber
	if l.Port != nil {
		port = l.Port.Port
	}
	port = cmp.Or(port, v.likelyPort(service, ""))
	e := &route{edge: &edge{caller: gateway, parents: []*route{r}, depth: 1, setting: address{at: field, name: field.Field, value: name}, byName: true}}
	e.Object, e.Rule, e.Host, e.From = gateway.ref, field.Field, service.Name, gateway.pods
	e.Backends = []path.Backend{{Service: service, Field: field.Field, PortField: field.Field, PortNumber: port, Weight: 1}}
	e.legs, e.trace = v.m.Legs(e.Route), v.m.WalkRoute(e.Route)
	for _, s := range r.signals {
		// A virtual IP without endpoints refuses, or lets packets fall, and a headless Service's name without any does not resolve.
		if len(e.legs) > 0 && dead(e.legs[0]) {
			s.Failure = model.NoEndpoints
		}
		e.signals = append(e.signals, s)
	}
	e.failures, e.requests = r.failures, r.requests
	e.observed = aggregate(e.String(), e.Object, e.signals, e.requests)
	return e
}

// asCaller makes of a gateway what edges begin at.
func asCaller(f path.Fleet) *workload {
	made := &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: f.Pod.Labels}, Spec: f.Pod.Spec}
	return &workload{template: template{ref: f.Object, template: made, replicas: f.Replicas}, pods: f.Pods}
}
