package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path"
	"github.com/gatemend/gatemend/internal/snapshot"
)

func cniDatapathFault() Analyzer {
	return Analyzer{
		Cause: "cni-datapath-fault", Doc: "Finds nodes whose pod network does not work, while connections to pods there fail.",
		Inputs: []snapshot.Kind{snapshot.Nodes, snapshot.Pods, snapshot.DaemonSets, snapshot.EndpointSlices},
		run: func(v *view) []finding {
			faults := v.networkFaults()
			if len(faults) == 0 {
				return nil
			}
			var out []finding
			for r, l := range v.legsWith() {
				out = append(out, v.onFaultyNodes(r, l, faults)...)
			}
			return out
		},
	}
}

// networkFault is what is wrong with the pod network of a node.
type networkFault struct {
	at     model.FieldRef
	why    string
	since  time.Time
	stated bool // by the node itself
}

// networkFaults looks each node over: its condition NetworkUnavailable, and the pod of its network plugin.
// A node that is lost as a whole is another matter.
func (v *view) networkFaults() map[string]networkFault {
	out := map[string]networkFault{}
	for p := range v.s.Pods().All() {
		if !plugin(p) || p.Spec.NodeName == "" || path.Ready(p) || path.Unseen(p) || path.Finished(p) || p.DeletionTimestamp != nil || v.young(p) {
			continue
		}
		ref := v.s.WorkloadOf(p)
		f := networkFault{at: at(ref, "status.numberReady"), why: fmt.Sprintf("pod %s of the network plugin on node %s is not ready", p.Name, p.Spec.NodeName)}
		if t := v.trouble(p); t.why != "" {
			f.why, f.since = fmt.Sprintf("pod %s of the network plugin on node %s: %s", p.Name, p.Spec.NodeName, t.why), t.at
		}
		out[p.Spec.NodeName] = f
	}
	for n := range v.s.Nodes().All() {
		if verdict, _ := path.NodeReady(v.s, n.Name); verdict != model.OK {
			delete(out, n.Name)
			continue
		}
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeNetworkUnavailable && c.Status == corev1.ConditionTrue {
				out[n.Name] = networkFault{at: at(snapshot.RefOf(n), "status.conditions[type=NetworkUnavailable]"), since: c.LastTransitionTime.Time, stated: true,
					why: fmt.Sprintf("node %s says that its network is not set up (%s: %s)", n.Name, c.Reason, c.Message)}
			}
		}
	}
	return out
}

// plugin reports whether a pod is the agent of a network plugin, by the names that these have.
func plugin(p *corev1.Pod) bool {
	for _, c := range p.Spec.Containers {
		for _, image := range []string{"calico/node", "cilium/cilium:", "flannel", "weave-kube", "amazon-k8s-cni", "kindnetd", "antrea", "kube-router", "ovn-kubernetes", "canal"} {
			if strings.Contains(c.Image, image) && p.Spec.HostNetwork {
				return true
			}
		}
	}
	return false
}

// onFaultyNodes finds that connections fail to pods on faulty nodes, and to no others; or that the gateway
// itself is on one.
func (v *view) onFaultyNodes(r *route, l path.Leg, faults map[string]networkFault) []finding {
	kinds := []model.FailureKind{model.ConnectTimeout, model.Refused, model.Reset, model.ResponseTimeout}
	hits := r.hits(kinds...)
	node := map[string]string{}
	for _, e := range l.ReadyEnds() {
		node[e.Address()] = e.Node
	}
	failed := map[string]int{}
	for _, s := range hits {
		for _, t := range s.Tries {
			failed[node[t.Address]]++
		}
	}
	names := make([]string, 0, len(faults))
	for n := range faults {
		names = append(names, n)
	}
	slices.Sort(names)
	var out []finding
	for _, n := range names {
		fault := faults[n]
		here := slices.ContainsFunc(v.m.Gateways(r.Route), func(p *corev1.Pod) bool { return p.Spec.NodeName == n && !p.Spec.HostNetwork })
		there := slices.ContainsFunc(l.ReadyEnds(), func(e path.End) bool { return e.Node == n && e.Pod != nil && !e.Pod.Spec.HostNetwork })
		if !here && !there || !here && len(failed) > 0 && failed[n] == 0 {
			continue
		}
		confidence := possible
		switch {
		case failed[n] > 0 && failed[n]*10 >= sum(failed)*9:
			confidence = proven
		case fault.stated && there, here && len(hits) > 0:
			confidence = likely
		}
		f := find("cni-datapath-fault", confidence, fault.at, "connections to pods on the node fail: "+fault.why).on(r).as(kinds...).
			relates("service", serviceRef(l)).because("status", fault.why, fault.at.Ref, fault.since).since(fault.since)
		f.dormant = len(hits) == 0 && !fault.stated
		out = append(out, f)
	}
	return out
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}
