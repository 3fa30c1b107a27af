package plan

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/catalogue"
	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Reach is what the changes of a plan can have an effect on: a route that begins to fail outside of it fails for
// a reason of its own.
type Reach struct {
	s     *snapshot.Snapshot
	about map[model.Ref]bool // the changed objects, the workloads behind them, and their Services; without versions
	hosts map[string]bool    // of changed routes: others of the same host may get their requests
	guard map[string]bool    // namespaces whose policies are changed
	all   bool               // a gateway is changed, or what gateways rest on
}

// ReachOf reads the reach of a plan off the cluster as it is now.
func ReachOf(p model.Plan, now *snapshot.Snapshot) Reach {
	r := Reach{s: now, hosts: map[string]bool{}, guard: map[string]bool{}}
	f := model.Finding{Object: p.Finding.Object, Related: map[string]model.Ref{}}
	for i, fault := range p.Each() {
		r.all = r.all || catalogue.FamilyOf(fault.Finding.ID) == "proxy-control-plane"
		f.Related[fmt.Sprint("fault ", i)] = fault.Finding.Object.Ref
		if w, ok := fault.Finding.Related["workload"]; ok {
			f.Related[fmt.Sprint("workload ", i)] = w
		}
	}
	for i, c := range p.Remedy.Changes {
		f.Related[fmt.Sprint("change ", i)] = c.Target
		switch snapshot.Kind(c.Target.Kind) {
		case snapshot.NetworkPolicies:
			r.guard[c.Target.Namespace] = true
		case snapshot.Nodes, snapshot.IngressClasses, snapshot.Namespaces:
			r.all = true
		default: // it stands for itself
		}
	}
	r.about = concerns(now, now, f)
	for _, t := range slices.Concat(p.Before, p.After) {
		if r.about[plainRef(t.Route)] {
			r.hosts[t.Request.Host] = true
		}
	}
	return r
}

// Touches reports whether the way of a request meets anything within reach: a changed object, a pod of a changed
// workload, or a pod whose settings name a Service that is changed or has such pods behind it.
func (r Reach) Touches(t model.Trace) bool {
	if r.all || r.about[plainRef(t.Route)] || r.about[plainRef(t.Backend)] || r.hosts[t.Request.Host] {
		return true
	}
	return slices.ContainsFunc(t.Hops, func(h model.Hop) bool { return r.meets(h.Object) }) ||
		slices.ContainsFunc(t.Endpoints, func(e model.Endpoint) bool { return r.meets(e.Pod) })
}

// meets reports whether an object is within reach, or belongs to one that is, or calls one.
func (r Reach) meets(ref model.Ref) bool {
	if r.about[plainRef(ref)] {
		return true
	}
	pod, presence := r.s.Pods().Get(ref.Namespace, ref.Name)
	if ref.Kind != string(snapshot.Pods) || presence != snapshot.Present {
		return false
	}
	return r.guard[pod.Namespace] || r.about[plainRef(r.s.WorkloadOf(pod))] || r.calls(pod)
}

// calls reports whether a variable or an argument of a pod names a Service within reach, as a host.
func (r Reach) calls(pod *corev1.Pod) bool {
	named := func(text string) bool {
		for host := range strings.FieldsFuncSeq(text, func(c rune) bool { return strings.ContainsRune("/:@,=;\"' \t\n", c) }) {
			name, rest, _ := strings.Cut(host, ".")
			namespace, _, _ := strings.Cut(rest, ".")
			if namespace == "" {
				namespace = pod.Namespace
			}
			if r.about[model.Ref{Kind: string(snapshot.Services), Namespace: namespace, Name: name}] {
				return true
			}
		}
		return false
	}
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		if slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return named(e.Value) }) ||
			slices.ContainsFunc(c.Args, named) || slices.ContainsFunc(c.Command, named) {
			return true
		}
	}
	return false
}
