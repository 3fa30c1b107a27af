package oracle

import (
	"fmt"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/path/netpol"
)

// world is a small cluster: few labels, ports and blocks, so that chance meets all of them.
type world struct {
	spaces   map[string]map[string]string
	pods     []*corev1.Pod
	policies []*networkingv1.NetworkPolicy
}

func newWorld(r *rand.Rand) world {
	w := world{spaces: map[string]map[string]string{}}
	for _, name := range []string{"x", "y", "z"} {
		w.spaces[name] = labels(r, name)
		for i := range 3 {
			p := pod(name, fmt.Sprintf("p%d", i), fmt.Sprintf("10.%d.%d.%d", r.IntN(2), r.IntN(2), 1+r.IntN(200)), labels(r, ""))
			p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: fmt.Sprintf("fd00:%d::%x", r.IntN(2), 1+r.IntN(200))})
			declare(r, p)
			w.pods = append(w.pods, p)
		}
	}
	for i := range 1 + r.IntN(4) {
		w.policies = append(w.policies, policy(r, pick(r, "x", "y"), fmt.Sprintf("n%d", i)))
	}
	return w
}

// connection picks two pods, the addresses of one family, or a node in one's place, and a port.
func (w world) connection(r *rand.Rand) connection {
	c := connection{port: pick[int32](r, 53, 80, 8080, 8443, 9000)}
	from := w.pods[r.IntN(len(w.pods))]
	to := w.pods[r.IntN(len(w.pods))]
	for to == from { // a pod cannot block access to itself; cyclonus does not say so
		to = w.pods[r.IntN(len(w.pods))]
	}
	family := r.IntN(2)
	c.from = netpol.End{Pod: from, Namespace: w.spaces[from.Namespace], IP: from.Status.PodIPs[family].IP}
	c.to = netpol.End{Pod: to, Namespace: w.spaces[to.Namespace], IP: to.Status.PodIPs[family].IP}
	c.to.Protocol = pick(r, "", corev1.ProtocolTCP, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)
	switch r.IntN(12) {
	case 0:
		c.from.Host = true
	case 1:
		c.to.Host = true
	}
	return c
}

func pod(namespace, name, ip string, have map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: have},
		Status:     corev1.PodStatus{PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}},
	}
}

// declare gives a pod named ports, of its containers and of a native sidecar. An init container that
// ends has no ports that count.
func declare(r *rand.Rand, p *corev1.Pod) {
	always := corev1.ContainerRestartPolicyAlways
	main := corev1.Container{Name: "main", Ports: []corev1.ContainerPort{
		{Name: "http", ContainerPort: pick[int32](r, 80, 8080), Protocol: corev1.ProtocolTCP},
		{Name: "dns", ContainerPort: 53, Protocol: pick(r, corev1.ProtocolUDP, corev1.ProtocolTCP)},
	}}
	sidecar := corev1.Container{Name: "sidecar", RestartPolicy: &always, Ports: []corev1.ContainerPort{
		{Name: pick(r, "https", "http"), ContainerPort: 8443, Protocol: corev1.ProtocolTCP},
	}}
	setup := corev1.Container{Name: "setup", Ports: []corev1.ContainerPort{
		{Name: "metrics", ContainerPort: 9000, Protocol: corev1.ProtocolTCP},
	}}
	p.Spec.Containers = []corev1.Container{main}
	p.Spec.InitContainers = []corev1.Container{setup, sidecar}
}

func labels(r *rand.Rand, space string) map[string]string {
	out := map[string]string{}
	if space != "" {
		out[corev1.LabelMetadataName] = space
	}
	for _, key := range []string{"app", "zone"} {
		if v := pick(r, "", "a", "b"); v != "" {
			out[key] = v
		}
	}
	return out
}

func policy(r *rand.Rand, namespace, name string) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	p.Spec.PodSelector = selector(r)
	switch r.IntN(5) {
	case 0: // as the API server fills in
	case 1:
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	case 2:
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeEgress}
	default:
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	}
	for range r.IntN(4) {
		p.Spec.Ingress = append(p.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{From: peers(r), Ports: ports(r)})
	}
	for range r.IntN(4) {
		p.Spec.Egress = append(p.Spec.Egress, networkingv1.NetworkPolicyEgressRule{To: peers(r), Ports: ports(r)})
	}
	if r.IntN(2) == 0 && len(p.Spec.Ingress) == 0 {
		p.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{} // an empty list is no list
	}
	return p
}

func peers(r *rand.Rand) []networkingv1.NetworkPolicyPeer {
	var out []networkingv1.NetworkPolicyPeer
	for range r.IntN(4) {
		var x networkingv1.NetworkPolicyPeer
		space, pods := selector(r), selector(r)
		switch r.IntN(4) {
		case 0:
			x.IPBlock = block(r)
		case 1:
			x.NamespaceSelector = &space
		case 2:
			x.PodSelector = &pods
		default:
			x.NamespaceSelector, x.PodSelector = &space, &pods
		}
		out = append(out, x)
	}
	return out
}

func block(r *rand.Rand) *networkingv1.IPBlock {
	return pick(r,
		&networkingv1.IPBlock{CIDR: "0.0.0.0/0"},
		&networkingv1.IPBlock{CIDR: "10.0.0.0/16"},
		&networkingv1.IPBlock{CIDR: "10.0.0.0/8", Except: []string{"10.1.0.0/16"}},
		&networkingv1.IPBlock{CIDR: "10.1.0.0/16", Except: []string{"10.1.0.0/24", "10.1.1.128/25"}},
		&networkingv1.IPBlock{CIDR: "fd00::/16", Except: []string{"fd00:1::/32"}},
		&networkingv1.IPBlock{CIDR: "::/0"},
		&networkingv1.IPBlock{CIDR: "fd00:1::/32"},
	)
}

func ports(r *rand.Rand) []networkingv1.NetworkPolicyPort {
	var out []networkingv1.NetworkPolicyPort
	for range r.IntN(4) {
		var p networkingv1.NetworkPolicyPort
		if protocol := pick(r, "", corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP); protocol != "" {
			p.Protocol = &protocol
		}
		switch r.IntN(5) {
		case 0: // any port of the protocol
		case 1, 2:
			n := intstr.FromInt32(pick[int32](r, 53, 80, 8080, 8443))
			p.Port = &n
		case 3:
			n, end := intstr.FromInt32(pick[int32](r, 50, 80, 8000)), pick[int32](r, 8080, 8443, 10000)
			p.Port, p.EndPort = &n, &end
		default:
			n := intstr.FromString(pick(r, "http", "https", "dns", "metrics", "other"))
			p.Port = &n
		}
		out = append(out, p)
	}
	return out
}

// selector asks for labels in all ways but the two in which cyclonus is wrong.
func selector(r *rand.Rand) metav1.LabelSelector {
	var s metav1.LabelSelector
	key, value := pick(r, "app", "zone", "none"), pick(r, "a", "b")
	switch r.IntN(7) {
	case 0, 1: // everything
	case 2, 3:
		s.MatchLabels = map[string]string{key: value}
	case 4:
		s.MatchLabels = map[string]string{corev1.LabelMetadataName: pick(r, "x", "y")}
	case 5:
		s.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: key, Operator: pick(r, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist)}}
	default:
		s.MatchExpressions = []metav1.LabelSelectorRequirement{
			{Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{value, "c"}},
			{Key: "zone", Operator: metav1.LabelSelectorOpExists},
			{Key: "zone", Operator: metav1.LabelSelectorOpNotIn, Values: []string{pick(r, "a", "b")}},
		}[r.IntN(2):]
		// Exists before NotIn: on a label that is there both mean the same.
	}
	return s
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }
