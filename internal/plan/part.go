package plan

import (
	"maps"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// part is a part of the cluster with the walks of its routes.
type part struct {
	key    string
	s      *snapshot.Snapshot
	before map[int]model.Trace // by index into the rows of all walks, made when asked for
}

// part is as much of the cluster as a change in some namespaces can have to do with: in a large cluster with much
// broken, copying and walking all of it for each candidate would take minutes. It leaves away Services, pods and their
// owners, but where the routes in question lead and where gateways run, and Ingresses that share no host with these
// routes. Remedies in the same namespaces share a part; no more than the last one is kept.
func (w *walks) part(near namespaces, changes []model.Change) *snapshot.Snapshot {
	key := strings.Join(slices.Sorted(maps.Keys(near)), " ")
	if rehosted(changes) {
		key += " *"
	}
	if w.last.s == nil || w.last.key != key {
		w.last = part{key, w.s, map[int]model.Trace{}}
		if w.s.Others().Len() == 0 { // custom resources refer to pods and Services of any namespace
			w.last.s = w.cut(near, rehosted(changes))
		}
	}
	return w.last.s
}

// rehosted reports whether changes may give a route other hosts, which it then shares with others than before.
func rehosted(changes []model.Change) bool {
	return slices.ContainsFunc(changes, func(c model.Change) bool {
		return c.Op == model.OpCreate || slices.ContainsFunc(c.Fields, func(f model.FieldChange) bool { return strings.Contains(f.Path, "host") })
	})
}

func (w *walks) cut(near namespaces, allHosts bool) *snapshot.Snapshot {
	spaces, hosts := maps.Clone(near), map[string]bool{"": true}
	spaces[metav1.NamespaceSystem] = true // cluster DNS
	for _, ns := range w.m.FleetSpaces() {
		spaces[ns] = true
	}
	for _, r := range w.m.Routes() {
		if !near.meets(r) {
			continue
		}
		hosts[r.Host] = true
		spaces[r.Object.Namespace], spaces[r.Gateway.Namespace] = true, true
		for _, b := range r.Backends {
			spaces[b.Service.Namespace] = true
		}
	}
	parts := map[snapshot.Kind]snapshot.Part{}
	for _, k := range []snapshot.Kind{
		snapshot.Services, snapshot.EndpointSlices, snapshot.Pods, snapshot.Deployments, snapshot.ReplicaSets, snapshot.StatefulSets,
		snapshot.DaemonSets, snapshot.Jobs, snapshot.Events,
	} {
		parts[k] = snapshot.Part{Namespaces: spaces}
	}
	if !allHosts {
		parts[snapshot.Ingresses] = snapshot.Part{Namespaces: spaces, Also: func(o metav1.Object) bool { return sharesHost(o, hosts) }}
	}
	return w.s.Cut(parts)
}

// sharesHost reports whether an Ingress has a rule for one of some hosts, or for many.
func sharesHost(o metav1.Object, hosts map[string]bool) bool {
	ing, ok := o.(*networkingv1.Ingress)
	return !ok || ing.Spec.DefaultBackend != nil || slices.ContainsFunc(ing.Spec.Rules, func(r networkingv1.IngressRule) bool {
		return strings.Contains(r.Host, "*") || hosts[strings.ToLower(r.Host)]
	})
}
