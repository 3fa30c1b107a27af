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
	"github.com/gatemend/gatemend/internal/snapshot"
)

func trafficPolicyLocal() Analyzer {
	return Analyzer{
		Cause:  "traffic-policy-local",
		Doc:    "Finds Services that only lead to endpoints on the node where a connection begins or comes in, where that may be a node without one.",
		Inputs: []snapshot.Kind{snapshot.Services, snapshot.EndpointSlices, snapshot.Pods, snapshot.Deployments, snapshot.Nodes},
		run: func(v *view) []finding {
			var out []finding
			for r, l := range v.legsWith() {
				if f, ok := v.localBackend(r, l); ok {
					out = append(out, f)
				}
			}
			for _, w := range v.workloads {
				out = append(out, v.localDependencies(w)...)
			}
			for _, e := range v.edges {
				if f, ok := v.localQuietly(e); ok {
					out = append(out, f)
				}
			}
			return append(out, v.localEntries()...)
		},
	}
}

// localBackend finds a backend that the gateway dials by the Service's address, so that the node's service proxy
// chooses the endpoint: with internalTrafficPolicy Local among those of the gateway's node only, and if there is none
// it drops the connection (kubernetes/kubernetes, pkg/proxy: no fallback to other nodes). Proxies that dial endpoints
// themselves do not meet the policy.
func (v *view) localBackend(r *route, l path.Leg) (finding, bool) {
	if !local(l.Service) || r.works() {
		return finding{}, false
	}
	if s, ok := v.m.Setting(r.Route, l, proxy.ServiceAddress); !ok || !s.Yes {
		return finding{}, false
	}
	nodes := nodesOf(l.ReadyEnds())
	lone := v.awayFrom(nodes, v.m.Gateways(r.Route))
	if len(nodes) == 0 || len(lone) == 0 {
		return finding{}, false
	}
	return v.localFinding(l.Service, lone[0], nodes).on(r), true
}

// localDependencies finds such Services among those that a workload's settings name, where its routes fail.
func (v *view) localDependencies(w *workload) []finding {
	var failing []*route
	for _, r := range w.routes {
		if len(r.hits(model.UpstreamStatus, model.ResponseTimeout, model.OtherFailure)) > 0 {
			failing = append(failing, r)
		}
	}
	if len(failing) == 0 {
		return nil
	}
	var out []finding
	for svc := range v.s.Services().All() {
		if !local(svc) || !mentions(w, svc) {
			continue
		}
		nodes := v.readyNodes(svc)
		lone := v.awayFrom(nodes, w.pods)
		if len(nodes) == 0 || len(lone) == 0 {
			continue
		}
		f := v.localFinding(svc, lone[0], nodes).on(failing...).relates("workload", w.ref)
		f.kinds = append(f.kinds, model.UpstreamStatus, model.OtherFailure)
		out = append(out, f)
	}
	return out
}

// localQuietly finds such a Service among what a workload is told to call, where no request was seen.
func (v *view) localQuietly(e *route) (finding, bool) {
	if !e.quiet || e.loose || len(e.legs) == 0 || !local(e.legs[0].Service) {
		return finding{}, false
	}
	nodes := nodesOf(e.legs[0].ReadyEnds())
	lone := v.awayFrom(nodes, e.caller.pods)
	if len(nodes) == 0 || len(lone) == 0 {
		return finding{}, false
	}
	return v.localFinding(e.legs[0].Service, lone[0], nodes).on(e).relates("workload", e.caller.ref), true
}

func local(svc *corev1.Service) bool {
	return svc != nil && svc.Spec.InternalTrafficPolicy != nil && *svc.Spec.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyLocal
}

func (v *view) localFinding(svc *corev1.Service, caller *corev1.Pod, nodes []string) finding {
	ref := snapshot.RefOf(svc)
	f := find("traffic-policy-local", proven, at(ref, "spec.internalTrafficPolicy"),
		fmt.Sprintf("%s only leads to endpoints on the caller's own node; pod %s calls it from node %s, and its endpoints are on %s", ref, caller.Name, caller.Spec.NodeName, strings.Join(nodes, ", "))).
		as(model.ConnectTimeout, model.ResponseTimeout, model.Refused, model.NoEndpoints, model.UpstreamStatus).relates("service", ref).wants(`"Cluster"`).
		because("object", fmt.Sprintf("%s has internalTrafficPolicy: Local", ref), ref, time.Time{}).
		because("object", fmt.Sprintf("pod %s runs on node %s", caller.Name, caller.Spec.NodeName), snapshot.RefOf(caller), time.Time{}).
		not("upstream-timeout", "connections to the Service's address are dropped on the caller's node").
		not("networkpolicy-blocks-ingress", "endpoints on the caller's own node would answer")
	f.covers = true
	return f
}

// awayFrom lists the running pods that are on none of the nodes.
func (v *view) awayFrom(nodes []string, pods []*corev1.Pod) []*corev1.Pod {
	var out []*corev1.Pod
	for _, p := range byName(pods) {
		if p.Spec.NodeName != "" && path.Ready(p) && !slices.Contains(nodes, p.Spec.NodeName) {
			out = append(out, p)
		}
	}
	return out
}

func nodesOf(ends []path.End) []string {
	var out []string
	for _, e := range ends {
		node := e.Node
		if e.Pod != nil {
			node = e.Pod.Spec.NodeName
		}
		if node != "" && !slices.Contains(out, node) {
			out = append(out, node)
		}
	}
	slices.Sort(out)
	return out
}

// readyNodes lists the nodes on which a Service has ready endpoints.
func (v *view) readyNodes(svc *corev1.Service) []string {
	var out []string
	for _, es := range v.s.SlicesOf(svc.Namespace, svc.Name) {
		for i := range es.Endpoints {
			ep := &es.Endpoints[i]
			if ep.NodeName != nil && (ep.Conditions.Ready == nil || *ep.Conditions.Ready) && !slices.Contains(out, *ep.NodeName) {
				out = append(out, *ep.NodeName)
			}
		}
	}
	slices.Sort(out)
	return out
}

// mentions reports whether the variables or arguments of a workload's containers name a Service: as a host, alone or with its
// namespace.
func mentions(w *workload, svc *corev1.Service) bool {
	host := regexp.QuoteMeta(svc.Name)
	full := host + `\.` + regexp.QuoteMeta(svc.Namespace)
	pattern := `(^|[/@,\s=])` + full + `(\.svc(\.[a-z0-9.-]+)?)?(:\d+|/|,|\s|$)`
	if svc.Namespace == w.ref.Namespace {
		pattern = `(^|[/@,\s=])` + host + `(\.` + regexp.QuoteMeta(svc.Namespace) + `(\.svc(\.[a-z0-9.-]+)?)?)?(:\d+|/|,|\s|$)`
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return false
	}
	for i := range w.template.template.Spec.Containers {
		c := &w.template.template.Spec.Containers[i]
		for _, e := range c.Env {
			if re.MatchString(e.Value) {
				return true
			}
		}
		if slices.ContainsFunc(append(slices.Clone(c.Args), c.Command...), re.MatchString) {
			return true
		}
	}
	return false
}
