package cilium

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// admitsPeer reports whether a rule is for the other end, and by which field it says for whom it is. A rule that
// says only ports is for everybody on them, and one that says nothing is for nobody.
func (c call) admitsPeer(x map[string]any, namespace string) (answer Answer, field string) {
	named := false
	limit := Yes
	for name, value := range x {
		form, ofSide := strings.CutPrefix(name, c.side)
		switch {
		case name == "toPorts" || name == "icmps":
		case name == "authentication":
			limit = min(limit, authenticated(value))
		case form == "Requires":
			limit = Maybe
		case ofSide:
			named, field = true, max(field, name)
			answer = max(answer, c.fits(form, value, namespace))
		default:
			limit = Maybe
		}
	}
	if !named {
		answer = is(x["toPorts"] != nil)
	}
	return min(answer, limit), field
}

func authenticated(value any) Answer {
	fields, ok := value.(map[string]any)
	if ok && fields["mode"] == "disabled" {
		return Yes
	}
	return Maybe
}

// fits reports whether one way of saying for whom a rule is takes the other end.
func (c call) fits(form string, value any, namespace string) Answer {
	items, ok := value.([]any)
	if !ok {
		return Maybe
	}
	pod := c.peer.Pod != nil && !c.peer.Host
	out := No
	for _, item := range items {
		fields, _ := item.(map[string]any)
		text, _ := item.(string)
		switch {
		case form == "Endpoints" && pod:
			out = max(out, selects(fields, namespace, c.peer))
		case form == "Endpoints" && c.peer.Ingress:
			out = max(out, reserved(fields, namespace))
		case form == "Endpoints" && c.peer.Host && (namespace == "" || speaksOfNodes(fields)):
			out = max(out, Maybe)
		case form == "Endpoints":
		case form == "Entities":
			out = max(out, c.entity(text))
		case form == "CIDR":
			out = max(out, c.inBlock(text, nil))
		case form == "CIDRSet":
			if cidr, ok := fields["cidr"].(string); ok {
				out = max(out, c.inBlock(cidr, texts(fields["except"])))
			} else if !pod {
				out = Maybe // a group of blocks, elsewhere
			}
		case !pod, form != "Nodes" && form != "Groups" && form != "FQDNs":
			out = max(out, Maybe)
		}
	}
	return out
}

// speaksOfNodes reports whether a selector asks for what Cilium calls reserved identities, as those of nodes.
func speaksOfNodes(selector map[string]any) bool {
	for key := range at(selector, "matchLabels") {
		if strings.HasPrefix(bare(key), "reserved:") {
			return true
		}
	}
	return slices.ContainsFunc(list(selector, "matchExpressions"), func(x map[string]any) bool {
		key, ok := x["key"].(string)
		return ok && strings.HasPrefix(bare(key), "reserved:")
	})
}

// reserved reports whether a selector of pods takes Cilium's own gateway: one for its reserved label may, and in a policy
// of the whole cluster the empty one, for all that Cilium manages.
func reserved(selector map[string]any, namespace string) Answer {
	empty := len(at(selector, "matchLabels")) == 0 && len(list(selector, "matchExpressions")) == 0
	if speaksOfNodes(selector) || empty && namespace == "" {
		return Maybe
	}
	return No
}

// entity reports whether a name for many ends takes the other one. The node of the pod itself is let in anyway, so that
// a node is another one here.
func (c call) entity(name string) Answer {
	pod, node := c.peer.Pod != nil && !c.peer.Host, c.peer.Host
	if c.peer.Ingress {
		return is(name == "all" || name == "ingress" || name == "cluster")
	}
	switch name {
	case "all":
		return Yes
	case "cluster":
		return max(is(pod || node), Maybe) // an address can be one of the cluster's
	case "world", "world-ipv4", "world-ipv6":
		return is(!pod && !node)
	case "host", "none", "init", "health", "unmanaged", "ingress":
		return No
	case "remote-node", "kube-apiserver":
		if pod || node && name == "remote-node" {
			return is(node)
		}
	}
	return Maybe
}

// inBlock reports whether an address is in a block: pods never are, and nodes only where Cilium is told so.
func (c call) inBlock(cidr string, except []string) Answer {
	addr, err := netip.ParseAddr(c.peer.IP)
	within := func(block string) bool {
		prefix, bad := netip.ParsePrefix(block)
		return bad == nil && err == nil && prefix.Contains(addr.Unmap())
	}
	switch {
	case c.peer.Pod != nil && !c.peer.Host, c.peer.Ingress, !within(cidr) || slices.ContainsFunc(except, within):
		return No
	case c.peer.Host:
		return Maybe
	default:
		return Yes
	}
}

// admitsPorts reports whether a rule is for the port that is dialled; one without ports is for all of them. What it
// says of requests beyond that is not judged.
func (c call) admitsPorts(x map[string]any) Answer {
	if x["toPorts"] == nil {
		return is(x["icmps"] == nil)
	}
	out := No
	for _, p := range list(x, "toPorts") {
		ports := list(p, "ports")
		if len(ports) > 0 && !slices.ContainsFunc(ports, c.isPort) {
			continue
		}
		answer := Yes
		if p["serverNames"] != nil || p["listener"] != nil || picky(at(p, "rules")) {
			answer = Maybe
		}
		out = max(out, answer)
	}
	return out
}

// picky reports whether rules about requests leave some out. Those about DNS do not concern the connection.
func picky(rules map[string]any) bool {
	for name := range rules {
		if name != "dns" && !slices.ContainsFunc(list(rules, name), func(x map[string]any) bool { return len(x) == 0 }) {
			return true
		}
	}
	return false
}

func (c call) isPort(p map[string]any) bool {
	protocol, want := "", string(cmp.Or(c.target.Protocol, corev1.ProtocolTCP))
	if s, ok := p["protocol"].(string); ok {
		protocol = strings.ToUpper(s)
	}
	if protocol != "" && protocol != "ANY" && protocol != want {
		return false
	}
	text, _ := p["port"].(string)
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return c.namedPort(text)
	}
	last := max(n, whole(p["endPort"]))
	return n == 0 || n <= int64(c.port) && int64(c.port) <= last
}

// namedPort reports whether the dialled pod declares the port under a name.
func (c call) namedPort(name string) bool {
	return c.target.Pod != nil && slices.ContainsFunc(slices.Concat(c.target.Pod.Spec.Containers, c.target.Pod.Spec.InitContainers), func(k corev1.Container) bool {
		return slices.ContainsFunc(k.Ports, func(p corev1.ContainerPort) bool { return p.Name == name && p.ContainerPort == c.port })
	})
}

// whole reads a number in any form in which decoders leave it.
func whole(v any) int64 {
	switch n := v.(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	default:
		return 0
	}
}
