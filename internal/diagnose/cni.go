package diagnose

import (
	"fmt"
	"regexp"
	"slices"
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
			faults := networkFaults{v: v, known: map[string]*networkFault{}}
			var out []finding
			for r, l := range v.legsWith() {
				found := v.onFaultyNodes(r, l, faults)
				if f, ok := v.rejecting(r, l); ok && len(found) == 0 {
					found = append(found, f)
				}
				out = append(out, found...)
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

// networkFaults looks nodes over, each once.
type networkFaults struct {
	v     *view
	known map[string]*networkFault // by node
}

// of gives what is wrong with the network of a node; nil: nothing is known.
func (f networkFaults) of(node string) *networkFault {
	fault, ok := f.known[node]
	if !ok {
		fault = f.v.networkFault(node)
		f.known[node] = fault
	}
	return fault
}

// networkFault looks at a node's condition NetworkUnavailable, and at the pod of its network plugin.
// A node that is lost as a whole is another matter.
func (v *view) networkFault(node string) *networkFault {
	n, known := v.s.Nodes().Get("", node)
	if known == snapshot.Present {
		if verdict, _ := path.NodeReady(v.s, node); verdict != model.OK {
			return nil
		}
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeNetworkUnavailable && c.Status == corev1.ConditionTrue {
				return &networkFault{at: at(snapshot.RefOf(n), "status.conditions[type=NetworkUnavailable]"), since: c.LastTransitionTime.Time, stated: true,
					why: fmt.Sprintf("node %s says that its network is not set up (%s: %s)", n.Name, c.Reason, c.Message)}
			}
		}
	}
	if fault := v.tunnelElsewhere(n); fault != nil {
		return fault
	}
	var fault *networkFault
	for _, p := range v.m.NetworkAgents(node) {
		if path.Ready(p) || path.Unseen(p) || path.Finished(p) || p.DeletionTimestamp != nil || v.young(p) {
			continue
		}
		fault = &networkFault{at: at(v.s.WorkloadOf(p), "status.numberReady"), why: fmt.Sprintf("pod %s of the network plugin on node %s is not ready", p.Name, node)}
		if t := v.trouble(p); t.why != "" {
			fault.why, fault.since = fmt.Sprintf("pod %s of the network plugin on node %s: %s", p.Name, node, t.why), t.at
		}
	}
	return fault
}

// tunnelElsewhere finds a node for whose pods flannel tells the others to send to an address that is none of the node's, while it names
// one of theirs for all the others: of several interfaces it took one that they do not reach, as it does at a start when the default route
// leads by another one than before. An address that people set (public-ip-overwrite) is meant (flannel-io/flannel,
// Documentation/kubernetes.md, Annotations).
func (v *view) tunnelElsewhere(n *corev1.Node) *networkFault {
	const name = "flannel.alpha.coreos.com/public-ip"
	if n == nil || !tunnelsAstray(n, name) || n.Annotations[name+"-overwrite"] != "" {
		return nil
	}
	others := 0
	for o := range v.s.Nodes().All() {
		if o == n || o.Annotations[name] == "" {
			continue
		}
		if tunnelsAstray(o, name) {
			return nil // so it is meant: nodes behind NAT, say
		}
		others++
	}
	if others < 2 {
		return nil
	}
	return &networkFault{at: at(snapshot.RefOf(n), annotation(name)),
		why: fmt.Sprintf("flannel has the other nodes send to %s for the pods of node %s, which is none of its addresses", n.Annotations[name], n.Name)}
}

// tunnelsAstray reports whether an annotation of a node names an address that is none of its own.
func tunnelsAstray(n *corev1.Node, annotation string) bool {
	address := n.Annotations[annotation]
	return address != "" && len(n.Status.Addresses) > 0 && !slices.ContainsFunc(n.Status.Addresses, func(a corev1.NodeAddress) bool { return a.Address == address })
}

// onFaultyNodes finds that connections fail to pods on faulty nodes, and to no others; or that the gateway
// itself is on one.
func (v *view) onFaultyNodes(r *route, l path.Leg, faults networkFaults) []finding {
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
	gates := v.m.Gateways(r.Route)
	var out []finding
	for _, n := range networksOf(gates, l.ReadyEnds()) {
		fault := faults.of(n)
		if fault == nil {
			continue
		}
		here := slices.ContainsFunc(gates, func(p *corev1.Pod) bool { return p.Spec.NodeName == n && !p.Spec.HostNetwork })
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

// noRoute finds in a proxy's words that its system has no way to an address, or was told so on the way: EHOSTUNREACH and
// ENETUNREACH, as nginx, Envoy, HAProxy and Go's programs write them.
var noRoute = regexp.MustCompile(`(?i)no[ _]route[ _]to[ _]host|network[ _]is[ _]unreachable|host[ _]is[ _]unreachable|\bEHOSTUNREACH\b|\((?:113|101): `)

// rejecting finds a node whose ready pods cannot be reached from other nodes while the kubelet there reaches them: something on
// the way to them answers that they are not to be reached. A firewall that rejects does (icmp-host-prohibited, which Linux tells
// programs as EHOSTUNREACH: torvalds/linux, net/ipv4/icmp.c, icmp_err_convert), and so does a node that knows no way to the pods of another one. Policies for pods
// drop, or refuse.
func (v *view) rejecting(r *route, l path.Leg) (finding, bool) {
	ends := map[string]path.End{}
	for _, e := range l.ReadyEnds() {
		ends[e.Address()] = e
	}
	var hits []model.Signal
	node := ""
	pods := map[string]bool{}
	for _, s := range r.hits(model.ConnectTimeout, model.Refused, model.Reset, model.OtherFailure) {
		if len(s.Tries) == 0 || !noRoute.MatchString(s.Reason+s.Raw) {
			continue
		}
		for _, t := range s.Tries {
			e, ready := ends[t.Address]
			if !ready || e.Pod == nil || e.Pod.Spec.HostNetwork || e.Node == "" || node != "" && node != e.Node {
				return finding{}, false
			}
			node = e.Node
			pods[e.Pod.Name] = true
		}
		hits = append(hits, s)
	}
	if len(hits) < few {
		return finding{}, false
	}
	n, known := v.s.Nodes().Get("", node)
	if known != snapshot.Present || v.reachedOn(node, hits[0].At) || !v.comesFromElsewhere(r, node) {
		return finding{}, false
	}
	confidence := likely
	if len(pods) > 1 {
		confidence = proven
	}
	f := find("cni-datapath-fault", confidence, at(snapshot.RefOf(n), ""),
		fmt.Sprintf("pods on node %s cannot be reached from other nodes, though its kubelet finds them ready: the gateway is told that there is no route to %s", node, share(len(pods), len(ends)))).
		on(r).as(model.ConnectTimeout, model.Refused, model.Reset).since(hits[0].At).relates("service", serviceRef(l)).
		because("proxy-log", hits[0].Raw, model.Ref{}, hits[0].At).
		not("networkpolicy-blocks-ingress", "what a policy does not admit is dropped, and nobody says that there is no route")
	return f, true
}

// reachedOn reports whether a request was seen since a time that a pod on a node answered.
func (v *view) reachedOn(node string, since time.Time) bool {
	for i := range v.in.Signals {
		s := &v.in.Signals[i]
		if s.Failed() || s.ErrorLog || s.At.Before(since) {
			continue
		}
		if slices.ContainsFunc(v.s.PodsByIP(lastHost(s)), func(p *corev1.Pod) bool { return p.Spec.NodeName == node && !p.Spec.HostNetwork }) {
			return true
		}
	}
	return false
}

// comesFromElsewhere reports whether a route's gateway has a pod on another node than the one.
func (v *view) comesFromElsewhere(r *route, node string) bool {
	return slices.ContainsFunc(v.m.Gateways(r.Route), func(p *corev1.Pod) bool { return p.Spec.NodeName != "" && p.Spec.NodeName != node })
}

// networksOf are the nodes of gateways and of endpoints, each once.
func networksOf(gates []*corev1.Pod, ends []path.End) []string {
	nodes := nodesOf(ends)
	for _, p := range gates {
		nodes = append(nodes, p.Spec.NodeName)
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}
