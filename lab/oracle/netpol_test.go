package oracle

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/gatemend/gatemend/internal/path/netpol"
)

// connections is how many random connections are judged by both.
const connections = 40_000

// TestNetworkPolicies judges random connections by random NetworkPolicies with gatemend's evaluator
// and with cyclonus'. They must agree but where cyclonus v0.5.6 does not do what the API says; world
// leaves these out, and TestWhereCyclonusDiffers keeps them:
//
//   - a NotIn expression on a label that is not there. "The set of labels is: notin, and all resources
//     with no labels with that key" (kubernetes.io, Labels and Selectors): it fits. Cyclonus: it does not.
//   - matchLabels with an empty value for a label that is not there. It is an In requirement, which asks
//     for the key: it does not fit. Cyclonus compares with Go's zero value: it fits.
//
// Policies without policyTypes cyclonus refuses; it gets those that the API server would write.
func TestNetworkPolicies(t *testing.T) {
	const seed = 20260501
	random := rand.New(rand.NewPCG(seed, seed))
	closed, opened := 0, 0
	for n := 0; n < connections; {
		w := newWorld(random)
		judge := matcher.BuildNetworkPolicies(false, defaulted(w.policies))
		for range 20 {
			n++
			c := w.connection(random)
			want := judge.IsTrafficAllowed(c.traffic())
			in := netpol.Ingress(w.policies, c.from, c.to, c.port)
			out := netpol.Egress(w.policies, c.from, c.to, c.port)
			if in.Allowed != want.Ingress.IsAllowed() || out.Allowed != want.Egress.IsAllowed() {
				t.Fatalf("connection %d: ingress %v, want %v; egress %v, want %v\n%s%s", n,
					in.Allowed, want.Ingress.IsAllowed(), out.Allowed, want.Egress.IsAllowed(), c, text(t, w.policies))
			}
			for _, p := range w.policies {
				if in.Allowed && !c.to.Host && netpol.Selects(p, c.to.Pod, networkingv1.PolicyTypeIngress) {
					opened++
					break
				}
			}
			if !in.Allowed || !out.Allowed {
				closed++
			}
		}
	}
	t.Logf("%d connections in both directions: %d closed, %d let in by a rule", connections, closed, opened)
	if closed < connections/20 || opened < connections/20 {
		t.Errorf("the generator has become one-sided: %d closed, %d let in by a rule", closed, opened)
	}
}

// TestWhereCyclonusDiffers keeps the differences that TestNetworkPolicies leaves out, so that it is
// noticed when they end.
func TestWhereCyclonusDiffers(t *testing.T) {
	for name, selector := range map[string]string{
		"NotIn without the label":          `{matchExpressions: [{key: zone, operator: NotIn, values: [a]}]}`,
		"an empty value without the label": `{matchLabels: {zone: ""}}`,
	} {
		p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "x"}}
		spec := `{podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: ` + selector + `}]}]}`
		if err := yaml.Unmarshal([]byte(spec), &p.Spec); err != nil {
			t.Fatal(err)
		}
		a, b := pod("x", "a", "10.0.0.1", nil), pod("x", "b", "10.0.0.2", nil)
		c := connection{from: netpol.End{Pod: a}, to: netpol.End{Pod: b}, port: 80}
		ours := netpol.Ingress([]*networkingv1.NetworkPolicy{p}, c.from, c.to, c.port).Allowed
		theirs := matcher.BuildNetworkPolicies(false, []*networkingv1.NetworkPolicy{p}).IsTrafficAllowed(c.traffic()).Ingress.IsAllowed()
		if ours == theirs {
			t.Errorf("%s: no difference any more: take it out of the list", name)
		}
	}
}

// connection is one that is judged.
type connection struct {
	from, to netpol.End
	port     int32
}

func (c connection) String() string {
	return fmt.Sprintf("from %s/%s %v %v (%s)\nto %s/%s %v %v (%s) port %d %s\n",
		c.from.Pod.Namespace, c.from.Pod.Name, c.from.Pod.Labels, c.from.Namespace, c.from.IP,
		c.to.Pod.Namespace, c.to.Pod.Name, c.to.Pod.Labels, c.to.Namespace, c.to.IP, c.port, c.to.Protocol)
}

// traffic is the connection in cyclonus' form. It knows one name for a port: the one that the pod
// declares.
func (c connection) traffic() *matcher.Traffic {
	t := &matcher.Traffic{Source: peer(c.from), Destination: peer(c.to), ResolvedPort: int(c.port), Protocol: c.to.Protocol, ResolvedPortName: "(none)"}
	if t.Protocol == "" {
		t.Protocol = corev1.ProtocolTCP
	}
	containers := c.to.Pod.Spec.Containers
	for _, i := range c.to.Pod.Spec.InitContainers {
		if i.RestartPolicy != nil && *i.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, i)
		}
	}
	for _, k := range containers {
		for _, p := range k.Ports {
			if p.ContainerPort == c.port && p.Protocol == t.Protocol {
				t.ResolvedPortName = p.Name
			}
		}
	}
	return t
}

func peer(e netpol.End) *matcher.TrafficPeer {
	p := &matcher.TrafficPeer{IP: e.IP}
	if p.IP == "" {
		p.IP = e.Pod.Status.PodIP
	}
	if !e.Host {
		p.Internal = &matcher.InternalPeer{PodLabels: e.Pod.Labels, NamespaceLabels: e.Namespace, Namespace: e.Pod.Namespace}
	}
	return p
}

// defaulted fills in policyTypes as the API server does (pkg/apis/networking/v1/defaults.go).
func defaulted(policies []*networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
	var out []*networkingv1.NetworkPolicy
	for _, p := range policies {
		p = p.DeepCopy()
		if len(p.Spec.PolicyTypes) == 0 {
			p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
			if len(p.Spec.Egress) != 0 {
				p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
			}
		}
		out = append(out, p)
	}
	return out
}

func text(t *testing.T, policies []*networkingv1.NetworkPolicy) string {
	t.Helper()
	out := ""
	for _, p := range policies {
		data, err := yaml.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		out += "---\n" + string(data)
	}
	return out
}
