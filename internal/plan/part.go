package plan

import (
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// part is a part of the cluster with the walks of its routes.
type part struct {
	key    string
	m      *path.Map
	before map[int]model.Trace // by index into the rows of all walks, made when asked for
}

// part is as much of the cluster as a change in some namespaces can have to do with: in a large cluster with much
// broken, copying and walking all of it for each candidate would take minutes. It leaves away Services, pods and their
// owners, but where the routes in question lead and where gateways run, and rules that share no host with these
// routes. Remedies in the same namespaces share a part; no more than the last one is kept.
func (w *walks) part(near namespaces, changes []model.Change) *path.Map {
	key := strings.Join(slices.Sorted(maps.Keys(near)), " ")
	if rehosted(changes) {
		key += " *"
	}
	if w.last.m == nil || w.last.key != key {
		w.last = part{key, w.m, map[int]model.Trace{}}
		if w.s.Others().Len() == 0 { // custom resources refer to pods and Services of any namespace
			w.last.m = path.New(w.cut(near, rehosted(changes)))
		}
	}
	return w.last.m
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
		for _, k := range []snapshot.Kind{snapshot.Ingresses, snapshot.HTTPRoutes, snapshot.GRPCRoutes} {
			parts[k] = snapshot.Part{Namespaces: spaces, Also: w.sharing(hosts, k)}
		}
	}
	return w.s.Cut(parts)
}

// sharing are the objects of a kind with a rule for one of some hosts, or for many.
func (w *walks) sharing(hosts map[string]bool, kind snapshot.Kind) map[types.NamespacedName]bool {
	out := map[types.NamespacedName]bool{}
	for _, r := range w.m.Routes() {
		if r.Object.Kind == string(kind) && (hosts[r.Host] || strings.Contains(r.Host, "*")) {
			out[types.NamespacedName{Namespace: r.Object.Namespace, Name: r.Object.Name}] = true
		}
	}
	return out
}
