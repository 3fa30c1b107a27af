package diagnose

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func conntrackTableFull() Analyzer {
	kinds := []model.FailureKind{model.ConnectTimeout, model.ResponseTimeout, model.UpstreamStatus}
	row := spoken{
		cause: "conntrack-table-full",
		says:  "the connection tracking table on the way to %s is full, so new connections are dropped", where: atNode, kinds: kinds,
	}
	return Analyzer{
		Cause: row.cause, Doc: "Finds nodes whose table of tracked connections is full.",
		Inputs: append(podKinds(), snapshot.Nodes, snapshot.Ingresses, snapshot.ConfigMaps), stage: byWords,
		run: func(v *view) []finding {
			var out []finding
			for _, r := range v.routes {
				if f, ok := v.fullTable(row, r); ok {
					out = append(out, f)
				} else if f, ok := v.told(row, r); ok {
					out = append(out, f)
				}
			}
			return out
		},
	}
}

// fullTable finds a node that says of itself that its table is full (the events of node-problem-detector's network
// monitor: ConntrackFull; of the EKS node monitoring agent: ConntrackExceeded, ConntrackExceededKernel), where the requests that
// time out are those to its pods, or those of the gateway on it.
func (v *view) fullTable(row spoken, r *route) (finding, bool) {
	hits := r.hits(model.ConnectTimeout, model.ResponseTimeout)
	if len(hits) == 0 {
		return finding{}, false
	}
	for _, name := range v.nodesOf(r, hits) {
		node := model.Ref{APIVersion: "v1", Kind: "Node", Name: name}
		for _, e := range slices.Backward(v.s.EventsOf(node)) {
			if !tableFull(e) {
				continue
			}
			f := find(row.cause, proven, at(node, ""), fmt.Sprintf(row.says+"; %s says so", r, node)).on(r).as(row.kinds...).since(hits[0].At).
				because("event", e.Reason+": "+brief(e.Message), node, snapshot.EventTime(e))
			return v.relateBackend(f, r), true
		}
	}
	return finding{}, false
}

func tableFull(e *corev1.Event) bool {
	words := strings.ToLower(e.Reason + " " + e.Message)
	return e.Type == corev1.EventTypeWarning && slices.ContainsFunc([]string{"conntrackfull", "conntrackexceeded", "conntrack table full", "conntrack: table full"},
		func(s string) bool { return strings.Contains(words, s) })
}

// nodesOf names the nodes on both ends of failed requests, those of the backends first.
func (v *view) nodesOf(r *route, hits []model.Signal) []string {
	var out []string
	add := func(name string) {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for i := range hits {
		for _, l := range r.legs {
			for _, e := range l.Ends {
				if e.Pod != nil && e.IP == lastHost(&hits[i]) {
					add(e.Pod.Spec.NodeName)
				}
			}
		}
	}
	for _, p := range v.m.Gateways(r.Route) {
		add(p.Spec.NodeName)
	}
	return out
}
