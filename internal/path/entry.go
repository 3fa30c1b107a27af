package path

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/gatemend/gatemend/internal/model"
	"github.com/gatemend/gatemend/internal/snapshot"
)

// settling is how long a new load balancer may take to get its address.
const settling = 2 * time.Minute

// Entry is a Service in front of a gateway's pods.
type Entry struct {
	Service *corev1.Service
	Ends    []End
	// Stray is set where the Service selects no pod at all and nothing else leads to the gateway: it was
	// meant to.
	Stray bool
	// Shut are the ports for web traffic that lead to a port on which no pod of the gateway is known to listen, while
	// the other one leads to one that they declare. (Istio's gateways declare none of theirs.)
	Shut []Leg
	// Derived is set when there are no EndpointSlices of it, and Ends were made of the pods.
	Derived bool
}

// Outside reports whether a Service takes requests from outside of the cluster.
func Outside(svc *corev1.Service) bool {
	return svc.Spec.Type == corev1.ServiceTypeLoadBalancer || svc.Spec.Type == corev1.ServiceTypeNodePort
}

// outerIn is a Service if it takes requests from outside, and nothing if not, or if there is none.
func outerIn(o metav1.Object) []types.NamespacedName {
	if svc, ok := o.(*corev1.Service); ok && Outside(svc) {
		return []types.NamespacedName{{Namespace: svc.Namespace, Name: svc.Name}}
	}
	return nil
}

// Outer lists the Services that take requests from outside, by namespace and name.
func (m *Map) Outer() []*corev1.Service {
	var out []*corev1.Service
	for _, n := range m.outer {
		if svc, _ := m.s.Services().Get(n.Namespace, n.Name); svc != nil {
			out = append(out, svc)
		}
	}
	return out
}

// findEntries lists the Services that lead to a gateway's pods. If none does, it is those of type LoadBalancer
// that lead to no pod: they were meant to.
func (m *Map) findEntries(f Fleet) []Entry {
	var out, strays []Entry
	lost := m.s.Pods().Covers(f.Object.Namespace) && len(f.Pods) > 0 && !f.Pod.Spec.HostNetwork
	for svc := range m.s.Services().In(f.Object.Namespace) {
		switch {
		case len(svc.Spec.Selector) == 0 || len(svc.Spec.Ports) == 0:
		case snapshot.Matches(svc.Spec.Selector, f.Pod.Labels):
			out = append(out, m.Entry(svc))
		case lost && svc.Spec.Type == corev1.ServiceTypeLoadBalancer && len(m.selected(svc)) == 0:
			strays = append(strays, Entry{Service: svc, Stray: true})
		}
	}
	if len(out) == 0 {
		return strays
	}
	return out
}

// Entry resolves a Service's TCP ports.
func (m *Map) Entry(svc *corev1.Service) Entry {
	e := Entry{Service: svc}
	var shut []Leg
	declared := false
	for _, r := range m.Direct(svc) {
		for _, l := range m.Legs(r) {
			if l.Port != nil && (l.Port.Port == 80 || l.Port.Port == 443) {
				declared = declared || l.declared()
				if l.elsewhere() {
					shut = append(shut, l)
				}
			}
			derived := len(m.s.SlicesOf(svc.Namespace, svc.Name)) == 0
			if derived && !l.Derived {
				l.Ends = nil
				l.derive()
			}
			e.Derived = e.Derived || derived
			e.Ends = append(e.Ends, l.ReadyEnds()...)
		}
	}
	if declared {
		e.Shut = shut
	}
	return e
}

// declared reports whether an endpoint's pod declares the port that it is asked on.
func (l Leg) declared() bool {
	return slices.ContainsFunc(l.ReadyEnds(), func(e End) bool { return e.Pod != nil && slices.Contains(Declared(e.Pod), e.Port) })
}

// elsewhere reports whether all that is known of all of the endpoints' pods points to other ports.
func (l Leg) elsewhere() bool {
	ends := l.ReadyEnds()
	return len(ends) > 0 && !slices.ContainsFunc(ends, func(e End) bool {
		return e.Pod == nil || Listens(e.Pod, e.Port).Verdict != model.Suspect
	})
}

// Direct lists the ways of requests that go to a Service itself: one for each of its TCP ports.
func (m *Map) Direct(svc *corev1.Service) []Route {
	var out []Route
	ref := snapshot.RefOf(svc)
	for i, p := range svc.Spec.Ports {
		if p.Protocol != "" && p.Protocol != corev1.ProtocolTCP {
			continue
		}
		out = append(out, Route{
			Object: ref, Rule: fmt.Sprintf("spec.ports[%d]", i), Host: fmt.Sprintf("%s.%s:%d", svc.Name, svc.Namespace, p.Port), Path: "/",
			Backends: []Backend{{Service: ref, PortNumber: p.Port, PortName: p.Name, Weight: 1}},
		})
	}
	return out
}

// Direct reports whether requests go to a Service itself, not to a gateway.
func (r Route) Direct() bool { return r.Object.Kind == "Service" && len(r.From) == 0 }

// entryOf is the Service by which requests for a route come to its gateway: the best of several. There is none
// where a gateway that runs can be reached in another way, as one on its node's network can.
func (m *Map) entryOf(r Route) (best Entry, fault string, ok bool) {
	_, _, down := m.Down(r)
	for _, f := range m.Fleets(r) {
		outside := slices.DeleteFunc(slices.Clone(f.Entries), func(e Entry) bool { return !Outside(e.Service) })
		if len(outside) == 0 && (!down || f.Pod.Spec.HostNetwork) {
			return Entry{}, "", false
		}
		for _, e := range outside {
			why := m.entryFault(e, f, down)
			better := !ok || why == "" && (fault != "" || e.Service.Spec.Type == corev1.ServiceTypeLoadBalancer && best.Service.Spec.Type != corev1.ServiceTypeLoadBalancer)
			if better {
				best, fault, ok = e, why, true
			}
		}
	}
	return best, fault, ok
}

// entryFault says why no request gets through a Service to the gateway behind it. That the gateway's own pods are
// not ready is no fault of the Service. A Service of type LoadBalancer without an address may still be reached by
// its node ports, as in clusters without a cloud, unless somebody says that its load balancer could not be made.
func (m *Map) entryFault(e Entry, f Fleet, down bool) string {
	ref := snapshot.RefOf(e.Service)
	switch {
	case e.Stray:
		return fmt.Sprintf("%s has selector %s, which matches no pod; the gateway's carry %s", ref, selectorText(e.Service.Spec.Selector), selectorText(f.Pod.Labels))
	case !down && len(e.Ends) == 0 && !e.Derived && slices.ContainsFunc(f.Pods, Ready):
		return fmt.Sprintf("%s has no ready endpoint, though pods of %s are ready", ref, f.Object)
	}
	if why, _ := BalancerWarning(m.s, ref); why != "" && Pending(m.s, e.Service) {
		return fmt.Sprintf("%s has no address: %s", ref, why)
	}
	return ""
}

// Pending reports whether a Service of type LoadBalancer waits for its address longer than that takes.
func Pending(s *snapshot.Snapshot, svc *corev1.Service) bool {
	return svc.Spec.Type == corev1.ServiceTypeLoadBalancer && len(svc.Status.LoadBalancer.Ingress) == 0 && s.At().Sub(svc.CreationTimestamp.Time) >= settling
}

// BalancerWarning is the newest word of a load balancer's controller that it could not make one for an object. The
// reasons are those of service controllers (k8s.io/cloud-provider, controllers/service), MetalLB and the AWS
// controller.
func BalancerWarning(s *snapshot.Snapshot, ref model.Ref) (string, *corev1.Event) {
	reasons := []string{
		"SyncLoadBalancerFailed", "EnsureLoadBalancerFailed", "CreatingLoadBalancerFailed", "UpdateLoadBalancerFailed", "AllocationFailed",
		"FailedDeployModel", "FailedBuildModel", "FailedAddFinalizer", "Sync", "Translate",
	}
	for _, e := range slices.Backward(s.EventsOf(ref)) {
		if e.Type == corev1.EventTypeWarning && slices.Contains(reasons, e.Reason) {
			return strings.TrimSpace(e.Message), e
		}
		if e.Reason == "EnsuredLoadBalancer" || e.Reason == "SuccessfullyReconciled" {
			break // it was made after all
		}
	}
	return "", nil
}

// balancer is the Service in front of the gateway. It reports whether requests get through.
func (w *walker) balancer() bool {
	if len(w.r.From) > 0 || w.r.Direct() {
		return true
	}
	e, fault, ok := w.m.entryOf(w.r)
	switch {
	case !ok:
		return true
	case fault != "":
		w.hop(model.HopLoadBalancer, snapshot.RefOf(e.Service), model.Broken, fault)
		return false
	}
	if len(e.Shut) > 0 {
		l := e.Shut[0]
		end := l.ReadyEnds()[0]
		w.hop(model.HopLoadBalancer, snapshot.RefOf(e.Service), model.Suspect,
			fmt.Sprintf("forwards port %d to port %d of the gateway's pods: %s", l.Port.Port, end.Port, Listens(end.Pod, end.Port).Why))
		return true
	}
	why := fmt.Sprintf("leads to %s of the gateway", count(len(e.Ends), "endpoint"))
	if nodes := LocalNodes(e); nodes != nil {
		why += " by way of their own nodes alone: " + strings.Join(nodes, ", ")
	}
	w.hop(model.HopLoadBalancer, snapshot.RefOf(e.Service), model.OK, why)
	return true
}

// LocalNodes lists the nodes that take requests from outside for a Service with externalTrafficPolicy Local: those
// with a ready endpoint. The others drop them (kubernetes/kubernetes, pkg/proxy). It is nil for other Services.
func LocalNodes(e Entry) []string {
	if !Outside(e.Service) || e.Service.Spec.ExternalTrafficPolicy != corev1.ServiceExternalTrafficPolicyLocal {
		return nil
	}
	out := []string{}
	for _, end := range e.Ends {
		node := end.Node
		if node == "" && end.Pod != nil {
			node = end.Pod.Spec.NodeName
		}
		if node != "" && !slices.Contains(out, node) {
			out = append(out, node)
		}
	}
	slices.Sort(out)
	return out
}
