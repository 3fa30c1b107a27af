package path

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path/netpol"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// unless is Broken by a block, and Unknown where NetworkPolicies are what keeps the connection out while a policy of a
// plugin's own kind may let it through all the same. What an admin's policy allows, NetworkPolicies are not asked about
// (network-policy-api.sigs.k8s.io, API overview: "Allow" and "Accept" end the evaluation). To Calico NetworkPolicies are policies
// like its own that only allow, and what none of their tier allows is refused after the last one alone (docs.tigera.io, "Get
// started with Calico network policy" and "Tiered policy").
func (m *Map) unless(b *Block, from, to netpol.End, port int32) (model.Verdict, *Block) {
	if b.Policy == nil {
		return model.Broken, b
	}
	subject, peer := from, to
	if b.Ingress {
		subject, peer = to, from
	}
	for _, u := range m.plugins {
		if mayAdmit(u, b.Ingress, subject, peer, port, to.Protocol) {
			return model.Unknown, &Block{Object: snapshot.RefOf(u), Why: fmt.Sprintf("%s; %s (%s) may admit it all the same, and policies of this kind are not evaluated", b.Why, snapshot.RefOf(u), u.GetAPIVersion())}
		}
	}
	return model.Broken, b
}

// mayAdmit reports whether a policy of a plugin's own kind allows a connection of the pod that it selects, as far as it can be
// read; what cannot counts as allowing it. What is asked after NetworkPolicies only, a baseline, says nothing of a pod that
// these close.
func mayAdmit(u *unstructured.Unstructured, ingress bool, subject, peer netpol.End, port int32, protocol corev1.Protocol) bool {
	tier, _, _ := unstructured.NestedString(u.Object, "spec", "tier")
	if strings.HasPrefix(u.GetKind(), "Baseline") || admins(u) && tier == "Baseline" || !pluginSelects(u, subject) {
		return false
	}
	list := "egress"
	if ingress {
		list = "ingress"
	}
	found, _, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", list)
	rules, _ := found.([]any)
	return slices.ContainsFunc(rules, func(x any) bool {
		rule, ok := x.(map[string]any)
		switch {
		case !ok:
			return true
		case rule["action"] != "Allow" && rule["action"] != "Accept":
			return false
		case admins(u):
			return adminRuleFits(rule, ingress, peer, port)
		default:
			return calicoRuleFits(rule, u.GetNamespace(), ingress, peer, port, protocol)
		}
	})
}

// admins reports whether a policy is one of the network-policy-api.
func admins(u *unstructured.Unstructured) bool {
	return strings.HasPrefix(u.GetAPIVersion(), "policy.networking.k8s.io/")
}

func adminRuleFits(rule map[string]any, ingress bool, peer netpol.End, port int32) bool {
	side := "to"
	if ingress {
		side = "from"
	}
	peers, _ := rule[side].([]any)
	ports, _ := rule["ports"].([]any)
	return (len(peers) == 0 || slices.ContainsFunc(peers, func(x any) bool { return adminFits(x, peer) })) &&
		(len(ports) == 0 || slices.ContainsFunc(ports, func(x any) bool { return adminPortFits(x, port) }))
}

// adminFits reports whether an end may be what a subject or peer of the network-policy-api names. Pods on their node's network are
// none of its pods.
func adminFits(x any, e netpol.End) bool {
	fields, _ := x.(map[string]any)
	spaces, bySpace := fields["namespaces"]
	pods, byPods := fields["pods"].(map[string]any)
	switch {
	case !bySpace && !byPods:
		return true // networks, nodes, names: none that objects show
	case e.Pod == nil || e.Host:
		return false
	case bySpace:
		return mayFit(spaces, e.Namespace, e.Unread)
	default:
		return mayFit(pods["namespaceSelector"], e.Namespace, e.Unread) && mayFit(pods["podSelector"], e.Pod.Labels, false)
	}
}

// mayFit reports whether labels fit a selector of an object without a table. Where either is not known they may.
func mayFit(selector any, have map[string]string, unread bool) bool {
	fields, ok := selector.(map[string]any)
	var typed metav1.LabelSelector
	if !ok || unread || runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &typed) != nil {
		return true
	}
	parsed, err := metav1.LabelSelectorAsSelector(&typed)
	return err != nil || parsed.Matches(labels.Set(have))
}

func adminPortFits(x any, port int32) bool {
	fields, _ := x.(map[string]any)
	if one, ok := fields["portNumber"].(map[string]any); ok {
		return between(one["port"], one["port"], port)
	}
	if several, ok := fields["portRange"].(map[string]any); ok {
		return between(several["start"], several["end"], port)
	}
	return true // by a name
}

// between reports whether a port may lie between two numbers as they stand in an object without a table.
func between(first, last any, port int32) bool {
	a, err := strconv.Atoi(fmt.Sprint(first))
	b, err2 := strconv.Atoi(fmt.Sprint(last))
	return err != nil || err2 != nil || a <= int(port) && int(port) <= b
}

func calicoRuleFits(rule map[string]any, namespace string, ingress bool, peer netpol.End, port int32, protocol corev1.Protocol) bool {
	if p, ok := rule["protocol"].(string); ok && !strings.EqualFold(p, string(protocol)) {
		return false
	}
	target, _ := rule["destination"].(map[string]any)
	ports, _ := target["ports"].([]any)
	if len(ports) > 0 && !slices.ContainsFunc(ports, func(x any) bool {
		first, last, ok := strings.Cut(fmt.Sprint(x), ":")
		return !ok && between(x, x, port) || ok && between(first, last, port)
	}) {
		return false
	}
	side := target
	if ingress {
		side, _ = rule["source"].(map[string]any)
	}
	return calicoFits(side, namespace, peer)
}

// calicoFits reports whether an end may be what a rule of Calico's names, in a policy of a namespace or, if that is empty, of the
// cluster.
func calicoFits(side map[string]any, namespace string, e netpol.End) bool {
	if nets, ok := side["nets"].([]any); ok && !slices.ContainsFunc(nets, func(x any) bool { return mayHold(fmt.Sprint(x), e) }) {
		return false
	}
	if e.Pod == nil || e.Host {
		return true
	}
	pods, _ := side["selector"].(string)
	spaces, _ := side["namespaceSelector"].(string)
	if pods != "" && spaces == "" && namespace != "" && namespace != e.Pod.Namespace {
		return false
	}
	return calicoSelects(pods, e.Pod.Labels) && (e.Unread || calicoSelects(spaces, e.Namespace))
}

// mayHold reports whether a block holds an end's address, as far as both can be read.
func mayHold(block string, e netpol.End) bool {
	text := e.IP
	if text == "" && e.Pod != nil {
		text = e.Pod.Status.PodIP
	}
	prefix, err := netip.ParsePrefix(block)
	ip, err2 := netip.ParseAddr(text)
	return err != nil || err2 != nil || prefix.Contains(ip.Unmap())
}
