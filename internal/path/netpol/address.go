package netpol

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// inBlock reports whether an address is in a block and in none of its exceptions.
func inBlock(b *networkingv1.IPBlock, ip string) bool {
	return within(b.CIDR, ip) && !slices.ContainsFunc(b.Except, func(e string) bool { return within(e, ip) })
}

func within(cidr, ip string) bool {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	block, err := netip.ParsePrefix(cidr)
	return err == nil && block.Contains(addr.Unmap())
}

// admitsPort reports whether one of a rule's ports is the one that is dialled; a rule without ports
// is for all of them, of every protocol.
func admitsPort(ps []networkingv1.NetworkPolicyPort, target End, port int32) bool {
	return len(ps) == 0 || slices.ContainsFunc(ps, func(p networkingv1.NetworkPolicyPort) bool {
		return protocolOf(p) == target.protocol() && number(p, target, port)
	})
}

// protocolOf is the protocol of a policy's port: TCP where none is written.
func protocolOf(p networkingv1.NetworkPolicyPort) corev1.Protocol {
	if p.Protocol == nil {
		return corev1.ProtocolTCP
	}
	return *p.Protocol
}

func (e End) protocol() corev1.Protocol { return cmp.Or(e.Protocol, corev1.ProtocolTCP) }

func number(p networkingv1.NetworkPolicyPort, target End, port int32) bool {
	switch {
	case p.Port == nil:
		return true
	case p.Port.Type == intstr.String:
		return named(target, p.Port.StrVal, port)
	case p.EndPort != nil:
		return p.Port.IntVal <= port && port <= *p.EndPort
	default:
		return p.Port.IntVal == port
	}
}

// named reports whether the dialled pod declares a port under that name. Init containers count if
// they run beside the others, as native sidecars do.
func named(target End, name string, port int32) bool {
	if target.Pod == nil {
		return false
	}
	declares := func(c corev1.Container) bool {
		return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool {
			return p.Name == name && p.ContainerPort == port && cmp.Or(p.Protocol, corev1.ProtocolTCP) == target.protocol()
		})
	}
	return slices.ContainsFunc(target.Pod.Spec.Containers, declares) ||
		slices.ContainsFunc(target.Pod.Spec.InitContainers, func(c corev1.Container) bool {
			return c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways && declares(c)
		})
}

// ports writes a rule's ports as people say them.
func ports(ps []networkingv1.NetworkPolicyPort) string {
	var out []string
	for _, p := range ps {
		text := ""
		switch {
		case p.Port == nil:
			text = "any port"
		case p.EndPort != nil:
			text = fmt.Sprintf("ports %s to %d", p.Port, *p.EndPort)
		default:
			text = "port " + p.Port.String()
		}
		if protocol := protocolOf(p); protocol != corev1.ProtocolTCP {
			text += " of " + string(protocol)
		}
		out = append(out, text)
	}
	return strings.Join(out, " and ")
}
