package path

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/proxy"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// Leg is one backend of a rule, resolved as far down as the snapshot goes.
type Leg struct {
	Backend  Backend
	Presence snapshot.Presence
	Service  *corev1.Service     // nil unless Present
	Port     *corev1.ServicePort // nil if the Service has no such port
	PortAt   int                 // index of Port in the Service
	// Lenient is set where the route's controller finds the port or the endpoints by what the API does not give them for: a
	// target port's name or number.
	Lenient bool
	// Selected are the living pods that the Service's selector matches; finished ones are left out.
	Selected []*corev1.Pod
	Ends     []End
	// Derived is set when the EndpointSlices could not be read, and Ends were made of the pods.
	Derived bool
}

// End is one address behind a Service port.
type End struct {
	IP          string
	Port        int32
	Pod         *corev1.Pod // nil if no pod of the snapshot has the address
	PodRef      model.Ref   // as the slice names it
	Node        string
	Ready       bool
	Terminating bool
	// ForNodes and ForZones are the places that the EndpointSlice hints it is for.
	ForNodes, ForZones []string
}

// Address is the end as a proxy dials it.
func (e End) Address() string { return net.JoinHostPort(e.IP, strconv.Itoa(int(e.Port))) }

// Legs resolves the backends of a rule that get a share of its requests.
func (m *Map) Legs(r Route) []Leg {
	var out []Leg
	for _, b := range r.Backends {
		if b.Weight == 0 {
			continue
		}
		if b.Service.Kind == "Service" {
			out = append(out, m.leg(r, b))
		}
	}
	return out
}

func (m *Map) leg(r Route, b Backend) Leg {
	l := Leg{Backend: b, PortAt: -1}
	l.Service, l.Presence = m.s.Services().Get(b.Service.Namespace, b.Service.Name)
	if l.Presence != snapshot.Present {
		return l
	}
	how := m.ports(r, b)
	if l.PortAt = servicePort(b, l.Service.Spec.Ports, how); l.PortAt >= 0 {
		l.Port = &l.Service.Spec.Ports[l.PortAt]
		l.Lenient = how != proxy.PortsByName && servicePort(b, l.Service.Spec.Ports[l.PortAt:l.PortAt+1], proxy.PortsByName) < 0
	}
	l.Selected = m.selected(l.Service)
	if l.Port == nil || l.Service.Spec.Type == corev1.ServiceTypeExternalName {
		return l
	}
	if !m.s.EndpointSlices().Covers(b.Service.Namespace) && len(m.s.SlicesOf(b.Service.Namespace, b.Service.Name)) == 0 {
		l.Derived = true
		l.derive()
	} else {
		l.read(m.s, how)
	}
	l.pick()
	return l
}

// ports says how the controller of a route finds the port of a backend. Who dials the Service's own address needs a port of
// just that number there.
func (m *Map) ports(r Route, b Backend) proxy.Ports {
	if r.Object.Kind != "Ingress" || r.Settings.For(b.Service.Name).Yes(proxy.ServiceAddress) {
		return proxy.PortsByName
	}
	return m.matching(&r).Ports
}

// servicePort is the place of the Service port that a backend means; -1 if there is none. Of two with one number, as for HTTP/3, it
// is the one for TCP: gateways send requests by no other protocol. ingress-nginx takes the first, and looks among the TCP ports of
// the EndpointSlices for its name or, if it is a number, its target port: the same, unless one of the two is named
// (internal/ingress/controller: controller.go, endpointslices.go).
func servicePort(b Backend, ports []corev1.ServicePort, how proxy.Ports) int {
	byNumber := func(p corev1.ServicePort) bool { return b.PortName == "" && p.Port == b.PortNumber }
	byName := func(p corev1.ServicePort) bool { return b.PortName != "" && p.Name == b.PortName }
	byTarget := func(p corev1.ServicePort) bool { return b.Port() != "" && p.TargetPort.String() == b.Port() }
	meant := []func(corev1.ServicePort) bool{func(p corev1.ServicePort) bool {
		only := b.Port() == "" && len(ports) == 1 // Istio: a port need not be named where there is one
		return only || byName(p) || byNumber(p) || how == proxy.PortsOrTarget && byTarget(p)
	}}
	if how == proxy.TargetsFirst {
		meant = slices.Insert(meant, 0, func(p corev1.ServicePort) bool { return byName(p) || byTarget(p) })
	}
	for _, is := range meant {
		tcp := func(p corev1.ServicePort) bool {
			return is(p) && (p.Protocol == "" || p.Protocol == corev1.ProtocolTCP)
		}
		if i := slices.IndexFunc(ports, tcp); i >= 0 {
			return i
		}
		if i := slices.IndexFunc(ports, is); i >= 0 {
			return i
		}
	}
	return -1
}

// pick keeps the ends of the subset that the route names. An end whose pod is not known is kept.
func (l *Leg) pick() {
	s := l.Backend.Subset
	if s == nil {
		return
	}
	l.Ends = slices.DeleteFunc(l.Ends, func(e End) bool {
		return s.Missing || e.Pod != nil && !snapshot.Matches(s.Labels, e.Pod.Labels)
	})
}

// selected lists the living pods that a Service's selector matches; none for a Service without one.
func (m *Map) selected(svc *corev1.Service) []*corev1.Pod {
	return slices.DeleteFunc(m.s.PodsSelected(svc.Namespace, svc.Spec.Selector), Finished)
}

// Unseen reports whether the ends would have to be made of pods without a status, so that which of them are ready
// could not be looked at.
func (l Leg) Unseen() bool {
	return l.Derived && len(l.ReadyEnds()) == 0 && slices.ContainsFunc(l.Selected, Unseen)
}

// derive makes ends of the pods, as the endpoints controller would.
func (l *Leg) derive() {
	for _, p := range l.Selected {
		port, ok := TargetPort(*l.Port, &p.Spec)
		if !ok || p.Status.PodIP == "" {
			continue
		}
		l.Ends = append(l.Ends, End{
			IP: p.Status.PodIP, Port: port, Pod: p, PodRef: snapshot.RefOf(p), Node: p.Spec.NodeName,
			Ready:       (Ready(p) || l.Service.Spec.PublishNotReadyAddresses) && p.DeletionTimestamp == nil,
			Terminating: p.DeletionTimestamp != nil,
		})
	}
}

// read takes the ends from the EndpointSlices.
func (l *Leg) read(s *snapshot.Snapshot, how proxy.Ports) {
	for _, es := range s.SlicesOf(l.Service.Namespace, l.Service.Name) {
		if es.AddressType == discoveryv1.AddressTypeFQDN || len(es.Endpoints) == 0 {
			continue // an empty one has no ports either, which says nothing of how the port was found
		}
		port := slicePort(es, l.Port.Name)
		if port == 0 && how == proxy.PortsOrTarget {
			port = unnamedPort(es, *l.Port)
			l.Lenient = l.Lenient || port != 0
		}
		if port == 0 {
			continue
		}
		l.Ends = slices.Grow(l.Ends, len(es.Endpoints))
		for i := range es.Endpoints {
			l.Ends = appendEnds(l.Ends, s, es, &es.Endpoints[i], port)
		}
	}
	slices.SortStableFunc(l.Ends, func(a, b End) int { return cmp.Or(cmp.Compare(a.IP, b.IP), cmp.Compare(a.Port, b.Port)) })
	l.Ends = slices.CompactFunc(l.Ends, func(a, b End) bool { return a.IP == b.IP && a.Port == b.Port })
}

func appendEnds(out []End, s *snapshot.Snapshot, es *discoveryv1.EndpointSlice, ep *discoveryv1.Endpoint, port int32) []End {
	for _, ip := range ep.Addresses {
		e := End{IP: ip, Port: port, Ready: ep.Conditions.Ready == nil || *ep.Conditions.Ready}
		e.Terminating = ep.Conditions.Terminating != nil && *ep.Conditions.Terminating
		if ep.NodeName != nil {
			e.Node = *ep.NodeName
		}
		if h := ep.Hints; h != nil {
			for _, z := range h.ForZones {
				e.ForZones = append(e.ForZones, z.Name)
			}
			for _, n := range h.ForNodes {
				e.ForNodes = append(e.ForNodes, n.Name)
			}
		}
		if t := ep.TargetRef; t != nil && t.Kind == "Pod" {
			e.PodRef = model.Ref{APIVersion: "v1", Kind: "Pod", Namespace: cmp.Or(t.Namespace, es.Namespace), Name: t.Name}
			if p, ok := s.Pods().Get(e.PodRef.Namespace, e.PodRef.Name); ok == snapshot.Present {
				e.Pod = p
			}
		}
		out = append(out, e)
	}
	return out
}

// slicePort gives the port of a slice that carries a Service port's name; 0 if it has none.
func slicePort(es *discoveryv1.EndpointSlice, name string) int32 {
	for _, p := range es.Ports {
		have := ""
		if p.Name != nil {
			have = *p.Name
		}
		if have == name && p.Port != nil && (p.Protocol == nil || *p.Protocol == corev1.ProtocolTCP) {
			return *p.Port
		}
	}
	return 0
}

// unnamedPort is the port that ingress-nginx takes of a slice that has none of a Service port's name: the Service's target port,
// if that is a number, and the slice has any port for TCP, or none at all (internal/ingress/controller/endpointslices.go). It is
// 0 where the slice knows no such number: whoever wrote it by hand says that another port is listened on.
func unnamedPort(es *discoveryv1.EndpointSlice, p corev1.ServicePort) int32 {
	number := cmp.Or(p.TargetPort.IntVal, p.Port)
	known := func(e discoveryv1.EndpointPort) bool {
		return (e.Protocol == nil || *e.Protocol == corev1.ProtocolTCP) && e.Port != nil && *e.Port == number
	}
	if p.TargetPort.Type != intstr.Int || len(es.Ports) > 0 && !slices.ContainsFunc(es.Ports, known) {
		return 0
	}
	return number
}

// ReadyEnds lists the ends to which proxies send requests.
func (l Leg) ReadyEnds() []End {
	if !slices.ContainsFunc(l.Ends, func(e End) bool { return !e.Ready }) {
		return slices.Clip(l.Ends)
	}
	var out []End
	for _, e := range l.Ends {
		if e.Ready {
			out = append(out, e)
		}
	}
	return out
}

// External reports whether the Service is a name elsewhere.
func (l Leg) External() bool {
	return l.Service != nil && l.Service.Spec.Type == corev1.ServiceTypeExternalName
}

// ports lists a Service's ports as people read them: "80 (http)".
func servicePorts(svc *corev1.Service) string {
	var out []string
	for _, p := range svc.Spec.Ports {
		text := strconv.Itoa(int(p.Port))
		if p.Name != "" {
			text = fmt.Sprintf("%d (%s)", p.Port, p.Name)
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return "no port"
	}
	return strings.Join(out, ", ")
}
