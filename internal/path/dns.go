package path

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/path/netpol"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// nodeLocalDNS is the address of NodeLocal DNSCache, where that is installed
// (kubernetes.io, Using NodeLocal DNSCache in Kubernetes Clusters).
const nodeLocalDNS = "169.254.20.10"

// DNSService finds the Service of the cluster's DNS: kube-dns, whatever answers behind it, or
// OpenShift's. It is nil if none could be seen.
func (m *Map) DNSService() *corev1.Service {
	for _, name := range [][2]string{{"kube-system", "kube-dns"}, {"openshift-dns", "dns-default"}, {"kube-system", "coredns"}} {
		if svc, ok := m.s.Services().Get(name[0], name[1]); ok == snapshot.Present {
			return svc
		}
	}
	for svc := range m.s.Services().In("kube-system") {
		if svc.Labels["k8s-app"] == "kube-dns" {
			return svc
		}
	}
	return nil
}

// DNSEnds lists the pods that answer for the cluster's DNS over UDP, ready or not, each with the port
// on which it is asked.
func (m *Map) DNSEnds() []End {
	svc := m.DNSService()
	if svc == nil || len(svc.Spec.Selector) == 0 {
		return nil
	}
	i := slices.IndexFunc(svc.Spec.Ports, func(p corev1.ServicePort) bool { return p.Protocol == corev1.ProtocolUDP })
	if i < 0 {
		return nil
	}
	var out []End
	for p := range m.s.Pods().In(svc.Namespace) {
		if Finished(p) || !matches(svc.Spec.Selector, p.Labels) {
			continue
		}
		if port, ok := TargetPort(svc.Spec.Ports[i], &p.Spec); ok {
			out = append(out, End{IP: p.Status.PodIP, Port: port, Pod: p, PodRef: snapshot.RefOf(p), Node: p.Spec.NodeName, Ready: Ready(p)})
		}
	}
	return out
}

// matches reports whether labels have all that a Service's selector asks for.
func matches(selector, have map[string]string) bool {
	for k, v := range selector {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// ReachDNS asks whether NetworkPolicies let a pod ask the cluster's DNS. A policy that admits the
// address of DNS's Service counts as one that admits its pods, as plugins differ in which of the two
// they look at. It is OK for a pod that does not use the cluster's DNS.
func (m *Map) ReachDNS(from *corev1.Pod) (model.Verdict, *Block) {
	if from.Spec.DNSPolicy == corev1.DNSDefault || from.Spec.DNSPolicy == corev1.DNSNone || from.Spec.HostNetwork {
		return model.OK, nil
	}
	ends := m.DNSEnds()
	if len(ends) == 0 {
		return model.Unknown, &Block{Why: "no pod of the cluster's DNS could be looked at"}
	}
	verdict, block := model.OK, (*Block)(nil)
	for i, e := range ends {
		v, b := m.Between(from, e, corev1.ProtocolUDP)
		if v == model.OK {
			return v, nil
		}
		if i == 0 {
			verdict, block = v, b
		}
	}
	if block.Policy != nil && !block.Ingress && m.admitsAddress(from, ends[0].Port) {
		return model.OK, nil
	}
	return verdict, block
}

// admitsAddress reports whether a pod may send to one of the addresses under which DNS is asked.
func (m *Map) admitsAddress(from *corev1.Pod, port int32) bool {
	policies := m.s.PoliciesFor(from)
	addresses := []string{m.DNSService().Spec.ClusterIP}
	if _, ok := m.s.DaemonSets().Get("kube-system", "node-local-dns"); ok == snapshot.Present {
		addresses = append(addresses, nodeLocalDNS)
	}
	return slices.ContainsFunc(addresses, func(ip string) bool {
		return byAddress(policies, m.end(from), ip, port) || port != dnsPort && byAddress(policies, m.end(from), ip, dnsPort)
	})
}

const dnsPort = 53

func byAddress(policies []*networkingv1.NetworkPolicy, from netpol.End, ip string, port int32) bool {
	return netpol.Egress(policies, from, netpol.End{IP: ip, Protocol: corev1.ProtocolUDP}, port).Allowed
}
